//! What one rule waits for on one subject.
//!
//! ```text
//! armed ──────────── warn mark ──────────── due mark
//!   event satisfies: gone      at risk             breached
//! ```
//!
//! A mark is decided a grace after its time. Until then an event that happened before the mark still satisfies; the first
//! one at or after it is remembered in [`Pending::first`] and closes the episode right after the mark opened it.

use smallvec::SmallVec;

use crate::definition::RuleKey;
use crate::derived::Level;
use crate::event::{EventHash, Kind, Timestamp};

/// Instances a rule may have pending on one subject. A further one takes the place of the newest: the oldest decide
/// when an alert is raised, the newest is the one that a satisfying event in between would leave.
pub const PENDING_MAX: usize = 16;
/// Closing events that are kept for arming events which may still arrive, the newest ones.
pub const CLOSINGS_MAX: usize = 16;

/// What one rule waits for on one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// The rule.
    pub rule: RuleKey,
    /// Instances under way, by the time they were armed.
    pub pending: SmallVec<[Pending; 1]>,
    /// Closing events, by time, kept for arming events that are late.
    pub closings: SmallVec<[Closing; 2]>,
    /// The alert that is open.
    pub episode: Option<Episode>,
}

impl Watch {
    /// A watch that waits for nothing yet.
    pub fn new(rule: RuleKey) -> Self {
        Self {
            rule,
            pending: SmallVec::new(),
            closings: SmallVec::new(),
            episode: None,
        }
    }

    /// Returns whether an instance or the episode began with this event.
    pub fn refers_to(&self, event: EventHash) -> bool {
        self.pending.iter().any(|pending| pending.armed.by == event)
            || self
                .episode
                .as_ref()
                .is_some_and(|it| it.armed.by == event || it.overdue.by == event)
    }

    /// Returns whether an alert is open or may come.
    pub fn is_open(&self) -> bool {
        !self.pending.is_empty() || self.episode.is_some()
    }

    /// Returns whether there is nothing left to wait for.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.closings.is_empty() && self.episode.is_none()
    }
}

/// An event, as far as rules must remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// When it happened.
    pub at: Timestamp,
    /// What sort of event it was.
    pub kind: Kind,
    /// Which event it was.
    pub by: EventHash,
}

/// An event that closed, or would have closed, what was armed before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closing {
    /// The event.
    pub moment: Moment,
    /// Whether it satisfies; else it only clears an alert that is already raised.
    pub satisfies: bool,
}

/// One armed instance of a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// The event that armed it.
    pub armed: Moment,
    /// When the expected thing must have happened; exactly then is too late.
    pub due: Timestamp,
    /// Whether the warn mark lies behind it.
    pub warned: bool,
    /// The first closing event at or after the next mark.
    pub first: Option<Moment>,
}

/// An alert that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The event that opened it: for an absence, the one that armed the expectation.
    pub armed: Moment,
    /// The event that armed the instance which got it this far: the same, unless a later one breached first.
    pub overdue: Moment,
    /// When the expected thing should have happened.
    pub due: Option<Timestamp>,
    /// How far it has gone.
    pub level: Option<Level>,
    /// When it got that far.
    pub since: Timestamp,
    /// Transitions published so far.
    pub sequence: u32,
}
