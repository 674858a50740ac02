//! What a run has to tell at its end: the books, and what became of applications, alerts and scores.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use waymark_engine::cohort::SeriesSummary;
use waymark_engine::derived::{Alert, Status};
use waymark_engine::event::{Decoded, Rejection, Text, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::reference::Reference;
use waymark_engine::stage::{Books, Outcome};

use super::error::ReplayError;
use crate::source::Record;
use crate::store;

/// Alerts that are kept to be shown to whoever watches.
const LATEST_ALERTS: usize = 12;

/// The account of a run, entered as it goes. Its size does not grow with the input.
#[derive(Debug, Default)]
pub struct Account {
    books: Books,
    kinds: BTreeMap<Text, Books>,
    alerts: BTreeMap<Text, BTreeMap<Status, u64>>,
    latest_alerts: VecDeque<Alert>,
    first_event: Option<Timestamp>,
    first_unreadable: Option<Rejection>,
    understood: u64,
}

/// What a run has to tell. The same input and definition give the same summary, byte for byte.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Name of the definition.
    pub definition: Text,
    /// Its version.
    pub definition_version: Text,
    /// From when to when the run went, in event time.
    pub clock: Clock,
    /// How many records ended how.
    pub books: Books,
    /// The same by kind of event; records that could not be read have none.
    pub kinds: BTreeMap<Text, Books>,
    /// What became of the applications.
    pub applications: Applications,
    /// Transitions by kind of alert and status.
    pub alerts: BTreeMap<Text, BTreeMap<Status, u64>>,
    /// Survey scores by cohort: the rolling window at the end of the clock, each wave, each wave against the next.
    pub nps: Vec<SeriesSummary>,
    /// Replies that no cohort counted, for the definition allows no further one.
    pub refused_deltas: u64,
    /// How much is kept.
    pub states: States,
    /// The last alerts of the run, newest last; for people, not part of the file.
    #[serde(skip)]
    pub latest_alerts: Vec<Alert>,
    /// Why the first record could not be read, if none could.
    #[serde(skip)]
    unreadable: Option<Rejection>,
}

impl Summary {
    /// Returns why the first record could not be read, if none of them could.
    pub fn unreadable(&self) -> Option<&Rejection> {
        self.unreadable.as_ref()
    }
}

/// The span of a run.
#[derive(Debug, Serialize)]
pub struct Clock {
    /// The earliest event taken; the inputs need not begin with it.
    pub first_event: Option<Timestamp>,
    /// Where stream time stood at the end.
    pub stream_time: Option<Timestamp>,
}

/// What became of the applications that are remembered.
#[derive(Debug, Default, Serialize)]
pub struct Applications {
    /// All of them.
    pub known: u64,
    /// Not decided, not ended.
    pub undecided: u64,
    /// By the kind of event that decided them.
    pub decided: BTreeMap<&'static str, u64>,
    /// By the kind of event that ended them.
    pub ended: BTreeMap<&'static str, u64>,
    /// Undecided ones, by the stage they are in.
    pub stages: BTreeMap<Text, u64>,
}

/// How much is kept.
#[derive(Debug, Default, Serialize)]
pub struct States {
    /// Customers known.
    pub customers: u64,
    /// Bytes of all stored journeys.
    pub total_bytes: u64,
    /// Bytes of the median stored journey.
    pub median_bytes: u64,
}

impl Account {
    /// Enters how a record ended.
    pub fn enter(&mut self, record: &Record, outcome: &Outcome) {
        match &record.decoded {
            Ok(_) => self.understood += 1,
            Err(rejection) if self.first_unreadable.is_none() => {
                self.first_unreadable = Some(rejection.clone());
            }
            Err(_) => {}
        }
        self.books.enter(outcome);
        let kind = match &record.decoded {
            Ok(Decoded::Event(event)) => event.kind().name(),
            Ok(Decoded::Ignored { .. }) => "unknown",
            Err(_) => "unreadable",
        };
        match self.kinds.get_mut(kind) {
            Some(books) => books.enter(outcome),
            None => self.kinds.entry(kind.into()).or_default().enter(outcome),
        }
        if let (Outcome::Applied, Ok(Decoded::Event(event))) = (outcome, &record.decoded) {
            let earliest = self.first_event.unwrap_or(event.occurred_at);
            self.first_event = Some(earliest.min(event.occurred_at));
        }
    }

    /// Enters a transition of an alert.
    pub fn enter_alert(&mut self, alert: Alert) {
        if !self.alerts.contains_key(&alert.kind) {
            self.alerts.insert(alert.kind.clone(), BTreeMap::new());
        }
        let statuses = self
            .alerts
            .get_mut(&alert.kind)
            .expect("entered just above");
        *statuses.entry(alert.status).or_default() += 1;
        if self.latest_alerts.len() == LATEST_ALERTS {
            self.latest_alerts.pop_front();
        }
        self.latest_alerts.push_back(alert);
    }

    /// Returns how many records ended how, so far.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Adds up what the stages and the store hold at the end.
    ///
    /// # Errors
    /// [`ReplayError::State`] if a stored journey can't be read back.
    pub(super) fn close(
        self,
        engine: &Reference,
        stored: &store::States,
    ) -> Result<Summary, ReplayError> {
        assert!(
            self.books.balance(),
            "every record ends in exactly one outcome: {:?}",
            self.books
        );
        let definition = engine.rules().definition();
        let (applications, states) = survey(stored)?;
        Ok(Summary {
            definition: definition.name.clone(),
            definition_version: definition.edition.version.clone(),
            clock: Clock {
                first_event: self.first_event,
                stream_time: engine.stream_time(),
            },
            books: self.books,
            kinds: self.kinds,
            applications,
            alerts: self.alerts,
            nps: engine.scores(),
            refused_deltas: engine.refused_deltas(),
            states,
            latest_alerts: self.latest_alerts.into(),
            unreadable: self.first_unreadable.filter(|_| self.understood == 0),
        })
    }
}

/// Looks once at every stored journey.
fn survey(stored: &store::States) -> Result<(Applications, States), ReplayError> {
    let mut applications = Applications::default();
    let mut sizes: Vec<u64> = Vec::new();
    for (key, value) in stored.iter() {
        let journey = Journey::decode(value).map_err(|source| ReplayError::State {
            key: key.clone(),
            source,
        })?;
        sizes.push(value.len() as u64);
        applications.add(&journey);
    }
    sizes.sort_unstable();
    let states = States {
        customers: sizes.len() as u64,
        total_bytes: sizes.iter().sum(),
        median_bytes: sizes.get(sizes.len() / 2).copied().unwrap_or_default(),
    };
    Ok((applications, states))
}

impl Applications {
    fn add(&mut self, journey: &Journey) {
        for application in &journey.applications {
            self.known += 1;
            if let Some(decided) = application.decided {
                *self.decided.entry(decided.kind.name()).or_default() += 1;
            }
            if let Some(ended) = application.ended {
                *self.ended.entry(ended.kind.name()).or_default() += 1;
            }
            if application.decided.is_none() && application.ended.is_none() {
                self.undecided += 1;
                *self
                    .stages
                    .entry(application.stage().unwrap_or("unknown").into())
                    .or_default() += 1;
            }
        }
    }
}
