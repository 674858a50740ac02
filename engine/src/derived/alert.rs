//! One transition in the life of an alert.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::CohortName;
use crate::event::{ApplicationId, CaseId, CustomerId, EventHash, Kind, Text, Timestamp};

/// One transition of one alert: the whole truth about the episode at that moment.
///
/// A compacted topic keyed by `alert_id` keeps the last word on each episode.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// Identity of the episode.
    pub alert_id: AlertId,
    /// 1, 2, … within the episode, without gaps.
    pub sequence: u32,
    /// What is wrong, such as `application_stalled`.
    pub kind: Text,
    /// How far it has gone, for kinds that have degrees.
    pub level: Option<Level>,
    /// Where the alert stands in its life.
    pub status: Status,
    /// How much it matters.
    pub severity: Severity,
    /// The customer concerned; none for a cohort.
    pub customer_id: Option<CustomerId>,
    /// The application concerned.
    pub application_id: Option<ApplicationId>,
    /// The enquiry or complaint concerned.
    pub case_id: Option<CaseId>,
    /// The cohort concerned; none for a customer.
    pub cohort: Option<CohortName>,
    /// When this change happened, in event time; for a breach its due time.
    pub occurred_at: Timestamp,
    /// When the expected thing should have happened.
    pub due: Option<Timestamp>,
    /// Id of the rule that raised it.
    pub rule: Text,
    /// Version of the definition that decided this transition.
    pub definition_version: Text,
    /// The events behind it, the one that opened the episode first.
    pub evidence: Vec<Evidence>,
    /// The clock or the statistic behind it, as named texts.
    pub details: BTreeMap<Text, Text>,
}

/// Identity of an episode: the same in every run, replay and version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub [u8; 16]);

impl AlertId {
    /// Derives the id from the rule, the parts that name its subject and the event that opened the episode.
    ///
    /// 128 bits of SHA-256 over all parts, each preceded by its length (32 bits, big endian): no two lists of parts
    /// read the same.
    pub fn derive(rule: &str, subject: &[&str], opened_by: EventHash) -> Self {
        let mut hasher = Sha256::new();
        let mut part = |bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).expect("rules and ids are far below 4 GiB");
            hasher.update(length.to_be_bytes());
            hasher.update(bytes);
        };
        part(rule.as_bytes());
        for name in subject {
            part(name.as_bytes());
        }
        part(&opened_by.0);
        Self(
            hasher.finalize()[..16]
                .try_into()
                .expect("a SHA-256 digest has 32 bytes"),
        )
    }
}

/// Thirty-two hex digits.
impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for AlertId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An event behind an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// What sort of event.
    #[serde(rename = "type", serialize_with = "kind_name")]
    pub kind: Kind,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Which event: 64 bits of SHA-256 of its id.
    #[serde(serialize_with = "EventHash::as_hex")]
    pub event_hash: EventHash,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn kind_name<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// How far a trouble has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Slower than its peers, still in time.
    Slow,
    /// The early warning: most of the time is used up.
    AtRisk,
    /// It did not happen in time.
    Breached,
    /// Nobody seems to care any more.
    Abandoned,
}

/// Where an alert stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It begins.
    Raised,
    /// It got worse.
    Updated,
    /// Held back, for a feed of the rule is unhealthy.
    Held,
    /// The cause has cleared.
    Resolved,
    /// The subject ended without the cause clearing.
    Expired,
    /// A late event shows that it should not have been raised.
    Corrected,
}

impl Status {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 6] = [
        Self::Raised,
        Self::Updated,
        Self::Held,
        Self::Resolved,
        Self::Expired,
        Self::Corrected,
    ];

    /// Returns the name that alerts carry, as their outputs spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Held => "held",
            Self::Resolved => "resolved",
            Self::Expired => "expired",
            Self::Corrected => "corrected",
        }
    }
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_named_as_they_are_published() {
        let published = Status::ALL.map(|status| serde_json::to_value(status).unwrap());
        assert_eq!(published, Status::ALL.map(Status::name));
    }
}
