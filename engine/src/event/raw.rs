//! The envelope of an event: as typed by a producer, and as we write it.
//!
//! JSON and Avro share these two forms; only their bodies differ, hence the parameter `B`. Nothing is checked here beyond
//! the types of the fields; `checks` makes an [`Event`] of it. The field names are those of
//! `schemas/interaction_event.avsc`.

use serde::{Deserialize, Serialize};

use super::body::millis;
use super::checks::check;
use super::{
    Actor, ApplicationId, Body, CaseId, Channel, CustomerId, Dimensions, Event, EventId, FeedName,
    Rejection, Text, Timestamp,
};

/// An event as typed: every field has its type, none has been checked.
#[derive(Debug, Deserialize)]
pub struct RawEvent<B> {
    /// Business identity.
    pub event_id: Text,
    /// The company or person who is the customer.
    #[serde(default)]
    pub customer_id: Option<Text>,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The feed it came from.
    pub source: Text,
    /// How the customer met the bank.
    #[serde(default)]
    pub channel: Channel,
    /// Who acted.
    #[serde(default)]
    pub actor: Actor,
    /// The application concerned.
    #[serde(default)]
    pub application_id: Option<Text>,
    /// The enquiry, complaint, survey or document round concerned.
    #[serde(default)]
    pub case_id: Option<Text>,
    /// Dimensions stated by the event itself.
    #[serde(default)]
    pub dimensions: Dimensions,
    /// What happened.
    pub body: B,
}

impl<B> RawEvent<B> {
    /// Parts the envelope from the body, which each format reads in its own way.
    pub(super) fn split(self) -> (RawEvent<()>, B) {
        let envelope = RawEvent {
            event_id: self.event_id,
            customer_id: self.customer_id,
            occurred_at: self.occurred_at,
            source: self.source,
            channel: self.channel,
            actor: self.actor,
            application_id: self.application_id,
            case_id: self.case_id,
            dimensions: self.dimensions,
            body: (),
        };
        (envelope, self.body)
    }
}

impl RawEvent<Body> {
    /// Checks an event that was neither JSON nor Avro, as both are checked. `text_bytes` is the length of its longest text.
    ///
    /// # Errors
    /// A [`Rejection`] naming the field that is out of bounds or makes no sense.
    pub fn check(self, text_bytes: usize) -> Result<Event, Rejection> {
        let (envelope, body) = self.split();
        check(envelope, body, text_bytes)
    }
}

/// An event as we write it, around a body in the manner of the format.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<'a, B> {
    event_id: &'a EventId,
    customer_id: Option<&'a CustomerId>,
    #[serde(serialize_with = "millis")]
    occurred_at: Timestamp,
    source: &'a FeedName,
    channel: Channel,
    actor: &'a Actor,
    application_id: Option<&'a ApplicationId>,
    case_id: Option<&'a CaseId>,
    dimensions: &'a Dimensions,
    body: B,
}

impl<'a, B> Envelope<'a, B> {
    pub(super) fn new(event: &'a Event, body: B) -> Self {
        Self {
            event_id: &event.id,
            customer_id: event.customer.as_ref(),
            occurred_at: event.occurred_at,
            source: &event.source,
            channel: event.channel,
            actor: &event.actor,
            application_id: event.application.as_ref(),
            case_id: event.case.as_ref(),
            dimensions: &event.dimensions,
            body,
        }
    }
}
