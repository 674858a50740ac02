//! The processor of the cohort stage: one delta or one due time in, one decision out.
//!
//! The key is the cohort's name, `dimension=value`. All that is over at stream time is closed first, in time order, and
//! only then is the delta counted; so it does not matter whether the caller fires timers before a record or lets the
//! record do it. How many values of a dimension get a cohort is up to the caller: see [`Cohorts::values_max`].

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::definition::{CohortBy, Definition, Nps, Shift};
use crate::derived::{CohortName, Delta, Score, Series};
use crate::event::{Day, Instrument, Reason, Rejection, Text, Timestamp};
use crate::stage::{Cause, Decision, Outcome, Processor};

use super::news::{Teller, Told};
use super::state::{Monitoring, Plan, SERIES_MAX, Track};
use super::watch::Terms;
use super::{Cohort, Comparison, Wave};

/// The cohort stage for one definition.
#[derive(Debug, Clone)]
pub struct Cohorts {
    /// What to keep, and for whom.
    pub nps: Nps,
    /// The zone of civil days.
    pub zone: TimeZone,
    /// Version of the definition.
    pub version: Text,
}

/// All that is known of one series of a cohort.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesSummary {
    /// The score over the rolling window.
    pub score: Score,
    /// Each wave kept, the oldest first.
    pub waves: Vec<Wave>,
    /// Each of them against the next.
    pub comparisons: Vec<Comparison>,
}

impl Processor for Cohorts {
    type Input = Delta;
    type State = Cohort;

    fn step(
        &self,
        key: &str,
        state: Option<Cohort>,
        cause: Cause<'_, Delta>,
        at: Timestamp,
    ) -> Decision<Cohort> {
        let Some((by, value)) = self.find(key) else {
            return untouched(state);
        };
        let plan = self.plan(by);
        let mut cohort = state.unwrap_or_default();
        let mut news = Vec::new();
        let next = cohort.advance(&plan, at, &mut news);
        let (outcome, due) = match cause {
            Cause::Event(delta) => admit(&mut cohort, delta, &plan, at),
            Cause::Due => (Outcome::Applied, None),
        };
        let told = match news[..] {
            [] => Told::default(),
            [..] => self.teller(by, value, &plan).tell(news),
        };
        Decision {
            outcome,
            due: next.into_iter().chain(due).min(),
            state: (!cohort.is_empty()).then_some(cohort),
            alerts: told.alerts,
            deltas: Vec::new(),
            scores: told.scores,
        }
    }
}

/// Counts a delta, if it is of our concern and there is room; returns also when its series is due.
fn admit(
    cohort: &mut Cohort,
    delta: &Delta,
    plan: &Plan<'_>,
    at: Timestamp,
) -> (Outcome, Option<Timestamp>) {
    if delta.series.instrument != Instrument::Nps {
        return (Outcome::Ignored, None);
    }
    if !cohort.has_room_for(&delta.series) {
        let detail = format!("cohort {} has {SERIES_MAX} series already", delta.cohort);
        let rejection = Rejection::new(Reason::LimitExceeded, detail);
        return (Outcome::DeadLettered(rejection), None);
    }
    (Outcome::Applied, cohort.count(delta, plan, at))
}

/// Leaves the state of a cohort that the definition does not know as it is, in case a later definition does.
fn untouched(state: Option<Cohort>) -> Decision<Cohort> {
    Decision {
        outcome: Outcome::Ignored,
        state,
        due: None,
        alerts: Vec::new(),
        deltas: Vec::new(),
        scores: Vec::new(),
    }
}

impl Cohorts {
    /// Returns the cohort stage of a definition; `None` if it keeps no score.
    pub fn of(definition: &Definition) -> Option<Self> {
        Some(Self {
            nps: definition.nps.clone()?,
            zone: definition.zone.clone(),
            version: definition.edition.version.clone(),
        })
    }

    /// Returns when a cohort next has something to close; none if the definition does not know it.
    pub fn due(&self, key: &str, cohort: &Cohort) -> Option<Timestamp> {
        let (by, _) = self.find(key)?;
        cohort.due(&self.plan(by))
    }

    /// Returns how many values of a dimension may have a cohort of their own; none if the definition does not know it.
    pub fn values_max(&self, dimension: &str) -> Option<u32> {
        let mut known = self.nps.cohorts.iter();
        let by = known.find(|by| *by.dimension == *dimension)?;
        Some(by.values_max)
    }

    /// Returns what is known of each series of a cohort, the window ending with `today`, the civil day of stream time.
    ///
    /// Days that a coming score can't include are forgotten: for a day that closed, the score told then is the truth.
    pub fn summary(&self, key: &str, cohort: &Cohort, today: Day) -> Vec<SeriesSummary> {
        let Some((by, value)) = self.find(key) else {
            return Vec::new();
        };
        let teller = self.teller(by, value, &self.plan(by));
        let summary = |(series, track): (&Series, &Track)| {
            let tally = track.window.as_of(today, self.nps.window_days);
            SeriesSummary {
                score: teller.score(series.clone(), today, &tally),
                waves: track.waves.list(),
                comparisons: track.waves.comparisons(),
            }
        };
        cohort.tracks.iter().map(summary).collect()
    }

    /// Finds the dimension of a key, and its value.
    fn find<'k>(&self, key: &'k str) -> Option<(&CohortBy, &'k str)> {
        self.nps.cohorts.iter().find_map(|by| {
            // Where the sign stands tells most dimensions apart, without a look at their names.
            let value = key.get(by.dimension.len()..)?.strip_prefix('=')?;
            key.starts_with(&*by.dimension).then_some((by, value))
        })
    }

    fn plan(&self, by: &CohortBy) -> Plan<'_> {
        let monitoring = |shift: &Shift| Monitoring {
            grace: shift.grace,
            terms: Terms {
                target: by.target,
                threshold: self.nps.threshold(shift, by),
                baseline_replies: shift.baseline_replies,
                tolerance: shift.tolerance,
            },
        };
        Plan {
            zone: &self.zone,
            window_days: self.nps.window_days,
            waves: self.nps.waves,
            shift: self.nps.shift.as_ref().map(monitoring),
        }
    }

    fn teller(&self, by: &CohortBy, value: &str, plan: &Plan<'_>) -> Teller<'_> {
        Teller {
            cohort: CohortName::new(&by.dimension, value),
            window_days: self.nps.window_days,
            shift: self.nps.shift.as_ref(),
            threshold: plan
                .shift
                .map_or(f64::INFINITY, |shift| shift.terms.threshold),
            version: &self.version,
        }
    }
}
