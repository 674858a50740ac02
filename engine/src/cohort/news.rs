//! How days that close become scores, and how shifts become alerts.
//!
//! The subject of an alert is one series of one cohort. The direction is no part of it: a series has one open episode,
//! whichever way it went. `raised` bears the time of the reply that crossed the threshold, `resolved` that of the
//! reply that completed the new baseline.

use std::collections::BTreeMap;

use crate::definition::Shift;
use crate::derived::{Alert, AlertId, CohortName, Evidence, Score, Series, Status};
use crate::event::{Day, Instrument, Kind, Text};

use super::Tally;
use super::state::News;
use super::watch::{Episode, Origin, Reply, Turn};
use super::window::first_day;

/// All it takes to put news of one cohort into words.
#[derive(Debug)]
pub(super) struct Teller<'a> {
    pub(super) cohort: CohortName,
    pub(super) window_days: u16,
    pub(super) shift: Option<&'a Shift>,
    pub(super) threshold: f64,
    pub(super) version: &'a Text,
}

/// News in words.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) alerts: Vec<Alert>,
    pub(super) scores: Vec<Score>,
}

type Details = BTreeMap<Text, Text>;

impl Teller<'_> {
    /// Puts news into words, in their order.
    pub(super) fn tell(&self, news: Vec<News>) -> Told {
        let mut told = Told::default();
        for item in news {
            match item {
                News::Closed { series, day, tally } => {
                    told.scores.push(self.score(series, day, &tally));
                }
                News::Turned { series, turn } => told.alerts.extend(self.alert(&series, &turn)),
            }
        }
        told
    }

    /// Returns the score over the window that ends with a day.
    pub(super) fn score(&self, series: Series, day: Day, tally: &Tally) -> Score {
        let interval = tally.interval();
        Score {
            cohort: self.cohort.clone(),
            series,
            from: first_day(day, self.window_days),
            to: day,
            replies: tally.replies(),
            promoters: tally.promoters.into(),
            passives: tally.passives.into(),
            detractors: tally.detractors.into(),
            nps: tally.nps(),
            low: interval.map(|interval| interval.low),
            high: interval.map(|interval| interval.high),
            verdict: tally.verdict(),
            definition_version: self.version.clone(),
        }
    }

    fn alert(&self, series: &Series, turn: &Turn) -> Option<Alert> {
        let shift = self.shift?;
        let (episode, sequence, status, last) = match turn {
            Turn::Shifted { episode, .. } => (episode, 1, Status::Raised, None),
            Turn::Settled { episode, by, .. } => (episode, 2, Status::Resolved, Some(by)),
        };
        let mut details = named(series, episode);
        details.extend(self.statistic(turn, shift));
        Some(Alert {
            alert_id: self.alert_id(&shift.rule, series, episode),
            sequence,
            kind: Shift::KIND.into(),
            level: None,
            status,
            severity: shift.severity,
            customer_id: None,
            application_id: None,
            case_id: None,
            cohort: Some(self.cohort.clone()),
            occurred_at: last.unwrap_or(&episode.opened_by).occurred_at,
            due: None,
            rule: shift.rule.clone(),
            definition_version: self.version.clone(),
            evidence: [Some(&episode.opened_by), last]
                .into_iter()
                .flatten()
                .map(evidence)
                .collect(),
            details,
        })
    }

    fn alert_id(&self, rule: &str, series: &Series, episode: &Episode) -> AlertId {
        let subject = [
            "cohort",
            self.cohort.dimension(),
            self.cohort.value(),
            instrument(series.instrument),
            &series.touchpoint,
            &series.score_dimension,
        ];
        AlertId::derive(rule, &subject, episode.opened_by.event_hash)
    }

    /// Returns the numbers behind a turn, in points unless the name says otherwise.
    fn statistic(&self, turn: &Turn, shift: &Shift) -> Details {
        match turn {
            Turn::Shifted {
                origin,
                reference,
                evidence,
                seen,
                ..
            } => details([
                ("reference", format!("{reference:.1}")),
                ("reference_kind", origin.name().to_owned()),
                ("threshold", format!("{:.1}", self.threshold)),
                ("evidence", format!("{evidence:.1}")),
                ("replies", seen.replies().to_string()),
                ("nps", points(seen.nps())),
                (
                    "baseline",
                    format!(
                        "learnt anew from the next {} replies",
                        shift.baseline_replies
                    ),
                ),
            ]),
            Turn::Settled { baseline, .. } => details([
                ("reference_kind", Origin::Estimated.name().to_owned()),
                ("replies", baseline.replies().to_string()),
                ("nps", points(baseline.nps())),
                (
                    "low",
                    points(baseline.interval().map(|interval| interval.low)),
                ),
                (
                    "high",
                    points(baseline.interval().map(|interval| interval.high)),
                ),
                ("baseline", "complete".to_owned()),
            ]),
        }
    }
}

fn named(series: &Series, episode: &Episode) -> Details {
    details([
        ("direction", episode.direction.name().to_owned()),
        ("instrument", instrument(series.instrument).to_owned()),
        ("touchpoint", series.touchpoint.to_string()),
        ("score_dimension", series.score_dimension.to_string()),
    ])
}

fn details<const N: usize>(pairs: [(&str, String); N]) -> Details {
    pairs
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn points(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| format!("{value:.1}"))
}

fn evidence(reply: &Reply) -> Evidence {
    Evidence {
        kind: Kind::SurveyReplied,
        occurred_at: reply.occurred_at,
        event_hash: reply.event_hash,
    }
}

/// Returns the name of an instrument as events state it.
fn instrument(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Nps => "NPS",
        Instrument::Csat => "CSAT",
        Instrument::Ces => "CES",
    }
}
