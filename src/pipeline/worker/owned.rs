//! A shard that is ours: where it stands, and how it is doing.
//!
//! It moves by committed steps alone, each proven by a [`Receipt`]; what must hold between two of them is asserted here.

use std::time::Duration;

use waymark_engine::event::Timestamp;

use super::deaf::Hearing;
use super::decide::Decided;
use super::poison::Crashes;
use super::unflushed::Unflushed;
use crate::clock::Stopwatch;
use crate::protocol::{Checkpoint, Halt, Progress, ShardId, StepEnd};
use crate::publish::Receipt;
use crate::telemetry::ShardMetrics;

/// A shard that is ours and runs.
#[derive(Debug)]
pub(super) struct OwnedShard {
    pub(super) id: ShardId,
    /// As of the last committed step.
    pub(super) progress: Progress,
    /// Where that step ends in the changelog.
    pub(super) end: StepEnd,
    /// As we wrote it last.
    pub(super) checkpoint: Checkpoint,
    pub(super) unflushed: Unflushed,
    /// Since the last flush.
    pub(super) flushed: Stopwatch,
    /// Since somebody looked at the checkpoint, or a load did.
    pub(super) looked: Stopwatch,
    /// Since a clock record was sent.
    pub(super) clock_sent: Stopwatch,
    /// Stream time as the last clock record told it; none since the shard was taken over.
    pub(super) stream_time_told: Option<Timestamp>,
    /// Since the last step.
    pub(super) stepped: Stopwatch,
    /// How long ticks have to wait, and since when.
    pub(super) ticks_wait: (Stopwatch, Duration),
    /// Since the last tick.
    pub(super) ticked: Stopwatch,
    /// Records since the count of those of other shards began, and how many of them were.
    pub(super) misplaced: Misplaced,
    /// Whether the store may still hold keys of copies that no longer count.
    pub(super) rubbish: bool,
    pub(super) crashes: Crashes,
    pub(super) hearing: Hearing,
    /// When the broker appended the last record read.
    pub(super) read_until: Option<Timestamp>,
    pub(super) metrics: ShardMetrics,
}

impl OwnedShard {
    /// A shard that has just been recovered.
    pub(super) fn new(
        id: ShardId,
        progress: Progress,
        end: StepEnd,
        checkpoint: Checkpoint,
        ticks_wait: Duration,
        metrics: ShardMetrics,
    ) -> Self {
        let now = Stopwatch::start();
        Self {
            id,
            progress,
            end,
            checkpoint,
            unflushed: Unflushed::default(),
            flushed: now,
            looked: now,
            clock_sent: now,
            stream_time_told: None,
            stepped: now,
            ticks_wait: (now, ticks_wait),
            ticked: now,
            misplaced: Misplaced::default(),
            rubbish: false,
            crashes: Crashes::default(),
            hearing: Hearing::default(),
            read_until: None,
            metrics,
        }
    }

    /// Returns how long ticks still have to wait.
    pub(super) fn ticks_rest(&self) -> Duration {
        let (since, wait) = self.ticks_wait;
        wait.saturating_sub(since.elapsed())
    }

    /// Returns until when ticks rest, for whoever takes the shard over; none if they need not.
    pub(super) fn ticks_rest_until(&self, now: Timestamp) -> Option<Timestamp> {
        let rest = self.ticks_rest();
        (!rest.is_zero()).then(|| now + rest)
    }

    /// Returns since when no clock record was sent, if one that tells this stream time were news to the stage behind.
    pub(super) fn untold_for(&self, stream_time: Option<Timestamp>) -> Option<Duration> {
        (stream_time > self.stream_time_told).then(|| self.clock_sent.elapsed())
    }

    /// Takes over a committed step.
    pub(super) fn committed(&mut self, step: Decided, receipt: Receipt) {
        assert_eq!(
            step.progress.step,
            self.progress.step.next(),
            "steps are counted without gaps"
        );
        assert!(
            step.progress.position >= self.progress.position,
            "a position never falls while the shard is ours"
        );
        assert!(receipt.offset > self.end.offset, "progress records rise");
        self.end = StepEnd {
            step: step.progress.step,
            offset: receipt.offset,
            appended_at: receipt.appended_at,
        };
        self.misplaced.count(step.records, step.strays.misplaced);
        self.progress = step.progress;
        self.stepped = Stopwatch::start();
        self.read_until = step.read_until.or(self.read_until);
        if step.clock_told {
            self.clock_sent = Stopwatch::start();
            self.stream_time_told = self.progress.stream_time;
        }
        for change in step.changes {
            self.unflushed.put(change);
        }
    }

    /// Returns the checkpoint after a flush of everything.
    pub(super) fn next_checkpoint(&self) -> Checkpoint {
        self.checkpoint.after_flush(&self.end)
    }
}

/// Watches for a producer that puts customers where Java clients would not.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Misplaced {
    received: u64,
    wrong: u64,
}

impl Misplaced {
    /// Records after which the count begins anew. A step is counted whole, so there may be more of them.
    const WINDOW: u64 = 10_000;

    fn count(&mut self, received: u64, wrong: u64) {
        if self.received >= Self::WINDOW && self.too_many().is_none() {
            *self = Self::default();
        }
        self.received += received;
        self.wrong += wrong;
    }

    /// Returns why the shard must stand still: more than one in a hundred of a window belonged elsewhere.
    pub(super) fn too_many(self) -> Option<Halt> {
        let Self { received, wrong } = self;
        let too_many = wrong * 100 > received.max(Self::WINDOW);
        too_many.then_some(Halt::WrongPartitioner { wrong, received })
    }
}

#[cfg(test)]
mod tests;
