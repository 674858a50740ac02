//! The cohort stage as a whole: deltas and due times in, scores and alerts out.
//!
//! | chapter  | what it tells                                  |
//! | -------- | ---------------------------------------------- |
//! | `scores` | days that close, replies that are taken back    |
//! | `shift`  | alarms, and replies that come too late for them |
//! | `order`  | it does not matter which shard was faster       |
//! | `stored` | bytes and back                                  |

mod order;
mod scores;
mod shift;
mod stored;

use std::time::Duration;

use jiff::tz::TimeZone;

use super::*;
use crate::definition::{CohortBy, Nps, Shift, Waves};
use crate::derived::{
    Alert, AlertId, Category, CohortName, Delta, Score, Series, Severity, Status, Verdict,
};
use crate::event::{Day, EventHash, Instrument, Reason, Timestamp};
use crate::stage::{Cause, Decision, Outcome, Processor};

const KEY: &str = "branch=17";

/// A window of seven days in Berlin; a target of 30; an alarm about every 1,000 replies.
fn cohorts(target: Option<f64>) -> Cohorts {
    Cohorts {
        nps: Nps {
            window_days: 7,
            cohorts: vec![CohortBy {
                dimension: "branch".into(),
                values_max: 100,
                replies_per_year: 1_000.0,
                expected: 1,
                target,
            }],
            waves: Some(Waves::Quarter),
            shift: Some(Shift {
                rule: "nps-shift".into(),
                severity: Severity::Warning,
                grace: Duration::from_mins(10),
                baseline_replies: 500,
                tolerance: 5.0,
                false_alarms_per_year: 2.0,
            }),
            turned_detractor: None,
        },
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        version: "1".into(),
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    Day::of_date(text.parse().unwrap())
}

/// A first reply of somebody.
fn reply(id: &str, occurred_at: Timestamp, score: i64) -> Delta {
    Delta {
        event_hash: EventHash::of(id),
        occurred_at,
        cohort: CohortName::new("branch", "17"),
        series: Series {
            instrument: Instrument::Nps,
            touchpoint: "".into(),
            score_dimension: "".into(),
        },
        from: None,
        from_day: None,
        to: Category::of(score),
        score: Some(score),
    }
}

/// One key, driven as a stage drives it, with all that came out.
struct Run<'a> {
    cohorts: &'a Cohorts,
    state: Option<Cohort>,
    due: Option<Timestamp>,
    scores: Vec<Score>,
    alerts: Vec<Alert>,
}

impl<'a> Run<'a> {
    fn new(cohorts: &'a Cohorts) -> Self {
        Self {
            cohorts,
            state: None,
            due: None,
            scores: Vec::new(),
            alerts: Vec::new(),
        }
    }

    fn step(&mut self, cause: Cause<'_, Delta>, at: Timestamp) -> Outcome {
        let decision = self.cohorts.step(KEY, self.state.take(), cause, at);
        let Decision {
            outcome,
            state,
            due,
            alerts,
            scores,
            ..
        } = decision;
        let known = state.as_ref().and_then(|it| self.cohorts.due(KEY, it));
        assert_eq!(due, known, "a state tells by itself when it is due");
        self.state = state;
        self.due = due;
        self.alerts.extend(alerts);
        self.scores.extend(scores);
        outcome
    }

    /// Counts a delta at the time it happened.
    fn count(&mut self, delta: &Delta) -> Outcome {
        self.step(Cause::Event(delta), delta.occurred_at)
    }

    /// Moves stream time, firing each timer at its time.
    fn advance(&mut self, at: Timestamp) {
        while let Some(due) = self.due.filter(|due| *due <= at) {
            self.step(Cause::Due, due);
            assert!(self.due.is_none_or(|next| next > due), "a timer fires once");
        }
    }

    fn tally(&self, today: &str) -> [u64; 3] {
        let summary = self
            .cohorts
            .summary(KEY, self.state.as_ref().unwrap(), day(today));
        let score = &summary[0].score;
        [score.detractors, score.passives, score.promoters]
    }

    fn days_told(&self) -> Vec<(String, u64)> {
        let told = |score: &Score| (score.to.to_string(), score.replies);
        self.scores.iter().map(told).collect()
    }
}

/// Replies of one score, one every ten minutes.
fn replies(from: Timestamp, count: u32, score: i64) -> impl Iterator<Item = Delta> {
    (0..count).map(move |i| {
        let occurred_at = from + Duration::from_mins(10) * i;
        reply(&format!("{from} {i}"), occurred_at, score)
    })
}
