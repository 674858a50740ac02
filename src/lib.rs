//! Waymark, the shell around the pure engine.

pub mod cli;
pub mod simulate;
