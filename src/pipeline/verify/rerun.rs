//! One shard once more, from its first record: one thread, record by record, all states in memory, no step, no store.
//!
//! Slow and obvious on purpose: nothing of how the deployment cuts its work into steps is in here, but for its end. Ticks
//! come from the deployment's own clock records, for nobody else knows when nothing was there to read; all others must tell
//! the time that the run has there.
//!
//! ```text
//! time, run:  ──●───────────────────────────────────────●──►   record at V
//! deployment: ──●── timers, a step ── timers, a step ──┤          may stop here: V is the same, time has moved on
//! ```
//!
//! More timers than a step may fire are fired in several steps, before the record that moves time beyond them. In between,
//! time stands at the last timer fired, V at that record, and of the timers of that very moment some are still to fire:
//! the states tell which.

use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use rdkafka::message::Message;
use waymark_engine::event::{Reason, Rejection, Timestamp};
use waymark_engine::stage::{Books, Derived, Key, Outcome, Shard, Table};

use super::outputs::Clock;
use crate::kafka::appended_at;
use crate::pipeline::stage::{Item, Stage};
use crate::protocol::rules::tick_target;
use crate::protocol::{Offset, Progress};
use crate::registry::RegistryError;

/// A shard in one thread.
pub(super) struct Rerun<'a, S: Stage> {
    stage: &'a S,
    gate: S::Gate,
    /// Records that the deployment gave up on, and why.
    given_up: HashMap<Offset, Reason>,
    /// In their order.
    clocks: Peekable<vec::IntoIter<Clock>>,
    /// V of the last one.
    heard_at: Offset,
    /// Those that tell another time than it was, and what time it was.
    pub(super) wrong_clocks: Vec<(Clock, Option<Timestamp>)>,
    engine: Shard<Arc<S::Processor>>,
    pub(super) table: Table<S::State>,
    pub(super) books: Books,
}

/// What the deployment alone knows of a shard's history.
pub(super) struct History {
    pub(super) given_up: HashMap<Offset, Reason>,
    pub(super) clocks: Vec<Clock>,
}

impl History {
    pub(super) fn ticks(&self) -> u64 {
        self.clocks.iter().filter(|clock| clock.tick).count() as u64
    }
}

impl<'a, S: Stage> Rerun<'a, S> {
    /// The shard of `last`, its last progress record, before its first step.
    pub(super) fn new(stage: &'a S, last: &Progress, history: History) -> Self {
        let beginning = Progress::begin(
            last.lineage,
            &last.group,
            last.shard,
            last.partitions,
            last.began_at,
        );
        Self {
            gate: stage.gate(&beginning),
            given_up: history.given_up,
            clocks: history.clocks.into_iter().peekable(),
            heard_at: last.began_at,
            wrong_clocks: Vec::new(),
            engine: Shard::new(Arc::clone(stage.processor()), None),
            table: Table::new(),
            books: Books::default(),
            stage,
        }
    }

    /// Takes the next record and returns how it ended.
    ///
    /// # Errors
    /// [`RegistryError`] if it was written with a schema that must be asked for, and nobody answers.
    pub(super) fn take(
        &mut self,
        record: &impl Message,
        derived: &mut Derived,
    ) -> Result<Outcome, RegistryError> {
        let mut item = self.item(record)?;
        self.hear(item.offset, self.reaches(&item), derived);
        let given_up = self.given_up.get(&item.offset);
        item.condemned = given_up.copied().map(as_found);
        let (engine, table) = (&mut self.engine, &mut self.table);
        let outcome = self
            .stage
            .take(&mut self.gate, engine, table, &item, derived);
        self.books.enter(&outcome);
        Ok(outcome)
    }

    /// Reads a record, not yet condemned: timers may have fired before it as before any other.
    ///
    /// # Errors
    /// [`RegistryError`], as above.
    pub(super) fn item(&self, record: &impl Message) -> Result<Item<S::Input>, RegistryError> {
        let offset = Offset(record.offset());
        let decoded = match self.given_up.get(&offset) {
            Some(reason) if *reason != Reason::Poison => Err(as_found(*reason)),
            Some(_) | None => self.stage.decode(record)?,
        };
        Ok(Item {
            offset,
            appended_at: appended_at(record),
            decoded,
            condemned: None,
        })
    }

    /// Returns where a record would move stream time if it were the next.
    pub(super) fn reaches(&self, item: &Item<S::Input>) -> Option<Timestamp> {
        self.stage.reaches(&self.gate, item)
    }

    pub(super) fn stream_time(&self) -> Option<Timestamp> {
        self.engine.stream_time()
    }

    /// Ends where the deployment has: behind all records below V, and wherever it was among the timers before the next one,
    /// which `reaches` so far. `values` are the states of its changelog.
    pub(super) fn end(
        &mut self,
        last: &Progress,
        reaches: Option<Timestamp>,
        values: &HashMap<Key, Vec<u8>>,
        derived: &mut Derived,
    ) {
        self.hear(last.position, reaches, derived);
        let time = self.stream_time();
        let beyond = self.clocks.by_ref().map(|clock| (clock, time));
        self.wrong_clocks.extend(beyond);
        if let Some(to) = last.stream_time
            && self.is_on_the_way(to, reaches)
        {
            self.pass(to, derived);
        }
        while let Some(timer) = self.last_fired(values) {
            let table = &mut self.table;
            self.engine.advance_to_timer(table, &timer, derived);
        }
    }

    /// Takes the clocks told up to a position, at which a record `reaches` so far.
    fn hear(&mut self, position: Offset, reaches: Option<Timestamp>, derived: &mut Derived) {
        while let Some(clock) = self.clocks.next_if(|clock| clock.position <= position) {
            let (to, reaches) = (
                clock.stream_time,
                reaches.filter(|_| clock.position == position),
            );
            let time = self.stream_time();
            let is_possible = if clock.tick {
                time.is_none_or(|time| tick_target(to, time) == to)
            } else {
                time == Some(to) || self.is_on_the_way(to, reaches)
            };
            if !is_possible || clock.position < self.heard_at {
                self.wrong_clocks.push((clock, time));
                continue;
            }
            self.heard_at = clock.position;
            self.pass(to, derived);
        }
    }

    /// Returns whether time may stand there before the record that reaches so far: timers have fired on the way.
    fn is_on_the_way(&self, to: Timestamp, reaches: Option<Timestamp>) -> bool {
        self.stream_time() < Some(to)
            && reaches.is_some_and(|reaches| to <= reaches)
            && !self.table.due_by(to).is_empty()
    }

    /// Moves time on and leaves the timers of that very moment to whatever comes next: a tick may end among them, too.
    fn pass(&mut self, to: Timestamp, derived: &mut Derived) {
        if self.stream_time() < Some(to) {
            let before_all = (to, Key::default());
            let table = &mut self.table;
            self.engine.advance_to_timer(table, &before_all, derived);
        }
    }

    /// Returns the last of the timers that wait for whatever comes next and that the deployment has fired: the state of
    /// its key is another. (A timer that fires is gone or moves on, so it always changes its state.)
    fn last_fired(&self, values: &HashMap<Key, Vec<u8>>) -> Option<(Timestamp, Key)> {
        let waiting = self.table.due_by(self.stream_time()?);
        let waits = |key: &Key, state| values.get(key).is_some_and(|it| *it == S::encode(state));
        let mut fired = waiting
            .into_iter()
            .filter(|(_, key, state)| !waits(key, state));
        let (due, key, _) = fired.next_back()?;
        Some((due, key.clone()))
    }

    /// Returns the progress record that a deployment must have written, as far as it follows from the records alone; the
    /// rest is that of `last`.
    pub(super) fn progress(&self, last: &Progress) -> Progress {
        let mut progress = last.clone();
        progress.books.clone_from(&self.books);
        progress.stream_time = self.engine.stream_time();
        self.stage.leave(self.gate.clone(), &mut progress);
        progress
    }
}

fn as_found(reason: Reason) -> Rejection {
    Rejection::new(reason, "as the deployment found")
}

#[cfg(test)]
mod tests;
