//! The latest replies of each person who answers surveys for a customer.

use super::watch::Episode;
use crate::derived::Series;
use crate::event::{Dimensions, EventHash, Instrument, Text, Timestamp};

/// Replies kept of one respondent: enough to know the latest in this wave and the one before, late arrivals included.
pub const REPLIES_MAX: usize = 4;
/// Respondents kept of one customer; whoever has been silent longest goes first.
pub(super) const RESPONDENTS_MAX: usize = 64;

/// What one person answered to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Respondent {
    /// Who; empty where the survey does not say.
    pub respondent: Text,
    /// Which question.
    pub instrument: Instrument,
    /// After what it was asked.
    pub touchpoint: Text,
    /// What it was about.
    pub score_dimension: Text,
    /// The latest replies by time, oldest first.
    pub replies: Vec<Reply>,
    /// The alert that this promoter turned detractor: odd numbers of its sequence raise it, even ones take it back. It is kept
    /// when a late reply takes it back, for another one may show that it was right.
    pub episode: Option<Episode>,
}

impl Respondent {
    /// Somebody who has not answered yet.
    pub fn new(respondent: Text, series: &Series) -> Self {
        Self {
            respondent,
            instrument: series.instrument,
            touchpoint: series.touchpoint.clone(),
            score_dimension: series.score_dimension.clone(),
            replies: Vec::new(),
            episode: None,
        }
    }

    /// Returns the alert while it is open.
    pub fn open_episode(&self) -> Option<&Episode> {
        let raised = |episode: &&Episode| !episode.sequence.is_multiple_of(2);
        self.episode.as_ref().filter(raised)
    }

    /// Forgets an alert that was taken back and can't be raised again: the reply that opened it is not the newest any more.
    pub(crate) fn forget_what_was_taken_back(&mut self) {
        let newest = self.replies.last().map(|reply| reply.by);
        let opener = self.episode.as_ref().map(|episode| episode.armed.by);
        if self.open_episode().is_none() && opener != newest {
            self.episode = None;
        }
    }

    /// Returns whether this is what somebody answered to a question.
    pub fn is(&self, respondent: &str, series: &Series) -> bool {
        *self.respondent == *respondent
            && self.instrument == series.instrument
            && self.touchpoint == series.touchpoint
            && self.score_dimension == series.score_dimension
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// When it was given.
    pub at: Timestamp,
    /// The event that brought it.
    pub by: EventHash,
    /// The answer, 0 to 10.
    pub score: i64,
    /// The cohorts that counted it, by dimension.
    pub cohorts: Dimensions,
}
