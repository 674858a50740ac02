//! Loads what steps need, and decides the step of each shard with work.
//!
//! What was loaded counts only if it stands beside the checkpoint that we wrote last, byte for byte: a store that was rolled
//! back, emptied or taken over is noticed here, before anything is computed from it.

use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Key, KeySet};

use super::collect::{Batch, Collected};
use super::decide::{Decided, Deciding, Intake, decide};
use super::idle::{CLOCK, Choice, Clocks};
use super::owned::OwnedShard;
use super::poison::{Setback, attempt};
use super::react::Reaction;
use super::{Shared, Worker};
use crate::clock::{self, Stopwatch};
use crate::failpoint;
use crate::kafka::Watermarks;
use crate::pipeline::error::told;
use crate::pipeline::stage::{Item, Stage};
use crate::protocol::rules::{load_is_ours, may_tick};
use crate::protocol::{Offset, ShardId};
use crate::store::{Flushed, Loaded, Store, StoreError, Wanted};

impl<S: Stage> Worker<S> {
    /// Decides a step of each shard that has something to read, or whose clock wants to move.
    pub(super) fn decide_all(
        &mut self,
        collected: &Collected<'_, S::Input>,
    ) -> Result<Vec<Decided>, Reaction> {
        failpoint::here("step.1");
        let mut broker = Broker::Answers;
        let steps = self.decide_each(collected, &mut broker);
        if broker == Broker::Silent {
            self.rest_from_ticks();
        }
        failpoint::here("step.4");
        steps
    }

    fn decide_each(
        &mut self,
        collected: &Collected<'_, S::Input>,
        broker: &mut Broker,
    ) -> Result<Vec<Decided>, Reaction> {
        let mut steps = Vec::new();
        let shards: Vec<ShardId> = self.running.keys().copied().collect();
        for id in shards {
            let shard = self.running.get_mut(&id).expect("listed just above");
            let batch = collected.batches.get(&id);
            let position = collected.positions.get(&id).copied();
            shard.hearing.hear(batch.is_some(), position);
            let mut work = ShardWork {
                shared: &self.shared,
                store: &mut *self.store,
                watermarks: &self.watermarks,
                broker,
                shard,
            };
            match batch {
                Some(batch) => steps.push(work.busy(batch, position)?),
                None => steps.extend(work.idle(position)?),
            }
        }
        Ok(steps)
    }

    /// Lets the clocks of all shards stand for a while: feeds could not deliver, whichever shard was asked about.
    fn rest_from_ticks(&mut self) {
        let now = Stopwatch::start();
        self.unanswered = Some(now);
        for shard in self.running.values_mut() {
            shard.ticks_wait = (now, self.shared.tick_resume);
        }
    }
}

/// Whether the broker has answered all that was asked in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broker {
    Answers,
    Silent,
}

/// One shard's work in a turn.
struct ShardWork<'a, S> {
    shared: &'a Shared<S>,
    store: &'a mut dyn Store,
    watermarks: &'a Watermarks,
    broker: &'a mut Broker,
    shard: &'a mut OwnedShard,
}

impl<S: Stage> ShardWork<'_, S> {
    fn busy(
        &mut self,
        batch: &Batch<'_, S::Input>,
        position: Option<Offset>,
    ) -> Result<Decided, Reaction> {
        let items = &*batch.items;
        let ends = items.first().zip(items.last());
        let (first, last) = ends.expect("a batch has records");
        if first.offset < self.shard.progress.position {
            return Err(self.recover(format!("record {} was taken before", first.offset)));
        }
        let (stage, timers) = (&self.shared.stage, self.shared.step.timers);
        let need = Need::of(stage, self.shard, items, &batch.keys, timers);
        let loaded = self.load(&need)?;
        let intake = Intake {
            items,
            position: position.unwrap_or(last.offset.next()),
            tick_to: None,
            due_before: need.due_before,
            due_max: need.due_max,
        };
        let mut step = self.attempt(&intake, &loaded)?;
        let untold_for = self.shard.untold_for(step.progress.stream_time);
        step.clock_told = S::HAS_OWN_CLOCK && untold_for.is_some_and(|since| since >= CLOCK);
        Ok(step)
    }

    /// A look at the checkpoint, and a tick if it is time for one.
    fn idle(&mut self, position: Option<Offset>) -> Result<Option<Decided>, Reaction> {
        let clocks = Clocks::of(self.shard, S::HAS_OWN_CLOCK, self.shared.time.now());
        if !clocks.look_is_due() {
            return Ok(None);
        }
        let position = position.unwrap_or(self.shard.progress.position);
        let target = clocks.target();
        let need = Need::of_tick(self.shard, target, self.shared.step.timers);
        let loaded = self.load(&need)?;
        let next_timer = next_timer(self.shard, &loaded);
        let choice = clocks.choose(next_timer, || self.nothing_left(position));
        let (tick, tell) = match choice {
            Choice::Rest => return Ok(None),
            Choice::Step => (false, false),
            Choice::Tell => (false, true),
            Choice::Tick => (true, true),
        };
        let intake = Intake {
            items: &[],
            position,
            tick_to: tick.then_some(target),
            due_before: need.due_before,
            due_max: need.due_max,
        };
        let mut step = self.attempt(&intake, &loaded)?;
        step.clock_told = tell;
        self.shard.ticked = Stopwatch::start();
        Ok(Some(step))
    }

    /// Asks the broker, whose silence makes ticks wait.
    fn nothing_left(&mut self, position: Offset) -> bool {
        if *self.broker == Broker::Silent {
            return false; // to wait for it once in a turn is enough: the next turn asks again
        }
        let asked = Stopwatch::start();
        let topic = &self.shared.source_topic;
        if let Ok(log) = self.watermarks.range(topic, self.shard.id) {
            return may_tick(position, log.end, asked.elapsed());
        }
        *self.broker = Broker::Silent;
        false
    }

    fn load(&mut self, need: &Need) -> Result<Loaded, Reaction> {
        let wanted = Wanted {
            keys: &need.keys,
            due_before: need.due_before,
            due_max: need.due_max,
        };
        let copy = self.shard.checkpoint.copy;
        let loaded = match self.store.load(self.shard.id, copy, &wanted) {
            Ok(loaded) => loaded,
            Err(damaged @ StoreError::Damaged(_)) => return Err(self.recover(told(&damaged))),
            Err(error) => return Err(Reaction::Again(told(&error))),
        };
        failpoint::here("step.2");
        if !load_is_ours(&self.shard.checkpoint, loaded.checkpoint.as_deref()) {
            return Err(
                self.recover("the store was written or rolled back by somebody else".into())
            );
        }
        self.shard.looked = Stopwatch::start();
        let due = timers_due(self.shard, &loaded, need.due_before);
        let due = i64::try_from(due).unwrap_or(i64::MAX);
        self.shard.metrics.timers_due.set(due);
        Ok(loaded)
    }

    fn attempt(
        &mut self,
        intake: &Intake<'_, S::Input>,
        loaded: &Loaded,
    ) -> Result<Decided, Reaction> {
        let with = Deciding {
            stage: &self.shared.stage,
            edition: &self.shared.edition,
            state_bytes_max: self.shared.state_bytes_max,
        };
        let decided = attempt(&with, self.shard, intake, loaded, decide);
        failpoint::here("step.3");
        let mut step = decided.map_err(|setback| match setback {
            Setback::Unreadable(undecided) => self.condemn(told(&undecided)),
            Setback::Again(undecided) => Reaction::Again(undecided.to_string()),
            Setback::Halt(halt) => Reaction::Halt(self.shard.id, halt),
        })?;
        step.progress.ticks_rest_until = self.shard.ticks_rest_until(clock::now());
        Ok(step)
    }

    /// Gives the copy up: what was loaded from it was ours, and can't be read.
    fn condemn(&mut self, cause: String) -> Reaction {
        match self.store.condemn(self.shard.id, &self.shard.checkpoint) {
            Err(stalled @ StoreError::Stalled(_)) => Reaction::Again(told(&stalled)),
            // Not marked, it is met again by the next load.
            Ok(Flushed::Done | Flushed::Refused) | Err(_) => self.recover(cause),
        }
    }

    fn recover(&self, cause: String) -> Reaction {
        Reaction::Recover(self.shard.id, cause)
    }
}

/// What a step needs from the store.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) keys: Vec<Key>,
    pub(super) due_before: Option<Timestamp>,
    pub(super) due_max: usize,
}

impl Need {
    /// What records need: the states of the `keys` they concern, and what falls due up to where they move stream time.
    pub(super) fn of<S: Stage>(
        stage: &S,
        shard: &OwnedShard,
        items: &[Item<S::Input>],
        keys: &KeySet,
        timers: usize,
    ) -> Self {
        let mut gate = stage.gate(&shard.progress);
        let mut latest = None;
        for item in items {
            latest = latest.max(stage.reaches(&gate, item));
            stage.pass(&mut gate, item);
        }
        let stored = keys.iter().filter(|key| shard.unflushed.get(key).is_none());
        // Stream time may lie ahead of all of them, and a late one may have armed what is long due.
        let due_before = latest.max(shard.progress.stream_time);
        Self {
            keys: stored.map(Key::clone).collect(),
            due_before,
            due_max: due_max(shard, due_before, timers),
        }
    }

    /// What a tick needs: what falls due up to its target.
    pub(super) fn of_tick(shard: &OwnedShard, target: Timestamp, timers: usize) -> Self {
        Self {
            keys: Vec::new(),
            due_before: Some(target),
            due_max: due_max(shard, Some(target), timers),
        }
    }
}

/// How many due entries to ask for, so that `timers` tell something: those of values not flushed yet are outdated.
fn due_max(shard: &OwnedShard, due_before: Option<Timestamp>, timers: usize) -> usize {
    timers + due_before.map_or(0, |to| shard.unflushed.outdated_before(to))
}

/// Returns the first timer among what was loaded and what waits to be flushed.
fn next_timer(shard: &OwnedShard, loaded: &Loaded) -> Option<Timestamp> {
    let loaded = timers_loaded(shard, loaded).next();
    loaded.into_iter().chain(shard.unflushed.first_due()).min()
}

/// Returns how many customers fall due up to a time, of those that were loaded and those that wait to be flushed.
fn timers_due(shard: &OwnedShard, loaded: &Loaded, up_to: Option<Timestamp>) -> usize {
    let unflushed = up_to.map_or(0, |to| shard.unflushed.due_before(to).count());
    timers_loaded(shard, loaded).count() + unflushed
}

/// Timers that were loaded, without those of values that wait to be flushed: these overrule the index.
fn timers_loaded(shard: &OwnedShard, loaded: &Loaded) -> impl Iterator<Item = Timestamp> {
    let entries = loaded.due.iter();
    let counts = entries.filter(|(_, key)| shard.unflushed.get(key).is_none());
    counts.map(|(due, _)| *due)
}
