//! Shards on their way to us: recovered one after the other, then read on together.
//!
//! A shard that waits for somebody else's transaction to end does not keep the others from running: it is looked at
//! again and again, while they work. Whatever is running stands still for the moment in which another is recovered.
//!
//! Brokers and stores that are away let each question wait. So one attempt that fails ends a turn, those that were looked at
//! longest ago come first in the next one, and in between the group and the probes hear that we live.
//!
//! A halt needs somebody to end it. So one that rests on where the changelog ends is not believed at the first look: a
//! second one must find the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracing::{info, warn};

use super::Worker;
use super::collect::Collected;
use super::decide::Decided;
use super::react::Reaction;
use super::recover::{Recovered, Recovery, Unrecovered, unread};
use crate::clock::Stopwatch;
use crate::failpoint;
use crate::pipeline::error::told;
use crate::pipeline::stage::Stage;
use crate::protocol::rules::{may_recover, not_torn};
use crate::protocol::{Halt, Offset, Progress, ShardId, Step};
use crate::source::{KafkaSource, Polled};
use crate::telemetry::{Pulse, ShardState};
use crate::trace::StepSpan;

/// How long to wait between two looks at a shard that can't be recovered yet.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long to wait after an attempt that has failed.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// How often the log is reminded of a reason that lasts.
const REMIND: Duration = Duration::from_mins(1);
/// How long a transaction of a dead worker may outlive its timeout: the broker's scan, and some.
const SCAN: Duration = Duration::from_secs(15);

/// A shard that is ours and not yet recovered.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    /// The high watermark below which somebody's transaction has not ended.
    waits_for: Option<Offset>,
    /// Since when, and when it was looked at last.
    since: Option<Stopwatch>,
    looked: Option<Stopwatch>,
    alarmed: bool,
    /// What it would have halted for at the last look.
    suspected: Option<Halt>,
    /// The last attempt has failed: the next one takes its time.
    failed: bool,
    /// Why, as the log was told, and since when it knows.
    told: Option<(String, Stopwatch)>,
}

impl Candidate {
    fn is_due(&self) -> bool {
        let pause = if self.failed { TRY_AGAIN } else { LOOK_AGAIN };
        self.looked.is_none_or(|looked| looked.elapsed() >= pause)
    }

    /// Whether the log should be told: of a reason that is new, or that has lasted for long.
    fn is_news(&self, why: &str) -> bool {
        let told = self.told.as_ref();
        told.is_none_or(|(told, since)| told != why || since.elapsed() >= REMIND)
    }
}

/// Candidates that it is time to look at: first the new ones, then those that were looked at longest ago.
fn due(candidates: &BTreeMap<ShardId, Candidate>) -> Vec<ShardId> {
    let due = candidates
        .iter()
        .filter(|(_, candidate)| candidate.is_due());
    let mut due: Vec<_> = due.collect();
    let age = |candidate: &Candidate| candidate.looked.map_or(Duration::MAX, |it| it.elapsed());
    due.sort_by_cached_key(|(_, candidate)| Reverse(age(candidate)));
    due.into_iter().map(|(shard, _)| *shard).collect()
}

impl<S: Stage> Worker<S> {
    /// Recovers the shards that can be recovered now, and reads on.
    pub(super) fn take_over(&mut self) -> Result<(), Reaction> {
        let ready: Vec<ShardId> = self.ready_candidates();
        if ready.is_empty() {
            return Ok(());
        }
        self.source
            .assign(&[])
            .map_err(|error| Reaction::End(error.into()))?;
        if !self.hold_to_atomicity()? {
            return self.read_on();
        }
        for shard in ready {
            if !self.candidates.contains_key(&shard) {
                continue; // it has halted meanwhile
            }
            if self.go_on().is_break() {
                return Err(Reaction::StartAnew);
            }
            match self.recover(shard) {
                Ok(()) => {}
                Err(Unrecovered::Interrupted) => return Err(Reaction::StartAnew),
                Err(Unrecovered::Doubt(doubt)) => return Err(Reaction::Recycle(doubt)),
                Err(Unrecovered::Halt(halt)) => {
                    // The shard may have left us meanwhile, and then what we found means nothing.
                    if self.go_on().is_break() {
                        return Err(Reaction::StartAnew);
                    }
                    self.suspect(shard, halt);
                }
                Err(error) => {
                    self.later(shard, &error);
                    break;
                }
            }
        }
        let reading = self.read_on();
        failpoint::here("recover.7");
        reading
    }

    /// Candidates that need not wait, as far as a glance tells.
    fn ready_candidates(&mut self) -> Vec<ShardId> {
        let patience = self.kafka.transaction_timeout() + SCAN;
        let mut ready = Vec::new();
        for shard in due(&self.candidates) {
            let candidate = self.candidates.get_mut(&shard);
            let candidate = candidate.expect("listed just above");
            let Some(high_watermark) = candidate.waits_for else {
                ready.push(shard);
                continue;
            };
            let topic = &self.shared.outputs.changelog;
            let stable = self.watermarks.stable_end(topic, shard);
            candidate.looked = Some(Stopwatch::start());
            match stable {
                Ok(stable) if may_recover(stable, high_watermark) => ready.push(shard),
                Ok(_) => alarm(shard, topic, candidate, patience),
                Err(error) => {
                    self.unanswered = Some(Stopwatch::start());
                    warn!(%shard, %error, "the changelog does not answer");
                    break;
                }
            }
        }
        ready
    }

    fn recover(&mut self, shard: ShardId) -> Result<(), Unrecovered> {
        let since = self
            .candidates
            .get(&shard)
            .and_then(|candidate| candidate.waits_for);
        loop {
            match self.attempt(shard, since)? {
                Recovered::Running(owned) => {
                    info!(%shard, step = %owned.progress.step, position = %owned.progress.position, "shard runs");
                    self.candidates.remove(&shard);
                    self.show(shard, ShardState::Running);
                    self.running.insert(shard, *owned);
                    return Ok(());
                }
                Recovered::Waiting(high_watermark) => {
                    let candidate = self.candidates.entry(shard).or_default();
                    candidate.waits_for = Some(high_watermark);
                    candidate.since.get_or_insert_with(Stopwatch::start);
                    candidate.looked = Some(Stopwatch::start());
                    (candidate.failed, candidate.suspected) = (false, None);
                    let why = "somebody else's transaction on the changelog has not ended".into();
                    self.show(shard, ShardState::Waiting { why });
                    return Ok(());
                }
                Recovered::Begin(progress) => self.open(*progress)?,
            }
        }
    }

    fn attempt(&mut self, shard: ShardId, since: Option<Offset>) -> Result<Recovered, Unrecovered> {
        let (source, stop, pulse) = (&self.source, &self.stop, &self.observed.pulse);
        let mut go_on = || go_on(source, stop, pulse);
        let stage = &self.shared.stage;
        let mut recovery = Recovery {
            stage,
            source: &self.source,
            reader: &self.reader,
            watermarks: &self.watermarks,
            store: &mut *self.store,
            source_topic: &self.shared.source_topic,
            changelog_topic: &self.shared.outputs.changelog,
            group: &self.shared.group,
            partitions: self.shared.partitions,
            delete_retention: self.shared.delete_retention,
            tick_resume: self.shared.tick_resume,
            unanswered: self.unanswered,
            start: self.shared.start,
            metrics: &self.shared.metrics,
            stage_metrics: &self.observed.metrics,
            go_on: &mut go_on,
        };
        recovery.attempt(shard, since)
    }

    /// The first step of a shard: empty, with a new lineage. Only then is there anything that a store could be a copy of.
    fn open(&mut self, progress: Progress) -> Result<(), Unrecovered> {
        let membership = self.membership.as_ref().ok_or(Unrecovered::Interrupted)?;
        let mut steps = [Decided::opening(progress, &self.shared.edition)];
        let outputs = &self.shared.outputs;
        let nothing = Collected::<S::Input>::default();
        let committed = outputs.commit(
            &self.transactions,
            &self.source,
            membership,
            &mut steps,
            &nothing,
            &mut StepSpan::off(),
        );
        committed.map(|_| ()).map_err(Unrecovered::Doubt)
    }

    /// Halts a shard, if that can't be hasty or the last look has found the same; returns whether it has.
    fn suspect(&mut self, shard: ShardId, halt: Halt) -> bool {
        let candidate = self.candidates.entry(shard).or_default();
        let earlier = candidate.suspected.as_ref();
        if !halt.may_be_hasty() || earlier.is_some_and(|earlier| halt.is_again(earlier)) {
            self.halt(shard, halt);
            return true;
        }
        warn!(%shard, halt = halt.code(), "looking once more before the shard halts: {halt}");
        let why = format!("{halt}; looking once more");
        candidate.suspected = Some(halt);
        candidate.waits_for = None;
        candidate.failed = true;
        candidate.looked = Some(Stopwatch::start());
        self.show(shard, ShardState::Waiting { why });
        false
    }

    fn later(&mut self, shard: ShardId, error: &Unrecovered) {
        if error.is_unanswered() {
            self.unanswered = Some(Stopwatch::start());
        }
        let why = told(error);
        self.show(shard, ShardState::Waiting { why: why.clone() });
        let candidate = self.candidates.entry(shard).or_default();
        if candidate.is_news(&why) {
            warn!(%shard, cause = why, "the shard can't be recovered yet");
            candidate.told = Some((why, Stopwatch::start()));
        }
        candidate.waits_for = None;
        candidate.failed = true;
        candidate.looked = Some(Stopwatch::start());
        if let Unrecovered::Again(_) = error {
            candidate.suspected = None; // the table found nothing
        }
    }

    /// A transaction in doubt holds for all of its shards or for none, or Kafka has broken its word: looked at before
    /// anything is decided about one of them. Returns whether there is no doubt left.
    fn hold_to_atomicity(&mut self) -> Result<bool, Reaction> {
        let looks_again_soon = |shard: &ShardId| {
            let candidate = self.candidates.get(shard);
            candidate.is_some_and(|it| it.suspected.is_some() && !it.is_due())
        };
        if self
            .in_doubt
            .iter()
            .any(|(shard, _)| looks_again_soon(shard))
        {
            return Ok(false);
        }
        let mut found = Vec::new();
        for (shard, _) in self.in_doubt.clone() {
            match self.step_of(shard) {
                Ok(LastStep::At(step)) => found.push((shard, step)),
                Ok(LastStep::Open) => return Ok(false),
                // The table says so in a moment.
                Ok(LastStep::Foreign) | Err(Unrecovered::Halt(_)) => {}
                Err(Unrecovered::Interrupted) => return Err(Reaction::StartAnew),
                Err(error) => {
                    self.later(shard, &error);
                    return Ok(false);
                }
            }
        }
        if let Err(halt) = not_torn(&self.in_doubt, &found) {
            if self.go_on().is_break() {
                return Err(Reaction::StartAnew);
            }
            let halted = found
                .iter()
                .map(|(shard, _)| self.suspect(*shard, halt.clone()));
            if !halted.fold(true, |all, it| all & it) {
                return Ok(false);
            }
        }
        self.in_doubt.clear();
        Ok(true)
    }

    /// Returns the last committed step of a shard.
    fn step_of(&mut self, shard: ShardId) -> Result<LastStep, Unrecovered> {
        let topic = &self.shared.outputs.changelog;
        let log = self.watermarks.range(topic, shard)?;
        if !may_recover(self.watermarks.stable_end(topic, shard)?, log.end) {
            return Ok(LastStep::Open);
        }
        let mut go_on = || self.go_on();
        let last = self
            .reader
            .last_progress(shard, log, &mut go_on)
            .map_err(unread)?;
        let Some(last) = last else {
            return Ok(LastStep::At(Step::default()));
        };
        let ours = last.record.ok();
        let ours = ours.filter(|it| it.group == self.shared.group && it.shard == shard);
        Ok(ours.map_or(LastStep::Foreign, |it| LastStep::At(it.step)))
    }

    fn go_on(&self) -> ControlFlow<()> {
        go_on(&self.source, &self.stop, &self.observed.pulse)
    }
}

/// What the changelog says of the last step of a shard.
enum LastStep {
    /// Nothing yet: a transaction before us has not ended.
    Open,
    /// Something that is not ours, or not to be read.
    Foreign,
    At(Step),
}

/// Polls once and beats, so that the group and the probes know we live; breaks off if the group has decided something, or
/// we are to stop.
fn go_on(source: &KafkaSource, stop: &AtomicBool, pulse: &Pulse) -> ControlFlow<()> {
    pulse.beat();
    let _: Polled<'_> = source.poll(Duration::ZERO); // nothing is assigned, so no record can come
    if source.is_rebalanced() || source.fatal().is_some() || stop.load(Ordering::Relaxed) {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

fn alarm(shard: ShardId, topic: &str, candidate: &mut Candidate, patience: Duration) {
    let waits = candidate
        .since
        .is_some_and(|since| since.elapsed() > patience);
    if waits && !candidate.alarmed {
        candidate.alarmed = true;
        tracing::error!(%shard, topic, "an open transaction of somebody else keeps the shard waiting");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_looked_at_longest_ago_comes_first() {
        let mut candidates =
            BTreeMap::from([0, 1, 2].map(|it| (ShardId(it), Candidate::default())));
        assert_eq!(due(&candidates), [0, 1, 2].map(ShardId));
        for shard in [1, 0] {
            let looked = Some(Stopwatch::start());
            candidates.get_mut(&ShardId(shard)).unwrap().looked = looked;
        }
        assert_eq!(due(&candidates), [ShardId(2)], "the others wait a moment");
        std::thread::sleep(LOOK_AGAIN);
        assert_eq!(due(&candidates), [2, 1, 0].map(ShardId));
    }
}
