//! What comes in: one fact about one customer, with the time at which it happened.
//!
//! | chapter        | what it holds                                                     |
//! | -------------- | ----------------------------------------------------------------- |
//! | `ids`          | identities, each made by one checked door                         |
//! | `time`         | [`Timestamp`] and [`Day`]                                         |
//! | `kind`         | the table of all kinds: name, body type, family                   |
//! | `body`         | what each kind says, one struct a kind                            |
//! | `json`, `avro` | the two written forms, in and out                                 |
//! | `raw`          | the envelope as typed, shared by both forms                       |
//! | `checks`       | from an event as typed to an event as meant: bounds and sense     |
//! | `misfit`       | which field was wrong, in one sentence                            |
//! | `reason`       | why a record is set aside                                         |
//!
//! An [`Event`] that exists is valid: its ids are not empty, its texts and lists are bounded, its time is usable.
//! Nothing here knows rules, journeys or where the bytes came from.

mod avro;
mod body;
mod checks;
mod ids;
mod json;
mod kind;
mod misfit;
mod raw;
mod reason;
mod time;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use avro::{
    WriterSchemas, decode_avro, decode_single_object, encode_avro, encode_single_object,
    event_schema,
};
pub use body::*;
pub use checks::RECORD_BYTES_MAX;
pub use ids::{
    ApplicationId, CaseId, CustomerId, EventHash, EventId, FeedName, IdError, RespondentId,
};
pub use json::{decode_json, encode_json};
pub use kind::{Body, Kind};
pub use raw::RawEvent;
pub use reason::{Reason, Rejection};
pub use time::{Day, Timestamp, TimestampError};

/// A text that never changes: a name, a code, a label. Up to 23 bytes lie in place, as most do; longer ones are shared, for
/// texts go from definitions and events into journeys, alerts and deltas.
pub type Text = smol_str::SmolStr;

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

/// What a readable record turned out to be.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are events; a box would cost each an allocation"
)]
pub enum Decoded {
    /// A fact we understand.
    Event(Event),
    /// A kind of fact that this version doesn't know; counted, never an error, so that producers may run ahead of us.
    Ignored {
        /// What it calls itself: `card.issued` in JSON, `CardIssued` in Avro.
        type_name: Text,
    },
}

/// How the customer met the bank. A channel we don't know reads as `Unknown`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Channel {
    Web,
    Mobile,
    Branch,
    Phone,
    Email,
    RelationshipManager,
    Partner,
    #[default]
    #[serde(other)]
    Unknown,
}

/// Who acted, with identity and department where known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The side that acted.
    #[serde(rename = "type", default)]
    pub party: Party,
    /// The person or system, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// The department, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<Text>,
}

/// The sides of a journey. A side we don't know reads as `Unknown`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Party {
    Customer,
    Bank,
    ThirdParty,
    System,
    #[default]
    #[serde(other)]
    Unknown,
}
