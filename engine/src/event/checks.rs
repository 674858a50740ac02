//! From an event as typed to an event as meant: bounds first, then sense.
//!
//! Both forms pass through [`check`], so that JSON and Avro accept the same events. Each rejection is one sentence, naming
//! the field and the fact. Nothing here knows rules; an event is refused only if nobody could make sense of it.

use std::collections::BTreeSet;

use serde_json::Value as Tree;

use super::ids::ID_BYTES_MAX;
use super::misfit::{join, reject};
use super::raw::RawEvent;
use super::{
    Actor, ApplicationId, Body, CaseId, CustomerId, Dimensions, Event, EventHash, EventId,
    FeedName, IdError, Instrument, Kind, Milestone, Reason, Rejection, Scale, SurveyReplied, Text,
    Value,
};

/// The largest record we read, in bytes: Kafka's own default limit.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// The longest text, in bytes: a paragraph. Longer ones belong into a document store.
const TEXT_BYTES_MAX: usize = 1_024;

/// The longest list and the largest map of values.
const ITEMS_MAX: usize = 64;

/// The most dimensions of one event.
const DIMENSIONS_MAX: usize = 32;

/// Makes an event of its envelope and body, or says why they are none. `record_bytes` is the length of the record.
pub(super) fn check(
    envelope: RawEvent<()>,
    body: Body,
    record_bytes: usize,
) -> Result<Event, Rejection> {
    check_dimensions(&envelope.dimensions)?;
    check_actor(&envelope.actor)?;
    check_items(&body)?;
    // No text is longer than its record, so that the common, small record needs no look at each of its texts.
    if record_bytes > TEXT_BYTES_MAX {
        check_texts("body", &tree(&body))?;
    }
    check_sense(&body)?;
    let event = Event {
        hash: EventHash::of(&envelope.event_id),
        id: EventId::parse(envelope.event_id)?,
        customer: envelope.customer_id.map(CustomerId::parse).transpose()?,
        occurred_at: envelope.occurred_at,
        source: FeedName::parse(envelope.source)?,
        channel: envelope.channel,
        actor: envelope.actor,
        application: envelope
            .application_id
            .map(ApplicationId::parse)
            .transpose()?,
        case: envelope.case_id.map(CaseId::parse).transpose()?,
        dimensions: envelope.dimensions,
        body,
    };
    check_subject(&event)?;
    Ok(event)
}

/// Refuses a record that is too large, before anything is read.
pub(super) fn check_size(bytes: &[u8]) -> Result<(), Rejection> {
    if bytes.len() <= RECORD_BYTES_MAX {
        return Ok(());
    }
    let detail = format!(
        "the record has {} bytes, more than {RECORD_BYTES_MAX}",
        bytes.len()
    );
    Err(reject(Reason::TooLarge, detail))
}

/// Refuses a text that is too long.
pub(super) fn check_text(field: &str, text: &str) -> Result<(), Rejection> {
    if text.len() <= TEXT_BYTES_MAX {
        return Ok(());
    }
    invalid(format!(
        "{field} has {} bytes, more than {TEXT_BYTES_MAX}",
        text.len()
    ))
}

impl From<IdError> for Rejection {
    fn from(error: IdError) -> Self {
        Rejection::new(Reason::Invalid, error.to_string())
    }
}

fn invalid<T>(detail: String) -> Result<T, Rejection> {
    Err(reject(Reason::Invalid, detail))
}

// bounds

fn check_dimensions(dimensions: &Dimensions) -> Result<(), Rejection> {
    check_count("dimensions", dimensions.len(), DIMENSIONS_MAX)?;
    for (name, value) in dimensions {
        check_text("a name in dimensions", name)?;
        check_text("a value in dimensions", value)?;
    }
    Ok(())
}

fn check_actor(actor: &Actor) -> Result<(), Rejection> {
    for (field, text) in [
        ("actor.id", &actor.id),
        ("actor.department", &actor.department),
    ] {
        text.as_ref()
            .map_or(Ok(()), |text| check_text(field, text))?;
    }
    Ok(())
}

fn check_items(body: &Body) -> Result<(), Rejection> {
    let (field, count) = match body {
        Body::DocumentsRequested(body) => ("body.documents", body.documents.len()),
        Body::DocumentsReceived(body) => ("body.documents", body.documents.len()),
        Body::TimetableAgreed(body) => ("body.milestones", body.milestones.len()),
        Body::Custom(body) => ("body.values", body.values.len()),
        _ => return Ok(()), // A test sends an over-long list for each list in the schema.
    };
    check_count(field, count, ITEMS_MAX)
}

fn check_count(field: &str, count: usize, max: usize) -> Result<(), Rejection> {
    if count <= max {
        return Ok(());
    }
    invalid(format!("{field} has {count} entries, more than {max}"))
}

fn tree(body: &Body) -> Tree {
    body.serialize_fields(serde_json::value::Serializer)
        .expect("every key of a body is a text")
}

/// Looks at every text of a body, whatever its kind. No body is deeper than its schema.
fn check_texts(field: &str, tree: &Tree) -> Result<(), Rejection> {
    match tree {
        Tree::String(text) => check_text(field, text),
        Tree::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_texts(&format!("{field}[{index}]"), item)),
        Tree::Object(entries) => entries.iter().try_for_each(|(name, value)| {
            check_text(&format!("a name in {field}"), name)?;
            check_texts(&join(field, name), value)
        }),
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => Ok(()),
    }
}

// sense

/// An event must say whom and what it concerns, else no journey can take it.
fn check_subject(event: &Event) -> Result<(), Rejection> {
    let kind = event.kind();
    let lacks = |field: &str| invalid(format!("{field} is missing, {kind} needs one"));
    if event.customer.is_none() && kind != Kind::FeedHeartbeat {
        return lacks("customer_id");
    }
    if event.application.is_none() && concerns_application(kind) {
        return lacks("application_id");
    }
    if event.case.is_none() && concerns_case(kind) {
        return lacks("case_id");
    }
    Ok(())
}

fn concerns_application(kind: Kind) -> bool {
    (Kind::ApplicationSubmitted..=Kind::MilestoneReached).contains(&kind)
}

fn concerns_case(kind: Kind) -> bool {
    (Kind::EnquiryOpened..=Kind::ComplaintResolved).contains(&kind)
}

fn check_sense(body: &Body) -> Result<(), Rejection> {
    match body {
        Body::SurveyReplied(body) => check_reply(body),
        Body::TimetableAgreed(body) => check_timetable(&body.milestones),
        Body::IdentityLinked(body) => check_id("body.identity", &body.identity),
        Body::IdentityUnlinked(body) => check_id("body.identity", &body.identity),
        Body::Custom(body) => body
            .values
            .iter()
            .try_for_each(|(name, value)| check_value(name, value)),
        _ => Ok(()), // The other kinds make sense as typed.
    }
}

fn check_reply(reply: &SurveyReplied) -> Result<(), Rejection> {
    if let (Some(score), Some(Scale { low, high })) = (reply.score, scale(reply)?)
        && !(low..=high).contains(&score)
    {
        return invalid(format!("body.score {score} is outside {low} to {high}"));
    }
    reply
        .respondent
        .as_ref()
        .map_or(Ok(()), |text| check_id("body.respondent", text))
}

/// Returns the scale of a reply; NPS has its own, whether stated or not.
fn scale(reply: &SurveyReplied) -> Result<Option<Scale>, Rejection> {
    const NPS: Scale = Scale { low: 0, high: 10 };
    match (reply.instrument, reply.scale) {
        (_, Some(Scale { low, high })) if low >= high => {
            invalid(format!("body.scale {low} to {high} has no room"))
        }
        (Instrument::Nps, Some(Scale { low, high })) if (low, high) != (NPS.low, NPS.high) => {
            invalid(format!(
                "body.scale {low} to {high} is not the 0 to 10 of NPS"
            ))
        }
        (Instrument::Nps, _) => Ok(Some(NPS)),
        (Instrument::Csat | Instrument::Ces, scale) => Ok(scale),
    }
}

fn check_timetable(milestones: &[Milestone]) -> Result<(), Rejection> {
    let mut names = BTreeSet::<&Text>::new();
    match milestones.iter().find(|one| !names.insert(&one.name)) {
        Some(twice) => invalid(format!("body.milestones has {:?} twice", twice.name)),
        None => Ok(()),
    }
}

/// A text that will become an identity must be one, by the rules of `ids`.
fn check_id(field: &str, text: &str) -> Result<(), Rejection> {
    match text.len() {
        0 => invalid(format!("{field} is empty")),
        1..=ID_BYTES_MAX => Ok(()),
        bytes => invalid(format!(
            "{field} has {bytes} bytes, more than {ID_BYTES_MAX}"
        )),
    }
}

/// JSON can't say "not a number", and no rule could compare it.
fn check_value(name: &str, value: &Value) -> Result<(), Rejection> {
    match value {
        Value::Number(number) if !number.is_finite() => {
            invalid(format!("body.values.{name} is not a finite number"))
        }
        _ => Ok(()),
    }
}
