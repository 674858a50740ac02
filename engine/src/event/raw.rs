//! The envelope of an event: as typed by a producer, and as we write it.
//!
//! JSON and Avro share these two forms; only their bodies differ, hence the parameter `B`. Nothing is checked here beyond
//! the types of the fields; `checks` makes an [`Event`] of it. The field names are those of
//! `schemas/interaction_event.avsc`.

use serde::{Deserialize, Serialize};

use super::body::millis;
use super::{
    Actor, ApplicationId, CaseId, Channel, CustomerId, Dimensions, Event, EventId, FeedName, Text,
    Timestamp,
};

/// An event as typed: every field has its type, none has been checked.
#[derive(Debug, Deserialize)]
pub(super) struct RawEvent<B> {
    pub(super) event_id: Text,
    #[serde(default)]
    pub(super) customer_id: Option<Text>,
    pub(super) occurred_at: Timestamp,
    pub(super) source: Text,
    #[serde(default)]
    pub(super) channel: Channel,
    #[serde(default)]
    pub(super) actor: Actor,
    #[serde(default)]
    pub(super) application_id: Option<Text>,
    #[serde(default)]
    pub(super) case_id: Option<Text>,
    #[serde(default)]
    pub(super) dimensions: Dimensions,
    pub(super) body: B,
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
