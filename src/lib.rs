//! Waymark, the shell around the pure engine.

pub mod publish;
pub mod source;
