//! What the world is told of a worker: metrics and the state of its shards. Nothing here decides anything.

use std::time::Duration;

use tracing::{error, info};

use super::decide::Decided;
use super::{Shared, Worker};
use crate::clock::Stopwatch;
use crate::pipeline::stage::Stage;
use crate::protocol::{Halt, ShardId, Upstreams};
use crate::telemetry::ShardState;

/// How often lags are looked at: two questions to the broker for each shard.
const EVERY: Duration = Duration::from_secs(5);
/// A clock upstream that is so far behind the fastest one is worth a word. Idle ones move once a minute.
const FAR_BEHIND: Duration = Duration::from_mins(3);

impl<S: Stage> Shared<S> {
    /// Shows what can be told of the stage before anything has happened.
    pub(crate) fn foretell(&self) {
        let (kinds, moves) = (self.stage.alert_kinds(), self.stage.moves());
        let moves = moves.iter().map(|(kind, to)| (*kind, &**to));
        let metrics = self.metrics.stage(S::NAME);
        metrics.foretell(self.partitions, kinds.iter().map(|kind| &**kind), moves);
    }
}

impl<S: Stage> Worker<S> {
    /// Counts what a committed step has done.
    pub(super) fn count(&self, step: &Decided) {
        let metrics = &self.observed.metrics;
        metrics.enter(&step.books);
        for alert in &step.alerts {
            metrics.alert(&alert.kind, alert.status);
        }
        for ((kind, to), number) in &step.moves {
            metrics.moved(*kind, to, *number);
        }
        for score in &step.scores {
            metrics.score(number(step.progress.shard), score);
        }
        if step.tick {
            metrics.tick();
        }
        if step.strays.missing > 0 {
            let (shard, missing) = (step.progress.shard, step.strays.missing);
            error!(stage = S::NAME, %shard, missing, "records of the stage before never came");
            metrics.missing(missing);
        }
    }

    /// Shows what a shard does from now on.
    pub(super) fn show(&self, shard: ShardId, state: ShardState) {
        self.observed.status.set(S::NAME, number(shard), state);
    }

    /// Shows that running shards wait for somebody else.
    pub(super) fn show_stalled(&mut self, cause: String) {
        for shard in self.running.keys() {
            let why = cause.clone();
            self.show(*shard, ShardState::Waiting { why });
        }
        self.stalled = Some(cause);
    }

    /// Shows that shards go on, if they had to wait.
    pub(super) fn show_going_on(&mut self) {
        if self.stalled.take().is_none() {
            return;
        }
        info!("going on");
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
        self.observed.status.forget(S::NAME, number(shard));
    }

    /// Looks at the lags now and then.
    pub(super) fn observe(&mut self) {
        if self.observed.looked.elapsed() < EVERY {
            return;
        }
        self.observed.looked = Stopwatch::start();
        // Records bear the time of their broker, which is that of the story where one is told.
        let (mut ends, now) = (Vec::new(), self.shared.time.now());
        for (id, shard) in &self.running {
            let metrics = &shard.metrics;
            let lag = |until: i64| (until - shard.progress.position.0).max(0);
            let topic = &self.shared.source_topic;
            if let (Ok(log), Ok(stable)) = (
                self.watermarks.range(topic, *id),
                self.watermarks.stable_end(topic, *id),
            ) {
                metrics.lag_to_end.set(lag(log.end.0));
                metrics.lag_to_stable.set(lag(stable.0));
                ends.push((*id, stable));
                let behind = lag(log.end.0) > 0;
                let waiting = shard.read_until.filter(|_| behind);
                let waiting = waiting.map_or(0.0, |at| now.since(at).as_secs_f64());
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
            self.observe_upstream(*id, &shard.progress.upstreams);
        }
        if self.stalled.is_none() {
            for (id, end) in ends {
                self.listen(id, end);
            }
        }
    }
}

impl<S: Stage> Worker<S> {
    /// Shows the clocks of the stage before, and says which one holds the others up.
    fn observe_upstream(&self, id: ShardId, upstreams: &Upstreams) {
        for (upstream, heard) in upstreams.iter() {
            if let Some(at) = heard.stream_time {
                let (shard, upstream) = (number(id), number(upstream));
                let metrics = &self.shared.metrics;
                metrics.upstream(S::NAME, shard, upstream, at);
            }
        }
        let status = &self.observed.status;
        status.note(S::NAME, number(id), held_up(upstreams));
    }
}

/// Says which shard of the stage before holds the clock up, if one is far behind.
fn held_up(upstreams: &Upstreams) -> Option<String> {
    let fastest = upstreams.fastest()?;
    match upstreams.slowest()? {
        (shard, None) => Some(format!(
            "its clock waits for shard {shard} of the stage before, which has not spoken yet"
        )),
        (shard, Some(at)) => (fastest.since(at) > FAR_BEHIND).then(|| {
            format!("its clock waits for shard {shard} of the stage before, which stands at {at}")
        }),
    }
}

/// Number of a shard as a label.
pub(super) fn number(shard: ShardId) -> u32 {
    u32::try_from(shard.0).expect("partitions are numbered from 0")
}
