//! What is kept of a customer: the rolling journey, small enough to keep for half a million of them.
//!
//! | chapter       | what it holds                                                        |
//! | ------------- | -------------------------------------------------------------------- |
//! | `application` | an application with its stage visits, decision and end               |
//! | `watch`       | what a rule waits for on one subject, and the episode it has open    |
//! | `survey`      | the latest replies of each respondent                                |
//! | `recent`      | which events were seen in the last day: the window for duplicates    |
//! | `timeline`    | the last eight things that happened                                  |
//! | `codec`       | the stored form: Avro single-object bytes, schema `journey.avsc`     |
//!
//! These are values with small, obvious operations; what they mean for alerts is decided in `rules`.

mod application;
mod codec;
mod recent;
mod survey;
mod timeline;
mod watch;

use std::collections::BTreeMap;

use crate::derived::Series;
use crate::event::{
    ApplicationId, Body, CaseId, Dimensions, Event, ProfileChanged, Text, Timestamp,
};

pub use crate::stored::{Damage, StateError};
pub use application::{Application, Visit};
pub use recent::RecentEvents;
use survey::RESPONDENTS_MAX;
pub use survey::{REPLIES_MAX, Reply, Respondent};
pub use timeline::{Timeline, TimelineEntry};
pub use watch::{CLOSINGS_MAX, Closing, Episode, Moment, PENDING_MAX, Pending, Watch};

/// Open applications a journey keeps at most; a further one is a dead letter.
pub const APPLICATIONS_MAX: usize = 512;
/// Open enquiries and complaints a journey keeps at most; a further one is a dead letter.
pub const CASES_MAX: usize = 512;
/// Dimensions of a customer beyond the named ones that a journey keeps; a further one is not taken over.
const PROFILE_DIMENSIONS_MAX: usize = 64;
/// Ended applications a journey remembers, so that late events do not reopen them; the oldest goes first.
const ENDED_APPLICATIONS_MAX: usize = 64;

/// The rolling state of one customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Journey {
    /// When to look at this journey although nothing happens: the timer index can be rebuilt from states alone.
    pub due: Option<Timestamp>,
    /// Set once the customer was erased: what happened up to then must never come back.
    pub erased_at: Option<Timestamp>,
    /// Who the customer is.
    pub profile: Profile,
    /// What rules wait for on the customer as a whole.
    pub watches: Vec<Watch>,
    /// Applications, in the order in which they were first heard of.
    pub applications: Vec<Application>,
    /// Enquiries and complaints that some rule still cares about.
    pub cases: Vec<Case>,
    /// Who answered surveys, and how.
    pub respondents: Vec<Respondent>,
    /// The window for duplicates.
    pub recent: RecentEvents,
    /// The last things that happened.
    pub timeline: Timeline,
}

impl Journey {
    /// Notes an event that was seen at stream time `at`, and what it says of the customer.
    pub fn remember(&mut self, event: &Event, at: Timestamp) {
        self.recent.insert(event.hash, at);
        self.timeline.insert(TimelineEntry {
            at: event.occurred_at,
            kind: event.kind(),
        });
        if let Body::ProfileChanged(change) = &event.body {
            self.profile
                .change(change, &event.dimensions, event.occurred_at);
        }
    }

    /// Returns what is left of a customer who must be forgotten: up to when. What had happened by the time the erasure was
    /// heard of is gone and stays gone, whatever of it arrives again.
    #[must_use]
    pub fn erase(&self, at: Timestamp) -> Self {
        Self {
            erased_at: self.erased_at.max(Some(at)),
            ..Self::default()
        }
    }

    /// Returns how many applications have not ended.
    pub fn open_applications(&self) -> usize {
        let open = |application: &&Application| application.ended.is_none();
        self.applications.iter().filter(open).count()
    }

    /// Forgets the oldest ended applications beyond those that are remembered.
    pub fn forget_ended_applications(&mut self) {
        let ended = self.applications.len() - self.open_applications();
        let mut surplus = ended.saturating_sub(ENDED_APPLICATIONS_MAX);
        self.applications.retain(|application| {
            let forget = surplus > 0 && application.ended.is_some() && !application.is_watched();
            surplus -= usize::from(forget);
            !forget
        });
    }

    /// Returns whether a respondent is unknown and no further one can be kept.
    pub fn is_full_for(&self, who: &str, series: &Series) -> bool {
        self.respondents.len() >= RESPONDENTS_MAX
            && !self.respondents.iter().any(|known| known.is(who, series))
    }

    /// Returns how many enquiries and complaints some rule waits for.
    pub fn open_cases(&self) -> usize {
        self.cases.iter().filter(|case| case.is_watched()).count()
    }

    /// Forgets cases that nothing waits for: all that are settled for good, and the oldest beyond those we keep.
    pub fn forget_settled_cases(&mut self) {
        self.cases.retain(|case| !case.watches.is_empty());
        let mut surplus = self.cases.len().saturating_sub(CASES_MAX);
        self.cases.retain(|case| {
            let forget = surplus > 0 && !case.is_watched();
            surplus -= usize::from(forget);
            !forget
        });
    }

    /// Returns the application of this id, if known.
    pub fn application(&self, id: &ApplicationId) -> Option<&Application> {
        self.applications
            .iter()
            .find(|application| application.id == *id)
    }
}

/// Master data of a customer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profile {
    /// Service tier.
    pub tier: Option<Stated>,
    /// Industry.
    pub industry: Option<Stated>,
    /// Region.
    pub region: Option<Stated>,
    /// Branch.
    pub branch: Option<Stated>,
    /// Relationship manager.
    pub relationship_manager: Option<Stated>,
    /// Whatever else the bank says of the customer.
    pub dimensions: BTreeMap<Text, Stated>,
}

/// What was stated last of something, and when: feeds change different fields, and not in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated {
    /// What was stated.
    pub value: Text,
    /// When.
    pub at: Timestamp,
}

impl Profile {
    /// Takes over a change, field by field; what is known from later stays.
    pub fn change(&mut self, change: &ProfileChanged, dimensions: &Dimensions, at: Timestamp) {
        let set = |field: &mut Option<Stated>, value: &Option<Text>| {
            if let Some(value) = value
                && field.as_ref().is_none_or(|known| known.at <= at)
            {
                let value = value.clone();
                *field = Some(Stated { value, at });
            }
        };
        set(&mut self.tier, &change.tier);
        set(&mut self.industry, &change.industry);
        set(&mut self.region, &change.region);
        set(&mut self.branch, &change.branch);
        set(&mut self.relationship_manager, &change.relationship_manager);
        for (name, value) in dimensions {
            let known = self.dimensions.get(name);
            let room = known.is_some() || self.dimensions.len() < PROFILE_DIMENSIONS_MAX;
            if room && known.is_none_or(|known| known.at <= at) {
                let value = value.clone();
                self.dimensions.insert(name.clone(), Stated { value, at });
            }
        }
    }

    /// Returns a dimension of the customer by name.
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.stated(name).map(|stated| &*stated.value)
    }

    /// Returns what was stated of a dimension, by name.
    fn stated(&self, name: &str) -> Option<&Stated> {
        let field = match name {
            "tier" => &self.tier,
            "industry" => &self.industry,
            "region" => &self.region,
            "branch" => &self.branch,
            "relationship_manager" => &self.relationship_manager,
            _ => &None,
        };
        field.as_ref().or_else(|| self.dimensions.get(name))
    }
}

/// An enquiry or a complaint that some rule watches.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// What sort of case.
    pub kind: CaseKind,
    /// Its id, unique within the customer.
    pub id: CaseId,
    /// The application it is about, where known.
    pub application: Option<ApplicationId>,
    /// What rules wait for on it.
    pub watches: Vec<Watch>,
}

impl Case {
    /// Returns whether an alert on it is open or may come.
    pub fn is_watched(&self) -> bool {
        self.watches.iter().any(Watch::is_open)
    }
}

/// The sorts of cases that rules can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum CaseKind {
    Enquiry,
    Complaint,
}
