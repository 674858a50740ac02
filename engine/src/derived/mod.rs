//! What goes out: alerts with a life, the small facts between the stages, and daily scores.
//!
//! | chapter       | what it holds                                     |
//! | ------------- | ------------------------------------------------- |
//! | `alert`       | one transition in the life of an alert            |
//! | `delta`       | a survey reply as one cohort sees it              |
//! | `score`       | what a cohort's scores were at the close of a day |
//! | `cohort_name` | names of cohorts, `dimension=value`               |
//! | `avro`        | alerts and scores as Avro                         |
//!
//! These are values: they depend on the input and the definition alone, never on offsets, wall clocks or how a run was
//! cut into steps. Field names are those of the Avro schemas in `schemas/`; times are written as RFC 3339 in JSON,
//! as milliseconds in Avro.

mod alert;
mod avro;
mod cohort_name;
mod delta;
mod score;

pub use alert::{Alert, AlertId, Evidence, Level, Severity, Status};
pub use avro::{alert_schema, score_schema};
pub use cohort_name::CohortName;
pub use delta::{Category, Delta, Series};
pub use score::{Score, Verdict};
