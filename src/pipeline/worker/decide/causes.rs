//! Which record has brought what a step says: so that what is published can go on in the trace of its record.
//!
//! An alert counts as brought by a record if it shows the event of that record as evidence. What timers raise on the way
//! to a record does not. Nothing is kept for records that bring nothing, and nothing is decided by it.

use waymark_engine::event::EventHash;
use waymark_engine::stage::Derived;

/// Places of the records that have brought alerts and deltas.
#[derive(Debug, Default)]
pub(crate) struct Causes {
    /// For each alert in its place, as far as records were taken; ticks bring more.
    alerts: Vec<Option<usize>>,
    /// The same for deltas, which no timer brings.
    deltas: Vec<usize>,
}

impl Causes {
    /// Takes down what has come since the last call, while a record was taken.
    pub(super) fn enter(&mut self, place: usize, event: Option<EventHash>, derived: &Derived) {
        let fresh = &derived.alerts[self.alerts.len()..];
        self.alerts.extend(fresh.iter().map(|alert| {
            let shows = |hash| alert.evidence.iter().any(|it| it.event_hash == hash);
            event.filter(|event| shows(*event)).map(|_| place)
        }));
        self.deltas.resize(derived.deltas.len(), place);
    }

    /// Returns the place of the record that has brought an alert; none if time has.
    pub(crate) fn of_alert(&self, place: usize) -> Option<usize> {
        self.alerts.get(place).copied().flatten()
    }

    /// Returns the place of the record that has brought a delta.
    pub(crate) fn of_delta(&self, place: usize) -> Option<usize> {
        self.deltas.get(place).copied()
    }
}
