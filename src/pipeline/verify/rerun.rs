//! One shard once more, from its first record: one thread, record by record, all states in memory, no step, no store.
//!
//! Slow and obvious on purpose: nothing of how the deployment cuts its work into steps is in here. Ticks come from the
//! deployment's own clock records, for nobody else knows when nothing was there to read.

use std::collections::HashMap;
use std::sync::Arc;

use rdkafka::message::{BorrowedMessage, Message};
use waymark_engine::event::{Reason, Rejection};
use waymark_engine::stage::{Books, Derived, Outcome, Shard, Table};

use super::outputs::Tick;
use crate::kafka::appended_at;
use crate::pipeline::stage::{Item, Stage};
use crate::protocol::{Offset, Progress};
use crate::registry::RegistryError;

/// A shard in one thread.
pub(super) struct Rerun<'a, S: Stage> {
    stage: &'a S,
    gate: S::Gate,
    /// Records that the deployment gave up on, and why.
    given_up: HashMap<Offset, Reason>,
    /// In their order.
    ticks: std::vec::IntoIter<Tick>,
    next_tick: Option<Tick>,
    engine: Shard<Arc<S::Processor>>,
    pub(super) table: Table<S::State>,
    pub(super) books: Books,
}

/// What the deployment alone knows of a shard's history.
pub(super) struct History {
    pub(super) given_up: HashMap<Offset, Reason>,
    pub(super) ticks: Vec<Tick>,
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
        let mut ticks = history.ticks.into_iter();
        Self {
            gate: stage.gate(&beginning),
            given_up: history.given_up,
            next_tick: ticks.next(),
            ticks,
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
        record: &BorrowedMessage<'_>,
        derived: &mut Derived,
    ) -> Result<Outcome, RegistryError> {
        let offset = Offset(record.offset());
        self.tick_up_to(offset, derived);
        let given_up = self.given_up.get(&offset).copied();
        let found = |reason| Rejection::new(reason, "as the deployment found");
        let decoded = match given_up {
            Some(reason) if reason != Reason::Poison => Err(found(reason)),
            Some(_) | None => self.stage.decode(record)?,
        };
        let item = Item {
            offset,
            appended_at: appended_at(record),
            decoded,
            condemned: given_up.map(found),
        };
        let (engine, table) = (&mut self.engine, &mut self.table);
        let outcome = self
            .stage
            .take(&mut self.gate, engine, table, &item, derived);
        self.books.enter(&outcome);
        Ok(outcome)
    }

    /// Makes the ticks that happened after everything below a position.
    pub(super) fn tick_up_to(&mut self, position: Offset, derived: &mut Derived) {
        while let Some(tick) = self.next_tick.filter(|tick| tick.position <= position) {
            self.engine.advance(&mut self.table, tick.to, derived);
            self.next_tick = self.ticks.next();
        }
    }

    /// Returns how many ticks are still to be made.
    pub(super) fn ticks_left(&self) -> u64 {
        (self.ticks.len() + usize::from(self.next_tick.is_some())) as u64
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
