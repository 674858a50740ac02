//! What committed steps have left behind and the store does not hold yet.
//!
//! Committed values and values in flight are different types: [`Unflushed`] is fed by
//! [`OwnedShard::committed`](super::owned::OwnedShard::committed) alone, which asks for a receipt, so that a flush never
//! holds anything else.

use std::time::Duration;

use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Key, KeyMap};

use crate::clock::Stopwatch;
use crate::store::Change;

/// Values that committed steps have left and the store does not hold yet. They are always read from here.
#[derive(Debug, Default)]
pub(super) struct Unflushed {
    values: KeyMap<Waiting>,
    oldest: Option<Stopwatch>,
}

/// A committed value that waits to be flushed.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The stored form; none if the state was deleted.
    pub(super) value: Option<Vec<u8>>,
    /// When it falls due.
    pub(super) due: Option<Timestamp>,
    /// The due time under which the store still has the key.
    stored_due: Option<Timestamp>,
}

/// A value that a step has computed; it counts once the step is committed.
#[derive(Debug)]
pub(super) struct InFlight {
    pub(super) key: Key,
    pub(super) value: Option<Vec<u8>>,
    pub(super) due: Option<Timestamp>,
    /// The due time under which the store has the key, if it was loaded for this step.
    pub(super) stored_due: Option<Timestamp>,
}

impl Unflushed {
    /// Returns the committed value of a key that the store does not hold yet.
    pub(super) fn get(&self, key: &str) -> Option<&Waiting> {
        self.values.get(key)
    }

    /// Returns the first due time among them.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.values.values().filter_map(|value| value.due).min()
    }

    /// Returns how many due entries of the store, up to a time, tell nothing any more: those of the values replaced here.
    pub(super) fn outdated_before(&self, to: Timestamp) -> usize {
        let outdated = |value: &&Waiting| value.stored_due.is_some_and(|due| due <= to);
        self.values.values().filter(outdated).count()
    }

    /// Returns the keys that fall due up to a time.
    pub(super) fn due_before(&self, to: Timestamp) -> impl Iterator<Item = (&Key, &Waiting)> {
        self.values
            .iter()
            .filter(move |(_, value)| value.due.is_some_and(|due| due <= to))
    }

    /// Returns how many keys wait.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns how long the oldest of them has waited.
    pub(super) fn age(&self) -> Option<Duration> {
        self.oldest.map(|oldest| oldest.elapsed())
    }

    /// Returns everything as changes for the store.
    pub(super) fn changes(&self) -> Vec<Change> {
        let change = |(key, value): (&Key, &Waiting)| Change {
            key: key.clone(),
            value: value.value.clone(),
            due: value.due,
            stored_due: value.stored_due,
        };
        self.values.iter().map(change).collect()
    }

    /// Forgets everything: the store has it.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.oldest = None;
    }

    /// Takes a value of a committed step.
    pub(super) fn put(&mut self, change: InFlight) {
        let InFlight {
            key,
            value,
            due,
            stored_due,
        } = change;
        let stored_due = match self.values.get(&key) {
            Some(waiting) => waiting.stored_due,
            None => stored_due,
        };
        self.values.insert(
            key,
            Waiting {
                value,
                due,
                stored_due,
            },
        );
        self.oldest.get_or_insert_with(Stopwatch::start);
    }
}

#[cfg(test)]
mod tests;
