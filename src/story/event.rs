//! An event of a story: put together as the JSON a producer would send, and decoded as any other.
//!
//! What a producer may get wrong, a story may not: names and kinds we don't know are mistakes of its author, unless the
//! step says that the event must be ignored, or set aside.

use serde_json::{Map, Value, json};
use serde_saphyr::Spanned;
use waymark_engine::event::{Channel, Kind, Party, decode_json};

use super::raw::RawPairs;
use super::time::Clock;
use super::{Does, Expected, known};
use crate::names::unknown;
use crate::yaml::{Mistake, mistake};

/// What an event may say beside its kind and the fields of its body, and how JSON calls it.
const ENVELOPE: &[(&str, &str)] = &[
    ("id", "event_id"),
    ("customer", "customer_id"),
    ("at", "occurred_at"),
    ("source", "source"),
    ("channel", "channel"),
    ("actor", "actor"),
    ("application", "application_id"),
    ("case", "case_id"),
    ("dimensions", "dimensions"),
];

/// Whoever is not named.
const CUSTOMER: &str = "ACME";
const FEED: &str = "story";

/// Decodes an event that happens at the time of the clock, unless it says otherwise. `id` is its own if it names none.
pub(super) fn event(
    typed: &Spanned<RawPairs>,
    expected: Expected,
    clock: Clock,
    id: &str,
) -> Result<Does, Mistake> {
    let kind = kind(typed, expected)?;
    let mut envelope = defaults(kind, clock, id);
    let mut body = Map::new();
    for (key, value) in &typed.value.0 {
        let (to, name, value) = match envelope_name(&key.value) {
            Some(name) => {
                let value = envelope_value(key, value, clock)?;
                (&mut envelope, name.to_owned(), value)
            }
            None => (&mut body, body_name(kind, key)?, value.value.clone()),
        };
        to.insert(name, value);
    }
    envelope.insert("body".to_owned(), Value::Object(body));
    let bytes = serde_json::to_vec(&envelope).expect("keys are texts");
    let record = decode_json(&bytes);
    match &record {
        Err(rejection) if !matches!(expected, Expected::DeadLetter(_)) => {
            Err(mistake(typed)(format!(
                "this event would be set aside as {rejection}; if that is meant, add expect: {{ dead_letter: {} }}",
                rejection.reason
            )))
        }
        _ => Ok(Does::Take {
            record: Box::new(record),
            expected,
        }),
    }
}

fn defaults(kind: Option<Kind>, clock: Clock, id: &str) -> Map<String, Value> {
    let named = [
        ("event_id", json!(id)),
        ("occurred_at", json!(clock.now().as_millis())),
        ("source", json!(FEED)),
    ];
    // A heartbeat of a feed concerns no customer.
    let customer = (kind != Some(Kind::FeedHeartbeat)).then(|| ("customer_id", json!(CUSTOMER)));
    let pairs = named.into_iter().chain(customer);
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Returns what happened; `None` for a kind that nobody knows.
fn kind(typed: &Spanned<RawPairs>, expected: Expected) -> Result<Option<Kind>, Mistake> {
    let mut pairs = typed.value.0.iter();
    let Some((_, name)) = pairs.find(|(key, _)| key.value == "type") else {
        return Err(mistake(typed)("type is missing".to_owned()));
    };
    let Some(text) = name.value.as_str() else {
        return Err(mistake(name)("type is not a text".to_owned()));
    };
    match Kind::from_name(text) {
        None if expected != Expected::Ignored => {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Err(mistake(name)(unknown("kind of event", text, &names)))
        }
        kind => Ok(kind),
    }
}

fn envelope_name(key: &str) -> Option<&'static str> {
    ENVELOPE
        .iter()
        .find(|(name, _)| *name == key)
        .map(|(_, name)| *name)
}

fn envelope_value(
    key: &Spanned<String>,
    value: &Spanned<Value>,
    clock: Clock,
) -> Result<Value, Mistake> {
    match (key.value.as_str(), &value.value) {
        ("at", typed) => {
            let text = typed.as_str().unwrap_or_default();
            let at = clock.time(text).map_err(mistake(value))?;
            Ok(json!(at.as_millis()))
        }
        ("channel", typed) => {
            word(value, typed, known::words::<Channel>())?;
            Ok(typed.clone())
        }
        ("actor", Value::Object(actor)) => {
            let keys = ["type", "id", "department"];
            if let Some(stranger) = actor.keys().find(|key| !keys.contains(&key.as_str())) {
                return Err(mistake(value)(unknown("key", stranger, &keys)));
            }
            let party = actor.get("type").unwrap_or(&Value::Null);
            word(value, party, known::words::<Party>())?;
            Ok(value.value.clone())
        }
        ("actor", party) => {
            word(value, party, known::words::<Party>())?;
            Ok(json!({ "type": party }))
        }
        (_, other) => Ok(other.clone()),
    }
}

/// Producers may name channels and parties that we don't know; in a story that is a slip of the pen.
fn word(at: &Spanned<Value>, typed: &Value, known: &[&str]) -> Result<(), Mistake> {
    match typed.as_str() {
        Some(text) if known.contains(&text) => Ok(()),
        Some(text) => Err(mistake(at)(unknown("value", text, known))),
        None => Err(mistake(at)(format!(
            "one of {} is expected",
            known.join(", ")
        ))),
    }
}

/// Returns the name of a field of the body; any, if nobody knows the kind.
fn body_name(kind: Option<Kind>, key: &Spanned<String>) -> Result<String, Mistake> {
    let name = key.value.as_str();
    let of_body = kind.map_or(&[][..], known::fields);
    if name == "type" || kind.is_none() || of_body.contains(&name) {
        return Ok(name.to_owned());
    }
    let of_envelope = ENVELOPE.iter().map(|(name, _)| *name);
    let all: Vec<&str> = of_body.iter().copied().chain(of_envelope).collect();
    Err(mistake(key)(unknown("field", name, &all)))
}
