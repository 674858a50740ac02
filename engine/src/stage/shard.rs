//! A shard at work: stream time moves, timers fire in order, inputs reach the processor one at a time.
//!
//! ```text
//! for each input:  stream time rises ─► timers up to it fire, by (time, key) ─► the input is applied
//! ```
//!
//! Timers fire between inputs, never at the end of a step: results do not depend on how steps are cut.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::{Cause, Decision, Outcome, Processor};
use crate::derived::{Alert, Delta, Score};
use crate::event::Timestamp;

/// Key of a state: a customer id, or the name of a cohort.
pub type Key = Arc<str>;

/// The clock of a shard and the processor it drives.
#[derive(Debug)]
pub struct Shard<P> {
    processor: P,
    /// Invariant: never falls.
    stream_time: Option<Timestamp>,
}

/// The states that a step works on: those loaded for it, and what became of them.
#[derive(Debug)]
pub struct Table<S> {
    rows: HashMap<Key, Row<S>>,
    /// Invariant: holds `(due, key)` for each row with a due time, and nothing else.
    timers: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Row<S> {
    state: Option<S>,
    due: Option<Timestamp>,
    changed: bool,
}

/// What a step says to the world, in order.
#[derive(Debug, Default)]
pub struct Derived {
    /// Transitions of alerts.
    pub alerts: Vec<Alert>,
    /// Facts for the cohort stage.
    pub deltas: Vec<Delta>,
    /// Scores of days that closed.
    pub scores: Vec<Score>,
}

impl<P: Processor> Shard<P> {
    /// A shard whose clock stands at `stream_time`, or has not started yet.
    pub fn new(processor: P, stream_time: Option<Timestamp>) -> Self {
        Self {
            processor,
            stream_time,
        }
    }

    /// Returns the processor.
    pub fn processor(&self) -> &P {
        &self.processor
    }

    /// Returns the greatest admissible time seen, `None` before the first.
    pub fn stream_time(&self) -> Option<Timestamp> {
        self.stream_time
    }

    /// Moves stream time to `to`, unless it is there already, and fires what falls due, by (time, key).
    pub fn advance(&mut self, table: &mut Table<P::State>, to: Timestamp, derived: &mut Derived) {
        if self.stream_time.is_none_or(|now| now < to) {
            self.stream_time = Some(to);
        }
        while let Some((due, key)) = table.next_timer(to) {
            let state = table.take(&key);
            let decision = self.processor.step(&key, state, Cause::Due, due);
            debug_assert!(
                decision.due.is_none_or(|next| next > due),
                "a timer that has fired must be gone"
            );
            table.settle(&key, decision, derived);
        }
    }

    /// Lets the processor decide what an input means for a key, at the present stream time.
    pub fn apply(
        &mut self,
        table: &mut Table<P::State>,
        key: &Key,
        input: &P::Input,
        derived: &mut Derived,
    ) -> Outcome {
        let at = self
            .stream_time
            .expect("stream time was advanced before the first input");
        let state = table.take(key);
        let decision = self.processor.step(key, state, Cause::Event(input), at);
        table.settle(key, decision, derived)
    }
}

impl<S> Table<S> {
    /// A table without states.
    pub fn new() -> Self {
        Self {
            rows: HashMap::new(),
            timers: BTreeSet::new(),
        }
    }

    /// Adds a state as the store holds it.
    pub fn load(&mut self, key: Key, state: Option<S>, due: Option<Timestamp>) {
        self.timers.extend(due.map(|due| (due, Arc::clone(&key))));
        self.rows.insert(
            key,
            Row {
                state,
                due,
                changed: false,
            },
        );
    }

    /// Returns whether the state of a key is here, be it that there is none.
    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// Returns how many keys begin with a prefix.
    pub fn count(&self, prefix: &str) -> usize {
        self.rows
            .keys()
            .filter(|key| key.starts_with(prefix))
            .count()
    }

    /// Returns all states by key.
    pub fn states(&self) -> Vec<(&Key, &S)> {
        let mut states: Vec<_> = self
            .rows
            .iter()
            .filter_map(|(key, row)| Some((key, row.state.as_ref()?)))
            .collect();
        states.sort_unstable_by_key(|(key, _)| *key);
        states
    }

    /// Returns whether something falls due up to `to`.
    pub fn is_due(&self, to: Timestamp) -> bool {
        self.timers.first().is_some_and(|(due, _)| *due <= to)
    }

    /// Returns what changed, by key, with its next due time; a state of `None` was deleted.
    pub fn into_changes(self) -> Vec<(Key, Option<S>, Option<Timestamp>)> {
        let changed = self.rows.into_iter().filter(|(_, row)| row.changed);
        let mut changes: Vec<_> = changed
            .map(|(key, row)| (key, row.state, row.due))
            .collect();
        changes.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
        changes
    }

    fn next_timer(&mut self, to: Timestamp) -> Option<(Timestamp, Key)> {
        self.timers.first().filter(|(due, _)| *due <= to).cloned()
    }

    fn take(&mut self, key: &str) -> Option<S> {
        self.rows.get_mut(key)?.state.take()
    }

    /// Puts a decision back into the table and passes on what it says.
    fn settle(&mut self, key: &Key, decision: Decision<S>, derived: &mut Derived) -> Outcome {
        let row = match self.rows.get_mut(key) {
            Some(row) => row,
            None => self.rows.entry(Arc::clone(key)).or_insert(Row {
                state: None,
                due: None,
                changed: false,
            }),
        };
        row.state = decision.state;
        row.changed |= decision.outcome == Outcome::Applied;
        if row.due != decision.due {
            if let Some(due) = row.due {
                self.timers.remove(&(due, Arc::clone(key)));
            }
            self.timers
                .extend(decision.due.map(|due| (due, Arc::clone(key))));
            row.due = decision.due;
        }
        derived.alerts.extend(decision.alerts);
        derived.deltas.extend(decision.deltas);
        derived.scores.extend(decision.scores);
        decision.outcome
    }
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self::new()
    }
}
