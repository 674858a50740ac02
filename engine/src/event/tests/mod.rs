//! Facts about decoding, by subject. What they share stands here.

mod avro;
mod json;
mod properties;
mod schema;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

const SCHEMA: &str = include_str!("../../../../schemas/interaction_event.avsc");

fn example(kind: Kind) -> Vec<u8> {
    let file = format!("../schemas/examples/events/{kind}.json");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn event(bytes: &[u8]) -> Event {
    match decode_json(bytes).unwrap() {
        Decoded::Event(event) => event,
        Decoded::Ignored { type_name } => panic!("{type_name} was ignored"),
    }
}

/// An event that is valid but for its body.
fn with_body(body: &Value) -> Vec<u8> {
    let event = json!({
        "event_id": "e-1", "customer_id": "c-1", "occurred_at": 1_772_443_800_000_i64, "source": "crm",
        "application_id": "a-1", "case_id": "q-1", "body": body,
    });
    serde_json::to_vec(&event).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    decode_json(bytes).unwrap_err().to_string()
}
