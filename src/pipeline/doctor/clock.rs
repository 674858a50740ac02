//! Our clock against the brokers': idle ticks move stream time by ours, records are judged by theirs.
//!
//! Without writing anything, one thing can be told: a record that a broker took later than now shows that our clock is
//! behind. That it is ahead can't be seen so.

use std::time::Duration;

use super::{Area, Finding, State};
use crate::clock;
use crate::config::Config;
use crate::kafka::{PartitionReader, Watermarks};
use crate::protocol::{Offset, ShardId};

/// Less is nothing: answers take their time, too.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Holds the last records of the source against our clock; says nothing where there are none.
pub(super) fn examine(config: &Config, findings: &mut Vec<Finding>) {
    let events = config.deployment.events();
    let group = config.deployment.group("customer");
    let (Ok(watermarks), Ok(reader)) = (
        Watermarks::open(&config.kafka),
        PartitionReader::open(&config.kafka, &group, &events),
    ) else {
        return; // said under permissions
    };
    let partitions = watermarks.partitions(&events).unwrap_or_default();
    let shards = (0..i32::try_from(partitions).unwrap_or(i32::MAX)).map(ShardId);
    let newest = shards.filter_map(|shard| {
        let log = watermarks.range(&events, shard).ok()?;
        let last = Offset(log.end.0 - 1).max(log.start);
        reader.appended_at(shard, last).ok()?
    });
    let Some(newest) = newest.max() else { return };
    let ahead = newest.since(clock::now());
    let (state, said) = if ahead > TOLERANCE {
        let said = format!("our clock is at least {ahead:?} behind the brokers'");
        (State::Waived, said)
    } else {
        let said = format!("no record is newer than our clock, the last one is of {newest}");
        (State::Good, said)
    };
    findings.push(Finding::new(Area::Clock, state, said));
}
