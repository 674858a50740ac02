//! What is shown of the scores of cohorts: as of the last day that closed, by the process that closed it.
//!
//! A row belongs to a shard and goes with it. The next owner shows its own at the close of the next day, and so does a
//! process that starts anew. A rebalance takes every shard before it gives any, also those that stay: it removes all rows
//! until the next close. What was last shown is remembered by Prometheus, with `last_over_time`, and told from older news by
//! the day. Rows are bounded by the definition: `values_max` of a dimension in each shard, times the series of a
//! cohort, of which there are 64 at most.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{GaugeVec, IntGaugeVec};
use waymark_engine::derived::Score;
use waymark_engine::event::Text;

use super::families::Families;

/// The gauges, and which of their rows belong to which shard.
#[derive(Debug, Clone)]
pub(super) struct Scores {
    points: GaugeVec,
    replies: IntGaugeVec,
    day: GaugeVec,
    rows: Arc<Mutex<BTreeMap<Shard, BTreeSet<Row>>>>,
}

/// Stage and number.
type Shard = (String, String);

/// Dimension and value of the cohort, touchpoint and dimension of the score.
type Row = [Text; 4];

const MILLIS_PER_DAY: i64 = 86_400_000;
const ESTIMATES: [&str; 3] = ["score", "low", "high"];

impl Scores {
    pub(super) fn new(all: &Families) -> Self {
        Self {
            points: all.nps.clone(),
            replies: all.nps_replies.clone(),
            day: all.nps_day.clone(),
            rows: Arc::default(),
        }
    }

    /// Shows a score. One without replies has neither points nor interval: not a number, for an absent row would leave the
    /// last one in memory.
    pub(super) fn show(&self, stage: &str, shard: u32, score: &Score) {
        let row = row_of(score);
        let labels = row.each_ref().map(|it| &**it);
        let estimates = [score.nps, score.low, score.high];
        for (name, estimate) in ESTIMATES.into_iter().zip(estimates) {
            let labels = with_estimate(labels, name);
            let points = self.points.with_label_values(&labels);
            points.set(estimate.unwrap_or(f64::NAN));
        }
        let replies = i64::try_from(score.replies).unwrap_or(i64::MAX);
        self.replies.with_label_values(&labels).set(replies);
        let end = (i64::from(score.to.0) + 1) * MILLIS_PER_DAY;
        self.day
            .with_label_values(&labels)
            .set(end as f64 / 1_000.0);
        let shard = (stage.to_owned(), shard.to_string());
        self.lock().entry(shard).or_default().insert(row);
    }

    /// Removes the rows of a shard.
    pub(super) fn forget(&self, stage: &str, shard: &str) {
        let shard = (stage.to_owned(), shard.to_owned());
        for row in self.lock().remove(&shard).unwrap_or_default() {
            let labels = row.each_ref().map(|it| &**it);
            for name in ESTIMATES {
                let labels = with_estimate(labels, name);
                drop(self.points.remove_label_values(&labels));
            }
            drop(self.replies.remove_label_values(&labels));
            drop(self.day.remove_label_values(&labels));
        }
    }

    /// Nothing here is ever left half changed, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Shard, BTreeSet<Row>>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn row_of(score: &Score) -> Row {
    let (cohort, series) = (&score.cohort, &score.series);
    [
        cohort.dimension().into(),
        cohort.value().into(),
        series.touchpoint.clone(),
        series.score_dimension.clone(),
    ]
}

fn with_estimate<'a>([a, b, c, d]: [&'a str; 4], estimate: &'a str) -> [&'a str; 5] {
    [a, b, c, d, estimate]
}

#[cfg(test)]
mod tests {
    use waymark_engine::derived::{CohortName, Series, Verdict};
    use waymark_engine::event::{Day, Instrument};

    use super::super::Metrics;
    use super::*;

    fn score(branch: &str, day: i32, nps: Option<f64>) -> Score {
        Score {
            cohort: CohortName::new("branch", branch),
            series: Series {
                instrument: Instrument::Nps,
                touchpoint: "".into(),
                score_dimension: "".into(),
            },
            from: Day(0),
            to: Day(day),
            replies: 3,
            promoters: 2,
            passives: 0,
            detractors: 1,
            nps,
            low: nps.map(|nps| nps - 40.0),
            high: nps.map(|nps| nps + 40.0),
            verdict: Verdict::TooFewReplies,
            definition_version: "1".into(),
        }
    }

    #[test]
    fn the_last_score_of_a_cohort_is_shown_with_its_interval_and_its_day() {
        let metrics = Metrics::new();
        let stage = metrics.stage("cohort");
        stage.score(1, &score("17", 1, Some(10.0)));
        stage.score(1, &score("17", 2, Some(20.5)));
        let page = metrics.page();
        for row in [
            "waymark_nps_points{dimension=\"branch\",estimate=\"score\",score_dimension=\"\",touchpoint=\"\",value=\"17\"} 20.5",
            "waymark_nps_points{dimension=\"branch\",estimate=\"low\",score_dimension=\"\",touchpoint=\"\",value=\"17\"} -19.5",
            "waymark_nps_replies{dimension=\"branch\",score_dimension=\"\",touchpoint=\"\",value=\"17\"} 3",
            "waymark_nps_day_timestamp_seconds{dimension=\"branch\",score_dimension=\"\",touchpoint=\"\",value=\"17\"} 259200",
        ] {
            assert!(page.contains(row), "no {row} in\n{page}");
        }

        stage.score(1, &score("17", 3, None));
        let page = metrics.page();
        let nobody = "touchpoint=\"\",value=\"17\"} NaN";
        assert_eq!(page.matches(nobody).count(), ESTIMATES.len(), "{page}");
    }

    #[test]
    fn scores_go_with_their_shard_and_those_of_others_stay() {
        let metrics = Metrics::new();
        let stage = metrics.stage("cohort");
        stage.score(1, &score("17", 1, Some(10.0)));
        stage.score(2, &score("4", 1, Some(10.0)));
        metrics.forget("customer", 1);
        metrics.forget("cohort", 2);
        let page = metrics.page();
        assert!(page.contains("value=\"17\""), "{page}");
        assert!(!page.contains("value=\"4\""), "{page}");
        metrics.forget("cohort", 1);
        assert!(!metrics.page().contains("waymark_nps"));
    }
}
