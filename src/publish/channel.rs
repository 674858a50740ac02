//! What the customer stage tells the stage behind it: deltas and clock records, each numbered on its channel.
//!
//! A channel is one shard here and one partition of `deltas` there. Its records carry 1, 2, 3, … without gaps, so that
//! the reader knows a repeat from a loss.

use serde::Serialize;
use waymark_engine::derived::Delta;
use waymark_engine::event::Timestamp;

use crate::protocol::{Offset, ShardId};

/// A record of `deltas`.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    /// Who tells it.
    pub upstream_shard: ShardId,
    /// Its number on this channel.
    pub number: u64,
    /// What is told.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// What is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What<'a> {
    /// A fact for one cohort.
    Delta(&'a Delta),
    /// How far the shard's clock is.
    Clock {
        /// V: the next record of the source to read.
        position: Offset,
        /// Stream time.
        stream_time: Timestamp,
        /// Whether an idle tick has moved it: a run that repeats this one must do the same at the same place.
        tick: bool,
    },
}
