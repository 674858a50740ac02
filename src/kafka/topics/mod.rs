//! What the topics of a deployment must be like, and what is not so.
//!
//! One table serves whoever creates topics, whoever checks them and the start of a worker, so that they can't disagree.
//! The reasons are those of the delivery protocol, `docs/delivery.md` §3. Pure: [`super::admin`] asks the brokers.

mod differences;
#[cfg(test)]
mod tests;
mod wanted;

pub use differences::{Difference, FoundTopic, Weight, differences};
pub use wanted::{Rule, Shape, WantedSetting, WantedTopic, wanted};
