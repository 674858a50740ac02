//! One shard once more, from its first record: one thread, record by record, all states in memory, no step, no store.
//!
//! Slow and obvious on purpose: nothing of how the deployment cuts its work into steps is in here. Ticks come from the
//! deployment's own clock records, for nobody else knows when nothing was there to read.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Message};
use waymark_engine::event::{Decoded, Reason, Rejection, Timestamp, WriterSchemas};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Books, Derived, Outcome, Shard, Table};

use super::outputs::Tick;
use crate::kafka::appended_at;
use crate::pipeline::intake::{belongs_elsewhere, decode};
use crate::protocol::{Offset, ShardId};

/// A shard in one thread.
pub(super) struct Rerun<'a> {
    schemas: &'a WriterSchemas,
    max_skew: Duration,
    shard: ShardId,
    partitions: u32,
    /// Records that the deployment gave up on.
    poison: HashSet<Offset>,
    /// In their order.
    ticks: std::vec::IntoIter<Tick>,
    next_tick: Option<Tick>,
    engine: Shard<Arc<Rules>>,
    pub(super) table: Table<Journey>,
    pub(super) books: Books,
}

/// What the shard is: who it is and what the deployment alone knows of its history.
pub(super) struct History<'a> {
    pub(super) rules: &'a Arc<Rules>,
    pub(super) schemas: &'a WriterSchemas,
    pub(super) max_skew: Duration,
    pub(super) shard: ShardId,
    pub(super) partitions: u32,
    pub(super) poison: HashSet<Offset>,
    pub(super) ticks: Vec<Tick>,
}

impl<'a> Rerun<'a> {
    pub(super) fn new(history: History<'a>) -> Self {
        let mut ticks = history.ticks.into_iter();
        Self {
            schemas: history.schemas,
            max_skew: history.max_skew,
            shard: history.shard,
            partitions: history.partitions,
            poison: history.poison,
            next_tick: ticks.next(),
            ticks,
            engine: Shard::new(Arc::clone(history.rules), None),
            table: Table::new(),
            books: Books::default(),
        }
    }

    /// Takes the next record and returns how it ended.
    pub(super) fn take(&mut self, record: &BorrowedMessage<'_>, derived: &mut Derived) -> Outcome {
        let offset = Offset(record.offset());
        self.tick_up_to(offset, derived);
        let outcome = if self.poison.contains(&offset) {
            Outcome::DeadLettered(Rejection::new(Reason::Poison, "as the deployment found"))
        } else {
            self.decide(record, derived)
        };
        self.books.enter(&outcome);
        outcome
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

    pub(super) fn stream_time(&self) -> Option<Timestamp> {
        self.engine.stream_time()
    }

    fn decide(&mut self, record: &BorrowedMessage<'_>, derived: &mut Derived) -> Outcome {
        let event = match decode(record.payload(), self.schemas) {
            Ok(Decoded::Event(event)) => event,
            Ok(Decoded::Ignored { .. }) => return Outcome::Ignored,
            Err(rejection) => return Outcome::DeadLettered(rejection),
        };
        if let Some(elsewhere) = belongs_elsewhere(&event, self.shard, self.partitions) {
            return Outcome::DeadLettered(elsewhere);
        }
        let not_after = appended_at(record) + self.max_skew;
        self.engine
            .take(&mut self.table, &event, not_after, derived)
    }
}
