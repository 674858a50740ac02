//! An event as a line of JSON that people like to read: times as text, absent fields left out.
//!
//! It is the product's JSON like any other; a test decodes every line to the event it came from.

use serde::Serialize;
use waymark_engine::event::{
    Actor, ApplicationId, CaseId, Channel, CustomerId, Event, EventId, FeedName, Timestamp,
};

/// Writes an event as one line, without its end.
pub(super) fn write(event: &Event) -> String {
    let line = Line {
        event_id: &event.id,
        customer_id: event.customer.as_ref(),
        occurred_at: event.occurred_at,
        source: &event.source,
        channel: event.channel,
        actor: &event.actor,
        application_id: event.application.as_ref(),
        case_id: event.case.as_ref(),
        body: event.body.tagged(),
    };
    serde_json::to_string(&line).expect("every key is a text")
}

#[derive(Serialize)]
struct Line<'a, B> {
    event_id: &'a EventId,
    customer_id: Option<&'a CustomerId>,
    occurred_at: Timestamp,
    source: &'a FeedName,
    channel: Channel,
    actor: &'a Actor,
    #[serde(skip_serializing_if = "Option::is_none")]
    application_id: Option<&'a ApplicationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    case_id: Option<&'a CaseId>,
    body: B,
}
