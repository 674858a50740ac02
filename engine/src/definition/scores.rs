//! Survey statistics as meant: whose, over which window, compared with what.

use std::time::Duration;

use crate::derived::Severity;
use crate::event::{Day, Text};

/// How to keep the net promoter score.
#[derive(Debug, Clone)]
pub struct Nps {
    /// Length of the rolling window, in civil days.
    pub window_days: u16,
    /// The cohorts to keep it for.
    pub cohorts: Vec<CohortBy>,
    /// Calendar periods to compare one with the next.
    pub waves: Option<Waves>,
    /// The monitored shift, where asked for.
    pub shift: Option<Shift>,
    /// The alert on a respondent who promoted and now detracts, where asked for.
    pub turned_detractor: Option<TurnedDetractor>,
}

/// One dimension along which replies are grouped.
#[derive(Debug, Clone)]
pub struct CohortBy {
    /// Its name; `all` puts everybody into one cohort.
    pub dimension: Text,
    /// How many values may have a cohort of their own; replies of any further value are refused and counted.
    pub values_max: u32,
    /// Replies that one cohort of this dimension gets in a year, as expected by the bank.
    pub replies_per_year: f64,
    /// How many cohorts of this dimension there are, as expected by the bank.
    pub expected: u32,
    /// The NPS to hold, in points; none: learnt from the replies and marked `estimated`.
    pub target: Option<f64>,
}

/// Calendar periods in the definition's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Waves {
    Month,
    Quarter,
    Year,
}

impl Waves {
    /// Returns the first and the last day of the period that a day lies in.
    pub fn period_of(self, day: Day) -> (Day, Day) {
        let date = day.date();
        let month = |month| jiff::civil::Date::new(date.year(), month, 1).unwrap_or(date);
        let (first, last) = match self {
            Waves::Month => (date, date),
            Waves::Quarter => {
                let first = (date.month() - 1) / 3 * 3 + 1;
                (month(first), month(first + 2))
            }
            Waves::Year => (date.first_of_year(), date.last_of_year()),
        };
        let first = Day::of_date(first.first_of_month());
        (first, Day::of_date(last.last_of_month()))
    }
}

/// How to watch for a shift of the score, for ever, with a stated rate of false alarms.
#[derive(Debug, Clone)]
pub struct Shift {
    /// Rule id of its alerts.
    pub rule: Text,
    /// Severity of its alerts.
    pub severity: Severity,
    /// How long past the end of an hour to wait for its replies.
    pub grace: Duration,
    /// Replies from which a reference is learnt.
    pub baseline_replies: u32,
    /// Points by which a learnt reference is relaxed.
    pub tolerance: f64,
    /// False alarms allowed in a year over all cohorts and both directions.
    pub false_alarms_per_year: f64,
}

impl Shift {
    /// The kind of its alerts.
    pub const KIND: &str = "nps_shift";
}

impl Nps {
    /// Returns the alarm threshold A of one cohort of a dimension: its replies a year over its share of the allowance.
    ///
    /// The allowance is shared evenly over all expected cohorts and both directions. A is also the mean number of
    /// replies to a false alarm that the detector promises at least, in each direction.
    pub fn threshold(&self, shift: &Shift, cohorts: &CohortBy) -> f64 {
        let detectors: f64 = self
            .cohorts
            .iter()
            .map(|by| 2.0 * f64::from(by.expected))
            .sum();
        let allowance = shift.false_alarms_per_year / detectors;
        cohorts.replies_per_year / allowance
    }
}

/// The alert on a respondent who promoted and now detracts.
#[derive(Debug, Clone)]
pub struct TurnedDetractor {
    /// Rule id of its alerts.
    pub rule: Text,
    /// Severity of its alerts.
    pub severity: Severity,
}

impl TurnedDetractor {
    /// The kind of its alerts.
    pub const KIND: &str = "promoter_turned_detractor";
}
