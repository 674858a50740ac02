//! What comes in: one fact about one customer, with the time at which it happened.
//!
//! | chapter        | what it holds                                                     |
//! | -------------- | ----------------------------------------------------------------- |
//! | `ids`          | identities, each made by one checked door                         |
//! | `time`         | [`Timestamp`] and [`Day`]                                         |
//! | `kind`         | the table of all kinds: name, body type, family                   |
//! | `body`         | what each kind says, one struct a kind                            |
//!
//! An [`Event`] that exists is valid: its ids are not empty, its texts and lists are bounded, its time is usable.
//! Nothing here knows rules, journeys or where the bytes came from.

mod body;
mod ids;
mod kind;
mod reason;
mod time;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use body::*;
pub use ids::{
    ApplicationId, CaseId, CustomerId, EventHash, EventId, FeedName, IdError, RespondentId,
};
pub use kind::{Body, Kind};
pub use reason::{Reason, Rejection};
pub use time::{Day, Timestamp, TimestampError};

/// A short text: a name, a code, a label. Boxed, because events are many and most texts never change.
pub type Text = Box<str>;

/// Named values that describe where a fact belongs, such as `branch = 17`.
pub type Dimensions = BTreeMap<Text, Text>;

/// One interaction event: a decoded, checked fact about a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Business identity, the same when a producer sends the fact twice.
    pub id: EventId,
    /// The company or person who is the customer. `None` only for [`Kind::FeedHeartbeat`].
    pub customer: Option<CustomerId>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The feed it came from; decides its allowed lateness.
    pub source: FeedName,
    /// How the customer met the bank.
    pub channel: Channel,
    /// Who acted.
    pub actor: Actor,
    /// The application concerned, unique within the customer.
    pub application: Option<ApplicationId>,
    /// The enquiry, complaint, survey or document round concerned.
    pub case: Option<CaseId>,
    /// Dimensions stated by the event itself; they win over those of the application and the profile.
    pub dimensions: Dimensions,
    /// What happened.
    pub body: Body,
    /// The first 64 bits of SHA-256 of `id`: how state and evidence refer to this event.
    pub hash: EventHash,
}

impl Event {
    /// Returns what happened, without the particulars.
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }
}

/// How the customer met the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Channel {
    Unknown,
    Web,
    Mobile,
    Branch,
    Phone,
    Email,
    RelationshipManager,
    Partner,
}

/// Who acted, with identity and department where known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The side that acted.
    #[serde(rename = "type")]
    pub party: Party,
    /// The person or system, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// The department, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Text>,
}

/// The sides of a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Party {
    Unknown,
    Customer,
    Bank,
    ThirdParty,
    System,
}
