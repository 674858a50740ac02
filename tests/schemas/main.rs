//! What goes out, as its schemas say: alerts, scores and deltas in Avro and JSON, their examples, releases of their
//! schemas, and the document of all topics.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod asyncapi;
mod command;
mod forms;
