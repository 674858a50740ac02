//! The small facts that the customer stage tells the cohort stage.

use serde::{Deserialize, Serialize};

use super::CohortName;
use crate::event::{Day, EventHash, Instrument, Text, Timestamp};

/// One survey reply as one cohort sees it: what to count, and what to take back. JSON leaves out what is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Delta {
    /// The reply behind it.
    #[serde(serialize_with = "EventHash::as_hex")]
    pub event_hash: EventHash,
    /// When the reply was given.
    pub occurred_at: Timestamp,
    /// The cohort that counts it.
    pub cohort: CohortName,
    /// Which question, after what, about what.
    #[serde(flatten)]
    pub series: Series,
    /// What this cohort counted before from the same respondent and must take back, if it still lies in the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Category>,
    /// The day on which `from` was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_day: Option<Day>,
    /// What to count on the day of `occurred_at`. `None`: a newer reply of the respondent is counted already, or the
    /// respondent's newer reply belongs to another cohort.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Category>,
    /// The answer for the detectors, which see every reply once; `None` where this delta only takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
}

/// Answers that may be added up: one instrument, one touchpoint, one score dimension.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Series {
    /// Which question.
    pub instrument: Instrument,
    /// After what it was asked; empty where the survey has no touchpoints.
    pub touchpoint: Text,
    /// What it was about; empty for the whole.
    pub score_dimension: Text,
}

/// How an NPS answer counts: 9 and 10 promote, 7 and 8 are passive, 0 to 6 detract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Category {
    Detractor,
    Passive,
    Promoter,
}

impl Category {
    /// Returns the category of an answer from 0 to 10, `None` for any other number.
    pub const fn of(score: i64) -> Option<Self> {
        match score {
            0..=6 => Some(Self::Detractor),
            7..=8 => Some(Self::Passive),
            9..=10 => Some(Self::Promoter),
            _ => None,
        }
    }

    /// Returns −1, 0 or 1, the step by which this answer moves the sum behind an NPS.
    pub const fn step(self) -> i8 {
        match self {
            Self::Detractor => -1,
            Self::Passive => 0,
            Self::Promoter => 1,
        }
    }
}
