//! What the world is told of a worker: metrics and the state of its shards. Nothing here decides anything.

use std::time::Duration;

use super::decide::Decided;
use super::{CUSTOMER, Worker};
use crate::clock::{self, Stopwatch};
use crate::protocol::{Halt, ShardId};
use crate::telemetry::ShardState;

/// How often lags are looked at: two questions to the broker for each shard.
const EVERY: Duration = Duration::from_secs(5);

impl Worker {
    /// Counts what a committed step has done.
    pub(super) fn count(&self, step: &Decided) {
        let metrics = &self.observed.metrics;
        metrics.enter(&step.books);
        for alert in &step.alerts {
            metrics.alert(&alert.kind, alert.status);
        }
        if step.tick {
            metrics.tick();
        }
    }

    /// Shows what a shard does from now on.
    pub(super) fn show(&self, shard: ShardId, state: ShardState) {
        self.observed.status.set(CUSTOMER, number(shard), state);
    }

    /// Shows that running shards wait for somebody else.
    pub(super) fn show_stalled(&mut self, cause: &str) {
        self.stalled = true;
        for shard in self.running.keys() {
            let why = cause.to_owned();
            self.show(*shard, ShardState::Waiting { why });
        }
    }

    /// Shows that shards go on, if they had to wait.
    pub(super) fn show_going_on(&mut self) {
        if !std::mem::take(&mut self.stalled) {
            return;
        }
        for shard in self.running.keys() {
            self.show(*shard, ShardState::Running);
        }
    }

    /// Shows that a shard stands still.
    pub(super) fn show_halt(&self, shard: ShardId, halt: &Halt) {
        let state = ShardState::Halted {
            code: halt.code(),
            text: halt.to_string(),
        };
        self.show(shard, state);
    }

    /// Shows that a shard is no longer ours.
    pub(super) fn hide(&self, shard: ShardId) {
        self.observed.status.forget(CUSTOMER, number(shard));
    }

    /// Looks at the lags now and then.
    pub(super) fn observe(&mut self) {
        if self.observed.looked.elapsed() < EVERY {
            return;
        }
        self.observed.looked = Stopwatch::start();
        for (id, shard) in &self.running {
            let metrics = &shard.metrics;
            let lag = |until: i64| (until - shard.progress.position.0).max(0);
            let topic = &self.stage.source_topic;
            if let (Ok(log), Ok(stable)) = (
                self.watermarks.range(topic, *id),
                self.watermarks.stable_end(topic, *id),
            ) {
                metrics.lag_to_end.set(lag(log.end.0));
                metrics.lag_to_stable.set(lag(stable.0));
                let behind = lag(log.end.0) > 0;
                let waiting = shard.read_until.filter(|_| behind);
                let waiting = waiting.map_or(0.0, |at| clock::now().since(at).as_secs_f64());
                metrics.lag_seconds.set(waiting);
            }
            let steps = shard.progress.step.0 - shard.checkpoint.step.0.min(shard.progress.step.0);
            metrics
                .store_lag_steps
                .set(i64::try_from(steps).unwrap_or(i64::MAX));
            let records = shard.end.position().0 - shard.checkpoint.position.0;
            metrics.store_lag_records.set(records);
            let keys = shard.unflushed.len();
            metrics
                .unflushed_keys
                .set(i64::try_from(keys).unwrap_or(i64::MAX));
            if let Some(at) = shard.progress.stream_time {
                metrics.stream_time(at);
            }
        }
    }
}

/// Number of a shard as a label.
pub(super) fn number(shard: ShardId) -> u32 {
    u32::try_from(shard.0).expect("partitions are numbered from 0")
}
