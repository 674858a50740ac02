//! Runs files through both stages in one thread.
//!
//! | part    | what happens                                                                    |
//! | ------- | ------------------------------------------------------------------------------- |
//! | collect | the next records, decoded                                                       |
//! | load    | the journeys they concern, and those that fall due meanwhile                    |
//! | decide  | record by record: time moves, timers fire, the engine decides; outputs are told |
//! | flush   | changed journeys go back to the store, in their stored form                     |
//!
//! What comes out does not depend on how many records a step takes.

use waymark_engine::event::{Decoded, Event, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::reference::Reference;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Key, Outcome, Table};

use super::account::{Account, Summary};
use super::error::ReplayError;
use crate::publish::{FileOutputs, PublishError};
use crate::source::Record;
use crate::store::States;

/// Records a step takes: enough to load and store a busy customer once for many of its events, few enough to hold
/// (10,000 records × ~1 KiB = 10 MiB).
pub const STEP_RECORDS: usize = 10_000;

/// A run over files.
#[derive(Debug)]
pub struct Replay {
    engine: Reference,
    states: States,
    account: Account,
    not_after: Timestamp,
}

impl Replay {
    /// A run at its beginning. An event later than `not_after` is set aside as `time_ahead`.
    pub fn new(rules: Rules, not_after: Timestamp) -> Self {
        Self {
            engine: Reference::new(rules),
            states: States::default(),
            account: Account::default(),
            not_after,
        }
    }

    /// Takes one step over records that follow those before.
    ///
    /// # Errors
    /// [`ReplayError`]; the run can't go on.
    pub fn step(
        &mut self,
        records: &[Record],
        outputs: &mut FileOutputs,
    ) -> Result<(), ReplayError> {
        let mut table = self.load(records)?;
        let mut derived = Derived::default();
        for record in records {
            let outcome = match &record.decoded {
                Ok(Decoded::Event(event)) => {
                    self.engine
                        .take(&mut table, event, self.not_after, &mut derived)
                }
                Ok(Decoded::Ignored { .. }) => Outcome::Ignored,
                Err(rejection) => Outcome::DeadLettered(rejection.clone()),
            };
            self.account.enter(record, &outcome);
            set_aside(record, &outcome, outputs)?;
            self.publish(&mut derived, outputs)?;
        }
        self.flush(table);
        Ok(())
    }

    /// Moves the clock on to `until`, or leaves it at the last event, fires what is due by then, and returns what the run
    /// has to tell.
    ///
    /// # Errors
    /// [`ReplayError`].
    pub fn finish(
        mut self,
        until: Option<Timestamp>,
        outputs: &mut FileOutputs,
    ) -> Result<Summary, ReplayError> {
        if let Some(end) = until.max(self.engine.stream_time()) {
            let mut table = self.load_due(end, Vec::new())?;
            let mut derived = Derived::default();
            self.engine.advance(&mut table, end, &mut derived);
            self.publish(&mut derived, outputs)?;
            self.flush(table);
        }
        self.account.close(&self.engine, &self.states)
    }

    /// Returns how many records the run has taken.
    pub fn received(&self) -> u64 {
        self.account.books().received
    }

    fn load(&self, records: &[Record]) -> Result<Table<Journey>, ReplayError> {
        let events = || {
            records
                .iter()
                .filter_map(event)
                .filter(|event| event.occurred_at <= self.not_after)
        };
        let keys = events()
            .filter_map(|event| event.customer.as_ref())
            .map(|customer| Key::from(customer.as_str()));
        // Stream time may already lie ahead of all of them.
        let latest = events().map(|event| event.occurred_at).max();
        match latest.max(self.engine.stream_time()) {
            Some(latest) => self.load_due(latest, keys.collect()),
            None => Ok(Table::new()),
        }
    }

    /// Loads the journeys of some customers and all that fall due up to a time.
    fn load_due(
        &self,
        due_before: Timestamp,
        mut keys: Vec<Key>,
    ) -> Result<Table<Journey>, ReplayError> {
        let falling_due = self.states.due_before(due_before);
        keys.extend(falling_due.map(|(_, key)| key.clone()));
        keys.sort_unstable();
        keys.dedup();
        let mut table = Table::new();
        for key in keys {
            let journey = self.states.value(&key).map(Journey::decode).transpose();
            let journey = journey.map_err(|source| ReplayError::State {
                key: key.clone(),
                source,
            })?;
            table.load(&key, journey, self.states.due(&key));
        }
        Ok(table)
    }

    fn publish(
        &mut self,
        derived: &mut Derived,
        outputs: &mut FileOutputs,
    ) -> Result<(), PublishError> {
        for alert in derived.alerts.drain(..) {
            outputs.alert(&alert)?;
            self.account.enter_alert(alert);
        }
        for score in derived.scores.drain(..) {
            outputs.score(&score)?;
        }
        Ok(())
    }

    fn flush(&mut self, table: Table<Journey>) {
        for (key, journey, due) in table.into_changes() {
            let value = journey.map(|journey| journey.encode());
            self.states.set(key, value, due);
        }
    }
}

fn event(record: &Record) -> Option<&Event> {
    match &record.decoded {
        Ok(Decoded::Event(event)) => Some(event),
        Ok(Decoded::Ignored { .. }) | Err(_) => None,
    }
}

/// Keeps what did not count, with its bytes and where it stood.
fn set_aside(
    record: &Record,
    outcome: &Outcome,
    outputs: &mut FileOutputs,
) -> Result<(), PublishError> {
    match outcome {
        Outcome::DeadLettered(rejection) => {
            outputs.dead_letter(rejection, &record.place, &record.value)
        }
        Outcome::Late => outputs.late(&record.place, &record.value),
        Outcome::Applied | Outcome::Duplicate | Outcome::Ignored => Ok(()),
    }
}
