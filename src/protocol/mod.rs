//! The delivery protocol as values and pure functions: what a worker knows, what it finds, what it may do.
//!
//! | chapter      | what it holds                                                              |
//! | ------------ | -------------------------------------------------------------------------- |
//! | `ids`        | shards, offsets, lineages, copies                                          |
//! | `checkpoint` | how far a store is: the small value that every flush compares and sets     |
//! | `progress`   | the last record of a step in the changelog                                 |
//! | `channel`    | what one stage tells the next: deltas and clocks                           |
//! | `upstream`   | what a shard has heard of the stage before it                              |
//! | `decide`     | the decision table: what a new owner does with a shard                     |
//! | `rules`      | what a step may do, rule by rule                                           |
//! | `halt`       | why a shard stops and waits for a person                                   |
//!
//! Nothing here does IO or reads a clock, so that the worker and a model checker run the very same code.

mod channel;
mod checkpoint;
mod decide;
mod halt;
mod ids;
mod progress;
pub mod rules;
mod upstream;

pub use channel::{Told, What, delta_schema};
pub use checkpoint::{Checkpoint, CheckpointError, CopyStatus};
pub use decide::{
    Found, FoundProgress, Identity, Range, Retention, Ruling, StoredCheckpoint, decide,
};
pub use halt::Halt;
pub use ids::{CopyId, Lineage, Offset, RandomIds, ShardId, Step};
pub use progress::{CHANGE_KEY, PROGRESS_KEY, Progress, ProgressError, StepEnd};
pub use upstream::{Heard, Upstream, Upstreams};
