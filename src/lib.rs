//! Waymark, the shell around the pure engine.

pub mod cli;
mod clock;
pub mod pipeline;
pub mod publish;
pub mod simulate;
pub mod source;
pub mod store;
