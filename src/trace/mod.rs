//! Traces: which of them a record belongs to, what a step tells of itself, and where that is sent.
//!
//! ```text
//! record ─► traceparent, tracestate ──────────► link of the step's span (CONSUMER, a trace of its own)
//!                │                                                      │ link
//!                └─ its event brings an alert ─► span of the alert (PRODUCER, in the trace of the record)
//!                                                 └─► traceparent of the alert
//! ```
//!
//! | chapter   | what it holds                                                        |
//! | --------- | -------------------------------------------------------------------- |
//! | `context` | trace contexts in the headers of records (W3C Trace Context)         |
//! | `spans`   | the span of a step, and those of the alerts that it sends            |
//! | `export`  | spans on their way to a collector: OTLP over HTTP, a bounded queue   |
//!
//! Contexts stand in headers only: no value, no state and no decision ever depends on one. Unless spans are told, none is
//! made, and the context of a record goes on as it is. Knows nothing of what records mean; no span holds a customer's id.

mod context;
mod export;
mod spans;

pub use context::{Trail, with_trace};
pub use export::{ExportError, Exporter};
pub use spans::{Sending, StepSpan, Taking, Tracer};
