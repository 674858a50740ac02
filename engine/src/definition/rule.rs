//! Expectations: after this, expect that, within so long, else raise an alert.

use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Condition, Facts, KindSet, PartySet};
use crate::derived::Severity;
use crate::event::{FeedName, Kind, Text, Timestamp};

/// One expectation.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name, which is part of every alert id: renaming a rule makes new alerts.
    pub id: Text,
    /// How stored states refer to it.
    pub key: RuleKey,
    /// What it watches one by one.
    pub subject: SubjectKind,
    /// Events that arm it.
    pub after: Selector,
    /// Events that satisfy it.
    pub expect: Selector,
    /// Events that clear a raised alert; by default those that satisfy.
    pub clear_on: Selector,
    /// How long it may take.
    pub within: Within,
    /// Share of the time, in percent, after which to warn.
    pub warn_percent: Option<u8>,
    /// How long past a mark to wait for events that are still under way.
    pub grace: Duration,
    /// Until when an application can fail it.
    pub until: Until,
    /// What to raise.
    pub raise: Raise,
    /// The feeds its events come from, if the file names them.
    pub feeds: Vec<FeedName>,
    /// Name of the output its alerts go to.
    pub output: Text,
}

impl Rule {
    /// Returns the shortest time from an arming event to the first mark after it; zero if the rule never arms.
    pub fn shortest_mark(&self) -> Duration {
        let limits = self.within.cases.iter().filter_map(|case| case.limit);
        let shortest = limits.min().unwrap_or_default();
        let armed = Timestamp::MIN;
        self.warn_at(armed, armed + shortest)
            .map_or(shortest, |mark| mark.since(armed))
    }

    /// Returns when to warn of an expectation armed at `armed` and due at `due`.
    pub fn warn_at(&self, armed: Timestamp, due: Timestamp) -> Option<Timestamp> {
        let share = |percent: u8| armed + due.since(armed) * u32::from(percent) / 100;
        self.warn_percent.map(share)
    }
}

/// Identity of a rule in stored states: 32 bits of SHA-256 of its id. The lint refuses two rules that share one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleKey(pub [u8; 4]);

impl RuleKey {
    /// Returns the key of a rule id.
    pub fn of(id: &str) -> Self {
        Self(
            Sha256::digest(id.as_bytes())[..4]
                .try_into()
                .expect("a SHA-256 digest has 32 bytes"),
        )
    }
}

impl fmt::Debug for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// What a rule watches one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum SubjectKind {
    Customer,
    Application,
    Enquiry,
    Complaint,
}

/// Which events.
#[derive(Debug, Clone)]
pub struct Selector {
    /// Of these kinds,
    pub kinds: KindSet,
    /// by these parties,
    pub by: PartySet,
    /// and only if this holds.
    pub condition: Option<Condition>,
}

impl Selector {
    /// Selects by kind alone.
    pub fn kinds(kinds: KindSet) -> Self {
        Self {
            kinds,
            by: PartySet::ALL,
            condition: None,
        }
    }

    /// Returns whether this selects the event in these facts.
    pub fn selects(&self, facts: &Facts<'_>) -> bool {
        self.kinds.contains(facts.event.kind())
            && self.by.contains(facts.event.actor.party)
            && self
                .condition
                .as_ref()
                .is_none_or(|condition| condition.holds(facts))
    }

    /// Returns whether this could select an event of a kind.
    pub const fn concerns(&self, kind: Kind) -> bool {
        self.kinds.contains(kind)
    }
}

/// How long it may take: the first case that fits decides; where none fits, or it has no limit, the rule does not arm.
#[derive(Debug, Clone)]
pub struct Within {
    /// The cases, in the order of the file.
    pub cases: Vec<WithinCase>,
}

/// One row of [`Within`].
#[derive(Debug, Clone)]
pub struct WithinCase {
    /// Dimensions and the values they must have; `stage` is the stage entered, or else the current one.
    pub when: Vec<(Text, Text)>,
    /// Elapsed time; `None` where nothing is expected, such as while the bank waits for the customer.
    pub limit: Option<Duration>,
}

impl Within {
    /// Returns the limit for a subject whose dimensions `lookup` tells; an absent one reads `unknown`.
    pub fn limit<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
        let fits = |case: &&WithinCase| {
            case.when
                .iter()
                .all(|(name, value)| lookup(name).unwrap_or("unknown") == &**value)
        };
        self.cases.iter().find(fits).and_then(|case| case.limit)
    }
}

/// Until when an application can fail a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until it is decided.
    Decided,
    /// Until it has ended.
    Ended,
}

/// What a rule raises.
#[derive(Debug, Clone)]
pub struct Raise {
    /// The kind of the alert.
    pub kind: Text,
    /// Its severity once breached.
    pub severity: Severity,
    /// Its severity while only at risk.
    pub warn_severity: Severity,
}
