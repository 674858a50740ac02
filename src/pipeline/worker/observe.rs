//! What the world is told of a worker: metrics and the state of its shards. Nothing here decides anything.

use std::time::Duration;

use rdkafka::error::KafkaError;
use tracing::{error, info};

use super::decide::Decided;
use super::{Shared, Worker};
use crate::clock::Stopwatch;
use crate::pipeline::stage::Stage;
use crate::protocol::{Halt, Offset, ShardId, Upstreams};
use crate::telemetry::ShardState;

/// How often lags are looked at: two questions to the broker for each shard.
const EVERY: Duration = Duration::from_secs(5);
/// How long one look may take before it leaves the other shards to the next one. An answer may be waited for on top.
const LOOK_MAX: Duration = Duration::from_secs(5);
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
        self.observe_source();
        self.observe_shards();
        self.observed.looked = Stopwatch::start();
        self.observed.pulse.beat(); // a broker may have let us wait
    }

    /// Asks where the source ends. Of a shard that gets no answer the lag stands as it was last known.
    fn observe_source(&mut self) {
        let shards: Vec<ShardId> = self.running.keys().copied().collect();
        let (topic, watermarks) = (&self.shared.source_topic, &self.watermarks);
        let ends = self.observed.round.ask(&shards, LOOK_MAX, |shard| {
            let log = watermarks.range(topic, shard)?;
            Ok::<_, KafkaError>((log.end, watermarks.stable_end(topic, shard)?))
        });
        for (id, (end, stable)) in ends {
            let shard = &self.running[&id];
            let lag = |until: Offset| (until.0 - shard.progress.position.0).max(0);
            shard.metrics.lag_to_end.set(lag(end));
            shard.metrics.lag_to_stable.set(lag(stable));
            if self.stalled.is_none() {
                self.listen(id, stable);
            }
        }
    }

    /// Shows what we know without asking anybody.
    fn observe_shards(&self) {
        // Records bear the time of their broker, which is that of the story where one is told.
        let now = self.shared.time.now();
        for (id, shard) in &self.running {
            let metrics = &shard.metrics;
            let behind = metrics.lag_to_end.get() > 0;
            let waiting = shard.read_until.filter(|_| behind);
            let waiting = waiting.map_or(0.0, |at| now.since(at).as_secs_f64());
            metrics.lag_seconds.set(waiting);
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
    }
}

/// Asks about shards in turn. Brokers that are away let each question wait, and who waits for all of them neither polls nor
/// seems alive: so the first that gets no answer ends a look, and the next one begins behind it.
#[derive(Debug, Default)]
pub(super) struct Round {
    next: Option<ShardId>,
}

impl Round {
    /// Asks about each shard once, at least about one; returns the answers that came within `patience`.
    fn ask<T, E>(
        &mut self,
        shards: &[ShardId],
        patience: Duration,
        mut ask: impl FnMut(ShardId) -> Result<T, E>,
    ) -> Vec<(ShardId, T)> {
        let since = Stopwatch::start();
        let first = shards.partition_point(|shard| Some(*shard) < self.next);
        let (behind, ahead) = shards.split_at(first);
        let mut answers = Vec::new();
        for shard in ahead.iter().chain(behind) {
            self.next = Some(ShardId(shard.0 + 1));
            let Ok(answer) = ask(*shard) else { break };
            answers.push((*shard, answer));
            if since.elapsed() >= patience {
                break;
            }
        }
        answers
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

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    /// Asks about twelve shards; those of `silent` get no answer. Returns who was asked, and who answered.
    fn look(round: &mut Round, patience: Duration, silent: &[i32]) -> (Vec<i32>, Vec<i32>) {
        let shards: Vec<_> = (0..12).map(ShardId).collect();
        let mut asked = Vec::new();
        let answers = round.ask(&shards, patience, |shard| {
            asked.push(shard.0);
            (!silent.contains(&shard.0)).then_some(()).ok_or(())
        });
        let answered = answers.iter().map(|(shard, ())| shard.0).collect();
        (asked, answered)
    }

    #[test]
    fn brokers_that_are_away_are_asked_once_in_a_look() {
        let (mut round, everybody): (_, Vec<_>) = (Round::default(), (0..12).collect());
        for shard in [0, 1, 2] {
            let (asked, answered) = look(&mut round, LONG, &everybody);
            assert_eq!((asked, answered), (vec![shard], vec![]));
        }
        let (asked, answered) = look(&mut round, LONG, &[]);
        assert_eq!(asked, [3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2]);
        assert_eq!(answered, asked);
    }

    #[test]
    fn a_shard_without_an_answer_hides_no_other() {
        let mut round = Round::default();
        assert_eq!(look(&mut round, LONG, &[3]).1, [0, 1, 2]);
        let others = [4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2];
        assert_eq!(look(&mut round, LONG, &[3]).1, others);
        assert_eq!(look(&mut round, LONG, &[3]).1, others);
    }

    #[test]
    fn slow_brokers_are_asked_about_a_few_shards_in_a_look() {
        let mut round = Round::default();
        let asked: Vec<_> = (0..13)
            .flat_map(|_| look(&mut round, Duration::ZERO, &[]).0)
            .collect();
        assert_eq!(asked, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0]);
    }

    #[test]
    fn a_round_goes_on_when_shards_have_left() {
        let mut round = Round {
            next: Some(ShardId(7)),
        };
        let mut ask = |shards: &[ShardId]| round.ask(shards, LONG, |_| Ok::<_, ()>(()));
        assert_eq!(ask(&[]), []);
        assert_eq!(ask(&[ShardId(2)]), [(ShardId(2), ())]);
    }
}
