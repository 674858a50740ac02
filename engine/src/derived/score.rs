//! What a cohort's scores were at the close of a day.

use serde::Serialize;

use super::{CohortName, Series};
use crate::event::{Day, Text};

/// The NPS of one cohort over one window, with its interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Whose score.
    pub cohort: CohortName,
    /// Of which question.
    #[serde(flatten)]
    pub series: Series,
    /// First day of the window.
    pub from: Day,
    /// Last day of the window: the day that just closed.
    pub to: Day,
    /// Replies counted.
    pub replies: u64,
    /// Of them, 9 and 10.
    pub promoters: u64,
    /// Of them, 7 and 8.
    pub passives: u64,
    /// Of them, 0 to 6.
    pub detractors: u64,
    /// 100 × (promoters − detractors) / replies; `None` without replies.
    pub nps: Option<f64>,
    /// Lower end of the 95 % interval (adjusted Wald).
    pub low: Option<f64>,
    /// Upper end of the 95 % interval.
    pub high: Option<f64>,
    /// Whether the interval is narrow enough to act on.
    pub verdict: Verdict,
    /// Version of the definition that computed it.
    pub definition_version: Text,
}

impl Score {
    /// Returns the key under which the last word on a score is kept: cohort, series and last day, a JSON array of texts.
    pub fn key(&self) -> Vec<u8> {
        let Series {
            instrument,
            touchpoint,
            score_dimension,
        } = &self.series;
        let parts = (
            self.cohort.dimension(),
            self.cohort.value(),
            instrument,
            touchpoint,
            score_dimension,
            self.to,
        );
        serde_json::to_vec(&parts).expect("texts always serialise")
    }
}

/// Whether a score says enough to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The half-width of the interval is at most 15 points.
    Firm,
    /// Too few replies: look at the interval, draw no conclusion.
    TooFewReplies,
}
