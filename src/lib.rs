//! Waymark, the shell around the pure engine.

pub mod changelog;
pub mod cli;
mod clock;
pub mod config;
mod demo;
mod failpoint;
mod http;
pub mod kafka;
mod names;
pub mod pipeline;
pub mod protocol;
pub mod publish;
pub mod registry;
pub mod schemas;
pub mod serve;
pub mod simulate;
pub mod source;
pub mod store;
pub mod story;
pub mod telemetry;
pub mod trace;
mod view;
mod words;
mod yaml;
