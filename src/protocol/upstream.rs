//! What a shard has heard of the stage before it: how far each channel and each clock upstream is.
//!
//! Stream time of a shard behind another stage is the least of all clocks upstream, and there is none until every shard
//! upstream has spoken. So a fast shard can't make the customers of a slow one look silent.

use serde::{Deserialize, Serialize};
use waymark_engine::event::Timestamp;

use super::ShardId;

/// All shards upstream; part of the progress record. None where there is no stage before.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Upstreams(Vec<Upstream>);

/// One shard upstream, as heard on one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Upstream {
    /// The number of the last record on its channel.
    pub number: u64,
    /// Numbers that never came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// How far its clock is; absent until it has spoken.
    pub stream_time: Option<Timestamp>,
}

/// What a number on a channel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The next one.
    Next,
    /// One that was heard before: the record is a repeat.
    Before,
    /// So many were left out: something was lost upstream, or deleted before it was read.
    Behind(u64),
    /// There is no such shard upstream.
    Stranger,
}

impl Upstreams {
    /// Nothing heard yet of so many shards.
    pub fn new(shards: u32) -> Self {
        Self(vec![Upstream::default(); shards as usize])
    }

    /// Returns whether there is no stage before.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the shards upstream with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ShardId, &Upstream)> {
        (0..).map(ShardId).zip(&self.0)
    }

    /// Returns what a number would say, without taking it down.
    pub fn listen(&self, shard: ShardId, number: u64) -> Heard {
        let Some(upstream) = self.find(shard) else {
            return Heard::Stranger;
        };
        match number.checked_sub(upstream.number + 1) {
            Some(0) => Heard::Next,
            Some(missing) => Heard::Behind(missing),
            None => Heard::Before,
        }
    }

    /// Takes a number down, if it is new.
    pub fn hear(&mut self, shard: ShardId, number: u64) -> Heard {
        let heard = self.listen(shard, number);
        let missing = match heard {
            Heard::Next => 0,
            Heard::Behind(missing) => missing,
            Heard::Before | Heard::Stranger => return heard,
        };
        let upstream = &mut self.0[shard.index()];
        upstream.number = number;
        upstream.missing += missing;
        heard
    }

    /// Takes down how far a clock upstream is; clocks never go back.
    pub fn set_clock(&mut self, shard: ShardId, at: Timestamp) {
        if let Some(upstream) = self.0.get_mut(shard.index()) {
            upstream.stream_time = upstream.stream_time.max(Some(at));
        }
    }

    /// Returns the least clock; none until all have spoken.
    pub fn stream_time(&self) -> Option<Timestamp> {
        self.least(None)
    }

    /// Returns the least clock if one of them were at `at` by now.
    pub fn stream_time_with(&self, shard: ShardId, at: Timestamp) -> Option<Timestamp> {
        self.least(Some((shard, at)))
    }

    /// Returns the shard whose clock holds the others up, and where it stands; none if there is no stage before.
    pub fn slowest(&self) -> Option<(ShardId, Option<Timestamp>)> {
        let clocks = self.iter().map(|(shard, it)| (it.stream_time, shard));
        clocks.min().map(|(at, shard)| (shard, at))
    }

    /// Returns the greatest clock.
    pub fn fastest(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|it| it.stream_time).max()
    }

    fn find(&self, shard: ShardId) -> Option<&Upstream> {
        self.0.get(usize::try_from(shard.0).ok()?)
    }

    fn least(&self, with: Option<(ShardId, Timestamp)>) -> Option<Timestamp> {
        let clock = |(shard, upstream): (ShardId, &Upstream)| match with {
            Some((of, at)) if of == shard => upstream.stream_time.max(Some(at)),
            _ => upstream.stream_time,
        };
        self.iter().map(clock).min().flatten()
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN + std::time::Duration::from_secs(seconds)
    }

    #[test]
    fn numbers_tell_repeats_gaps_and_strangers_apart() {
        let mut upstreams = Upstreams::new(2);
        assert_eq!(upstreams.hear(ShardId(1), 1), Heard::Next);
        assert_eq!(upstreams.hear(ShardId(1), 1), Heard::Before);
        assert_eq!(upstreams.hear(ShardId(1), 4), Heard::Behind(2));
        assert_eq!(upstreams.hear(ShardId(1), 3), Heard::Before);
        assert_eq!(upstreams.hear(ShardId(1), 5), Heard::Next);
        assert_eq!(upstreams.hear(ShardId(0), 1), Heard::Next);
        assert_eq!(upstreams.hear(ShardId(0), 0), Heard::Before);
        assert_eq!(upstreams.hear(ShardId(2), 1), Heard::Stranger);
        assert_eq!(upstreams.hear(ShardId(-1), 1), Heard::Stranger);
        let missing: Vec<_> = upstreams.iter().map(|(_, it)| it.missing).collect();
        assert_eq!(missing, [0, 2]);
    }

    #[test]
    fn there_is_no_stream_time_until_all_have_spoken_and_then_the_slowest_counts() {
        let mut upstreams = Upstreams::new(2);
        upstreams.set_clock(ShardId(0), at(9));
        assert_eq!(upstreams.stream_time(), None);
        assert_eq!(upstreams.slowest(), Some((ShardId(1), None)));
        assert_eq!(upstreams.stream_time_with(ShardId(1), at(5)), Some(at(5)));
        upstreams.set_clock(ShardId(1), at(5));
        assert_eq!(upstreams.stream_time(), Some(at(5)));
        upstreams.set_clock(ShardId(1), at(4));
        assert_eq!(
            upstreams.stream_time(),
            Some(at(5)),
            "a clock never goes back"
        );
        assert_eq!(upstreams.stream_time_with(ShardId(1), at(20)), Some(at(9)));
        assert_eq!(upstreams.fastest(), Some(at(9)));
    }

    #[test]
    fn no_stage_before_means_no_clock() {
        assert_eq!(Upstreams::default().stream_time(), None);
        assert_eq!(Upstreams::default().slowest(), None);
    }
}
