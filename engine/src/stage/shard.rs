//! A shard at work: stream time moves, timers fire in order, inputs reach the processor one at a time.
//!
//! ```text
//! for each input:  stream time rises ─► timers up to it fire, by (time, key) ─► the input is applied
//! ```
//!
//! Timers fire between inputs, never at the end of a step: results do not depend on how steps are cut.

use std::collections::BTreeSet;

use super::{Cause, Decision, Key, KeyMap, Outcome, Processor};
use crate::derived::{Alert, Delta, Score};
use crate::event::Timestamp;

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
    rows: Vec<Row<S>>,
    places: KeyMap<usize>,
    /// Invariant: each row with a due time has one timer, at or before it; a timer that comes too early is set anew. So a
    /// due time that keeps moving away, as that of a silence does, costs nothing until the first one has passed.
    timers: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Row<S> {
    key: Key,
    state: Option<S>,
    due: Option<Timestamp>,
    /// When the timer of this row rings.
    timer: Option<Timestamp>,
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

    /// Moves stream time on to `to`, or leaves it where it is if that lies behind, and fires what is due by then, by
    /// (time, key). What a late input has armed may be long due: it fires before whatever comes next.
    pub fn advance(&mut self, table: &mut Table<P::State>, to: Timestamp, derived: &mut Derived) {
        let to = self.rise(to);
        self.fire(table, |(timer, _)| *timer <= to, derived);
    }

    /// Moves stream time on to a timer and fires what comes no later than it, by (time, key): for a table that holds all
    /// timers up to this one, and perhaps not those behind it, be they of the same time.
    pub fn advance_to_timer(
        &mut self,
        table: &mut Table<P::State>,
        last: &(Timestamp, Key),
        derived: &mut Derived,
    ) {
        self.rise(last.0);
        self.fire(table, |timer| timer <= last, derived);
    }

    fn rise(&mut self, to: Timestamp) -> Timestamp {
        let to = self.stream_time.map_or(to, |now| now.max(to));
        self.stream_time = Some(to);
        to
    }

    fn fire(
        &self,
        table: &mut Table<P::State>,
        rings: impl Fn(&(Timestamp, Key)) -> bool,
        derived: &mut Derived,
    ) {
        while let Some((place, due)) = table.next_due(&rings) {
            let (key, state) = table.take(place);
            let decision = self.processor.step(&key, state, Cause::Due, due);
            debug_assert!(
                decision.due.is_none_or(|next| next > due),
                "a timer that has fired must be gone"
            );
            table.settle(place, decision, derived);
        }
    }

    /// Lets the processor decide what an input means for a key, at the present stream time. Before the clock has started
    /// nothing is over: [`Timestamp::MIN`].
    pub fn apply(
        &mut self,
        table: &mut Table<P::State>,
        key: &str,
        input: &P::Input,
        derived: &mut Derived,
    ) -> Outcome {
        let at = self.stream_time.unwrap_or(Timestamp::MIN);
        let place = table.place(key);
        let (key, state) = table.take(place);
        let decision = self.processor.step(&key, state, Cause::Event(input), at);
        table.settle(place, decision, derived)
    }
}

impl<S> Table<S> {
    /// A table without states.
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            places: KeyMap::default(),
            timers: BTreeSet::new(),
        }
    }

    /// Adds a state as the store holds it.
    pub fn load(&mut self, key: &Key, state: Option<S>, due: Option<Timestamp>) {
        let place = match self.places.get(key) {
            Some(place) => *place,
            None => self.add(key.clone()),
        };
        self.rows[place].state = state;
        self.set_due(place, due);
    }

    /// Returns whether the state of a key is here, be it that there is none.
    pub fn contains(&self, key: &str) -> bool {
        self.places.contains_key(key)
    }

    /// Returns whether a key has a state.
    pub fn has_state(&self, key: &str) -> bool {
        let place = self.places.get(key);
        place.is_some_and(|place| self.rows[*place].state.is_some())
    }

    /// Returns how many keys begin with a prefix.
    pub fn count(&self, prefix: &str) -> usize {
        self.rows
            .iter()
            .filter(|row| row.key.starts_with(prefix))
            .count()
    }

    /// Returns all states by key.
    pub fn states(&self) -> Vec<(&Key, &S)> {
        let mut states: Vec<_> = self
            .rows
            .iter()
            .filter_map(|row| Some((&row.key, row.state.as_ref()?)))
            .collect();
        states.sort_unstable_by_key(|(key, _)| *key);
        states
    }

    /// Returns what falls due up to `to`, by (time, key).
    pub fn due_by(&self, to: Timestamp) -> Vec<(Timestamp, &Key, &S)> {
        let timers = self.timers.iter().take_while(|(timer, _)| *timer <= to);
        let rows = timers.map(|(_, key)| &self.rows[self.places[key]]);
        let mut due: Vec<_> = rows
            .filter_map(|row| Some((row.due?, &row.key, row.state.as_ref()?)))
            .filter(|(due, ..)| *due <= to)
            .collect();
        due.sort_unstable_by_key(|(due, key, _)| (*due, *key));
        due
    }

    /// Returns whether a timer rings up to `to`.
    pub fn rings(&self, to: Timestamp) -> bool {
        self.timers.first().is_some_and(|(timer, _)| *timer <= to)
    }

    /// Returns what changed, by key, with its next due time; a state of `None` was deleted.
    pub fn into_changes(self) -> Vec<(Key, Option<S>, Option<Timestamp>)> {
        let touched = self.rows.into_iter().filter(|row| row.changed);
        let mut changes: Vec<_> = touched.map(|row| (row.key, row.state, row.due)).collect();
        changes.sort_unstable_by(|(left, ..), (right, ..)| left.cmp(right));
        changes
    }

    /// Takes the next row whose timer rings, by (time, key); sets timers anew that ring too early.
    fn next_due(
        &mut self,
        rings: impl Fn(&(Timestamp, Key)) -> bool,
    ) -> Option<(usize, Timestamp)> {
        while self.timers.first().is_some_and(&rings) {
            let (timer, key) = self.timers.pop_first()?;
            let place = self.places[&key];
            self.rows[place].timer = None;
            match self.rows[place].due {
                Some(due) if due <= timer => return Some((place, due)),
                due => self.set_due(place, due),
            }
        }
        None
    }

    fn place(&mut self, key: &str) -> usize {
        match self.places.get(key) {
            Some(place) => *place,
            None => self.add(key.into()),
        }
    }

    fn add(&mut self, key: Key) -> usize {
        self.places.insert(key.clone(), self.rows.len());
        self.rows.push(Row {
            key,
            state: None,
            due: None,
            timer: None,
            changed: false,
        });
        self.rows.len() - 1
    }

    fn take(&mut self, place: usize) -> (Key, Option<S>) {
        let row = &mut self.rows[place];
        (row.key.clone(), row.state.take())
    }

    /// Puts a decision back into the table and passes on what it says.
    fn settle(&mut self, place: usize, decision: Decision<S>, derived: &mut Derived) -> Outcome {
        let row = &mut self.rows[place];
        row.state = decision.state;
        row.changed |= decision.outcome == Outcome::Applied;
        self.set_due(place, decision.due);
        derived.alerts.extend(decision.alerts);
        derived.deltas.extend(decision.deltas);
        derived.scores.extend(decision.scores);
        decision.outcome
    }

    fn set_due(&mut self, place: usize, due: Option<Timestamp>) {
        let row = &mut self.rows[place];
        row.due = due;
        let Some(due) = due.filter(|due| row.timer.is_none_or(|timer| *due < timer)) else {
            return;
        };
        if let Some(timer) = row.timer.replace(due) {
            self.timers.remove(&(timer, row.key.clone()));
        }
        self.timers.insert((due, row.key.clone()));
    }
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts how often a key has fallen due, and wants to be called again an hour later.
    struct Hourly;

    impl Processor for Hourly {
        type Input = ();
        type State = u32;

        fn step(
            &self,
            _: &str,
            state: Option<u32>,
            _: Cause<'_, ()>,
            at: Timestamp,
        ) -> Decision<u32> {
            Decision {
                outcome: Outcome::Applied,
                state: state.map(|fired| fired + 1),
                due: Some(at + std::time::Duration::from_hours(1)),
                alerts: Vec::new(),
                deltas: Vec::new(),
                scores: Vec::new(),
            }
        }
    }

    fn hour(number: i64) -> Timestamp {
        Timestamp::from_millis(number * 3_600_000).expect("a time")
    }

    fn fired(table: &Table<u32>) -> Vec<u32> {
        table.states().iter().map(|(_, fired)| **fired).collect()
    }

    #[test]
    fn timers_behind_the_last_known_one_wait_be_they_of_the_same_moment() {
        let mut table = Table::new();
        for (key, due) in [("a", 1), ("b", 2), ("c", 2), ("d", 3)] {
            table.load(&key.into(), Some(0), Some(hour(due)));
        }
        let mut shard = Shard::new(Hourly, None);
        let last = (hour(2), "b".into());
        shard.advance_to_timer(&mut table, &last, &mut Derived::default());
        assert_eq!(fired(&table), [2, 1, 0, 0], "a fires at 1 and again at 2");
        assert_eq!(shard.stream_time(), Some(hour(2)));
    }

    #[test]
    fn what_falls_due_is_told_in_its_order_and_without_timers_that_ring_too_early() {
        let mut table = Table::new();
        for (key, due) in [("a", 2), ("b", 1), ("c", 1), ("d", 3), ("e", 1)] {
            table.load(&key.into(), Some(0), Some(hour(due)));
        }
        table.load(&"e".into(), Some(0), Some(hour(4)));
        let due = table.due_by(hour(2));
        let due: Vec<_> = due.iter().map(|(due, key, _)| (*due, &***key)).collect();
        assert_eq!(due, [(hour(1), "b"), (hour(1), "c"), (hour(2), "a")]);
    }

    #[test]
    fn stream_time_never_falls_back_to_a_timer() {
        let mut table = Table::new();
        table.load(&"a".into(), Some(0), Some(hour(1)));
        table.load(&"b".into(), Some(0), Some(hour(2)));
        let mut shard = Shard::new(Hourly, Some(hour(9)));
        let last = (hour(1), "a".into());
        shard.advance_to_timer(&mut table, &last, &mut Derived::default());
        assert_eq!(fired(&table), [1, 0]);
        assert_eq!(shard.stream_time(), Some(hour(9)));
    }
}
