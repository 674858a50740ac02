//! Writes what a run derives: alerts and scores, and what it set aside.
//!
//! Into files for now, one a kind, JSON lines. Nothing here decides what to write, or reads.

mod files;

pub use files::{FileOutputs, PublishError};
