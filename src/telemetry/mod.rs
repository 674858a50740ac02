//! What can be seen of a running process: metrics, logs, how its shards are doing, which build it is.
//!
//! | chapter    | what it holds                               |
//! | ---------- | ------------------------------------------- |
//! | `families` | every metric family, once                   |
//! | `labels`   | the values that labels may have             |
//! | `metrics`  | the handles to count with                   |
//! | `page`     | the page of metrics, read back              |
//! | `scores`   | what is shown of the scores of cohorts      |
//! | `status`   | shards and worker loops, as probes see them |
//! | `logging`  | the log, as text or JSON                    |
//! | `build`    | which build this is                         |
//!
//! Low, so that everyone may count. Knows nothing of Kafka, stores or HTTP.

mod build;
mod families;
mod labels;
mod logging;
mod metrics;
mod page;
mod scores;
mod status;

pub use build::{COMMIT, VERSION};
pub(crate) use build::{LONG, SHORT};
pub use labels::{Copied, Flushed, Rebalance, RecycleCause, SpanLoss};
pub use logging::{LoggingError, start_logging};
pub use metrics::{Metrics, ShardMetrics, SpanMetrics, StageMetrics};
pub(crate) use page::{Page, Row};
pub use status::{Pulse, Report, ShardReport, ShardState, Status, WorkerReport};
