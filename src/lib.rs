//! Waymark, the shell around the pure engine.

pub mod cli;
mod clock;
mod names;
pub mod pipeline;
pub mod publish;
pub mod simulate;
pub mod source;
pub mod store;
pub mod story;
mod yaml;
