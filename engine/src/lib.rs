//! The pure part of Waymark: bytes become events, events move journeys, journeys raise alerts.
//!
//! Everything here is synchronous and repeatable. The same journey, the same event and the same stream time give the
//! same [`Decision`](stage::Decision) on any machine, next year. No room of this crate knows Kafka, Redis, files, threads or
//! the wall clock; time is always an argument.
//!
//! ```text
//! event, stored ← derived ← definition ← journey ← stage ← rules, cohort ← reference
//! ```

pub mod cohort;
pub mod definition;
pub mod derived;
pub mod event;
pub mod journey;
pub mod reference;
pub mod rules;
pub mod stage;
mod stored;

/// The version of what is stored of customers and cohorts: one more with each change of `schemas/journey.avsc` or
/// `schemas/cohort.avsc`. A release reads its own and all before it.
pub const STATE_FORMAT: u32 = 1;
