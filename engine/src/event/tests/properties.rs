//! Laws of decoding, held against random events and random bytes.
//!
//! Events are made from the schema, so that a new kind is tested on the day it is added.

use std::sync::LazyLock;

use super::*;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::Union;

/// A random event, with the JSON it was made from.
fn any_event() -> impl Strategy<Value = (Value, Event)> {
    static SCHEMA: LazyLock<Value> =
        LazyLock::new(|| serde_json::from_str(event_schema().json()).expect("a schema is JSON"));
    any_of("", &SCHEMA).prop_filter_map("a kind that lacks its subject", |json| {
        let bytes = serde_json::to_vec(&json).expect("JSON");
        match decode_json(&bytes) {
            Ok(Decoded::Event(event)) => Some((json, event)),
            _ => None,
        }
    })
}

/// A random value of an Avro type, for the field `name`.
fn any_of(name: &str, of: &Value) -> BoxedStrategy<Value> {
    match of {
        Value::String(of) => any_primitive(name, of),
        Value::Array(union) if union[0] == "null" => prop_oneof![
            1 => Just(Value::Null),
            6 => any_of(name, &union[1]),
        ]
        .boxed(),
        Value::Array(union) => Union::new(union.iter().map(|one| any_of(name, one))).boxed(),
        of if of["logicalType"] == "timestamp-millis" => (0..=Timestamp::MAX.as_millis())
            .prop_map(|millis| json!(millis))
            .boxed(),
        of => match of["type"].as_str().expect("a type") {
            "array" => vec(any_of(name, &of["items"]), 0..5)
                .prop_map(Value::from)
                .boxed(),
            "map" => btree_map("\\PC{0,12}", any_of(name, &of["values"]), 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
                .boxed(),
            "enum" => {
                prop::sample::select(of["symbols"].as_array().expect("symbols").clone()).boxed()
            }
            "record" => any_record(of),
            primitive => any_primitive(name, primitive),
        },
    }
}

fn any_primitive(name: &str, of: &str) -> BoxedStrategy<Value> {
    match (of, name) {
        ("string", _) => "\\PC{1,30}".prop_map(Value::from).boxed(),
        ("boolean", _) => any::<bool>().prop_map(Value::from).boxed(),
        ("long", "low") => Just(json!(0)).boxed(),
        ("long", "high") => Just(json!(10)).boxed(),
        ("long", "score") => (0..=10_i64).prop_map(Value::from).boxed(),
        ("long", _) => any::<i64>().prop_map(Value::from).boxed(),
        ("double", _) => proptest::num::f64::NORMAL.prop_map(Value::from).boxed(),
        ("Instrument", _) => prop::sample::select(vec!["NPS", "CSAT", "CES"])
            .prop_map(Value::from)
            .boxed(),
        other => panic!("no strategy for {other:?}"),
    }
}

fn any_record(record: &Value) -> BoxedStrategy<Value> {
    let kind = Kind::ALL
        .iter()
        .find(|kind| record["name"] == format!("{kind:?}"));
    let mut fields: Vec<_> = record["fields"]
        .as_array()
        .expect("fields")
        .iter()
        .map(|field| {
            let name = field["name"].as_str().expect("a name").to_owned();
            let value = any_of(&name, &field["type"]);
            value.prop_map(move |value| (name.clone(), value)).boxed()
        })
        .collect();
    if let Some(kind) = kind {
        fields.push(Just(("type".to_owned(), json!(kind.name()))).boxed());
    }
    fields
        .prop_map(|fields| fields.into_iter().collect())
        .boxed()
}

/// Leaves out what is null, as an actor's fields are.
fn without_nulls(json: &Value) -> Value {
    match json {
        Value::Object(entries) => entries
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        other => other.clone(),
    }
}

fn to_json(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_json(event, &mut bytes);
    bytes
}

/// Whatever a decoder accepts is an event that keeps its promises, hence survives both forms.
fn assert_event_or_refusal(decoded: Result<Decoded, Rejection>) {
    let Ok(Decoded::Event(event)) = decoded else {
        return;
    };
    assert!(event.customer.is_some() || event.kind() == Kind::FeedHeartbeat);
    assert!(event.dimensions.len() <= 32);
    assert_eq!(
        decode_json(&to_json(&event)),
        Ok(Decoded::Event(event.clone()))
    );
    assert_eq!(
        decode_avro(&encode_avro(&event), event_schema()),
        Ok(Decoded::Event(event))
    );
}

fn single_object(datum: &[u8]) -> Vec<u8> {
    [
        &[0xC3, 0x01],
        &event_schema().rabin_fingerprint()[..],
        datum,
    ]
    .concat()
}

fn decode_everywhere(bytes: &[u8]) {
    assert_event_or_refusal(decode_json(bytes));
    assert_event_or_refusal(decode_avro(bytes, event_schema()));
    assert_event_or_refusal(decode_single_object(bytes, &WriterSchemas::default()));
    assert_event_or_refusal(decode_single_object(
        &single_object(bytes),
        &WriterSchemas::default(),
    ));
}

proptest! {
    #[test]
    fn an_event_survives_both_forms((json, event) in any_event()) {
        let again = Ok(Decoded::Event(event.clone()));
        prop_assert_eq!(&decode_json(&to_json(&event)), &again);
        prop_assert_eq!(&decode_avro(&encode_avro(&event), event_schema()), &again);
        prop_assert_eq!(&decode_single_object(&encode_single_object(&event), &WriterSchemas::default()), &again);
        let written: Value = serde_json::from_slice(&to_json(&event)).expect("JSON");
        prop_assert_eq!(without_nulls(&written), without_nulls(&json));
    }

    #[test]
    fn random_bytes_are_refused_or_are_an_event(bytes in vec(any::<u8>(), 0..300)) {
        decode_everywhere(&bytes);
    }

    #[test]
    fn a_truncated_event_is_refused((_, event) in any_event(), at in any::<prop::sample::Index>()) {
        let (json, avro) = (to_json(&event), encode_avro(&event));
        prop_assert!(decode_json(&json[..at.index(json.len())]).is_err());
        prop_assert!(decode_avro(&avro[..at.index(avro.len())], event_schema()).is_err());
    }

    #[test]
    fn an_event_with_one_wrong_byte_is_refused_or_still_an_event(
        (_, event) in any_event(), at in any::<prop::sample::Index>(), wrong in any::<u8>(),
    ) {
        for mut bytes in [to_json(&event), encode_avro(&event)] {
            let at = at.index(bytes.len());
            bytes[at] = wrong;
            decode_everywhere(&bytes);
        }
    }
}
