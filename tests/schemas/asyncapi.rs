//! The document of all topics: the one that ships is the one that is made, it is valid AsyncAPI, and it is true.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use jsonschema::Validator;
use opentelemetry::trace::{SpanContext, TraceFlags};
use rdkafka::message::{Headers as _, OwnedHeaders};
use serde_json::{Value, json};
use waymark::publish::{Form, Origin};
use waymark::trace::with_trace;
use waymark_engine::event::{Decoded, Kind, decode_json};

use super::command::text;
use super::forms::{alert, at};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The document that ships.
fn document() -> Value {
    let shipped = fs::read(format!("{ROOT}/docs/asyncapi.json")).unwrap();
    serde_json::from_slice(&shipped).unwrap()
}

/// The document of a deployment, whatever the environment says.
fn made(flags: &[&str]) -> Value {
    let made = Command::new(env!("CARGO_BIN_EXE_waymark"))
        .args(["schemas", "asyncapi"])
        .args(flags)
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    serde_json::from_slice(&made.stdout).unwrap()
}

/// The JSON Schema of the AsyncAPI Initiative; see the note beside it.
fn official() -> Validator {
    let schema = fs::File::open(format!("{ROOT}/tests/schemas/asyncapi/3.0.0.json.zst")).unwrap();
    let schema = zstd::decode_all(schema).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// What a schema has against a value, each with its place.
fn complaints_of(validator: &Validator, value: &Value) -> Vec<String> {
    let errors = validator.iter_errors(value);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[test]
fn the_document_that_ships_is_the_one_that_is_made() {
    assert!(
        made(&["--deployment", "lending"]) == document(),
        "make it anew: waymark schemas asyncapi --deployment lending > docs/asyncapi.json"
    );
}

#[test]
fn the_document_is_valid_asyncapi() {
    let (official, document) = (official(), document());
    assert_eq!(complaints_of(&official, &document), Vec::<String>::new());
    // The schema looks into bindings and payloads too.
    for (path, wrong) in [
        ("/operations/send-alerts/action", json!("publish")),
        (
            "/channels/alerts/bindings/kafka/topicConfiguration/cleanup.policy",
            json!("compact"),
        ),
        (
            "/components/messages/alertAvro/bindings/kafka/schemaIdLocation",
            json!("value"),
        ),
        (
            "/components/schemas/alertAvro/schema/fields/0/type",
            json!(7),
        ),
        (
            "/components/schemas/alert/properties/kind/type",
            json!("txt"),
        ),
    ] {
        let mut damaged = document.clone();
        *damaged.pointer_mut(path).expect(path) = wrong;
        assert!(!official.is_valid(&damaged), "{path} is not looked at");
    }
}

#[test]
fn a_deployment_is_described_as_it_is_set() {
    let document = made(&[
        "--deployment",
        "bank.retail-2",
        "--assurance",
        "single-broker",
        "--bootstrap-servers",
        "k1:9093,k2:9093",
        "--set",
        "kafka.security.protocol=SASL_SSL",
        "--set",
        "kafka.sasl.mechanism=SCRAM-SHA-512",
        "--set",
        "registry.url=https://registry:8081/",
        "--partitions",
        "6",
    ]);
    assert_eq!(complaints_of(&official(), &document), Vec::<String>::new());
    let says = |path: &str| document.pointer(path).expect(path).clone();
    assert_eq!(
        says("/servers/broker-2"),
        json!({
            "host": "k2:9093",
            "protocol": "kafka-secure",
            "bindings": { "kafka": {
                "schemaRegistryUrl": "https://registry:8081",
                "schemaRegistryVendor": "confluent",
                "bindingVersion": "0.5.0",
            } },
        })
    );
    let alerts = "/channels/alerts/bindings/kafka";
    assert_eq!(says(&format!("{alerts}/topic")), "bank.retail-2.alerts");
    assert_eq!(says(&format!("{alerts}/partitions")), 6);
    assert_eq!(says(&format!("{alerts}/replicas")), 1);
    let settings = format!("{alerts}/topicConfiguration");
    assert_eq!(
        says(&format!("{settings}/cleanup.policy")),
        json!(["compact", "delete"])
    );
    assert_eq!(
        says(&format!("{settings}/unclean.leader.election.enable")),
        false
    );
    let group = "/operations/receive-deltas/bindings/kafka/groupId/enum";
    assert_eq!(says(group), json!(["bank.retail-2.cohort"]));
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk<'v>(node: &'v Value, found: &mut Vec<&'v str>) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| walk(node, found)),
            Value::Object(entries) => {
                found.extend(entries.get("$ref").and_then(Value::as_str));
                entries.values().for_each(|node| walk(node, found));
            }
            _ => {}
        }
    }
    let document = document();
    let mut references = Vec::new();
    walk(&document, &mut references);
    assert!(references.len() > 30, "{references:?}");
    for reference in references {
        let path = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(path).is_some(), "{reference}");
    }
}

#[test]
fn every_avro_schema_in_it_is_the_one_that_ships() {
    let document = document();
    for (name, file) in [
        ("eventAvro", "interaction_event"),
        ("alertAvro", "alert"),
        ("scoreAvro", "score"),
        ("deltaAvro", "delta"),
        ("journeyChange", "journey"),
        ("cohortChange", "cohort"),
    ] {
        let schema = &document["components"]["schemas"][name]["schema"];
        let shipped = fs::read_to_string(format!("{ROOT}/schemas/{file}.avsc")).unwrap();
        assert_eq!(*schema, serde_json::from_str::<Value>(&shipped).unwrap());
        apache_avro::Schema::parse_str(&schema.to_string()).expect(name);
    }
}

/// What the document says of the values of a message.
fn of_message(document: &Value, name: &str) -> Validator {
    let schema = &document["components"]["schemas"][name];
    let options = jsonschema::options().should_validate_formats(true);
    options.build(schema).expect(name)
}

fn example(name: &str) -> Value {
    let text = fs::read_to_string(format!("{ROOT}/schemas/examples/{name}.json")).expect(name);
    serde_json::from_str(&text).expect(name)
}

#[test]
fn every_example_is_as_the_document_says() {
    let document = document();
    let events = Kind::ALL.iter().map(|kind| format!("events/{kind}"));
    let mut examples = vec![("event", events.collect())];
    examples.extend(["alert", "score", "delta", "clock"].map(|name| (name, vec![name.to_owned()])));
    for (message, names) in examples {
        let validator = of_message(&document, message);
        for name in names {
            let wrong = complaints_of(&validator, &example(&name));
            assert_eq!(wrong, Vec::<String>::new(), "{name}");
        }
    }
}

#[test]
fn every_line_of_a_replay_is_as_the_document_says() {
    let document = document();
    let folder = tempfile::tempdir().unwrap();
    let replay = Command::new(env!("CARGO_BIN_EXE_waymark"))
        .args(["replay", "--example", "lending", "--out"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(replay.status.code(), Some(0), "{}", text(&replay.stderr));
    let example = format!("{ROOT}/deploy/examples/lending/events.jsonl");
    for (schema, file) in [
        ("event", example.into()),
        ("alert", folder.path().join("alerts.jsonl")),
        ("score", folder.path().join("scores.jsonl")),
    ] {
        let lines = fs::read_to_string(file).unwrap();
        // One line of the input is broken on purpose.
        let lines = lines.lines().filter(|line| {
            schema != "event" || matches!(decode_json(line.as_bytes()), Ok(Decoded::Event(_)))
        });
        let lines: Vec<&str> = lines.collect();
        let validator = of_message(&document, schema);
        let wrong: Vec<_> = lines
            .iter()
            .map(|line| complaints_of(&validator, &serde_json::from_str(line).unwrap()))
            .filter(|complaints| !complaints.is_empty())
            .collect();
        assert!(lines.len() > 3, "{schema}: too few");
        assert!(wrong.is_empty(), "{schema}: {wrong:#?}");
    }
}

#[test]
fn what_is_not_as_the_document_says_is_told() {
    let document = document();
    let with = |name: &str, path: &str, value: Value| {
        let mut example = example(name);
        *example.pointer_mut(path).expect(path) = value;
        example
    };
    let reply = "events/survey.replied";
    for (schema, wrong) in [
        ("alert", with("alert", "/status", json!("solved"))),
        ("alert", with("alert", "/due", json!("soon"))),
        ("alert", with("alert", "/customer_id", json!(7))),
        ("alert", with("alert", "/evidence/0", json!({}))),
        ("score", with("score", "/to", json!("2026-02-30"))),
        ("delta", with("delta", "/from", json!("fan"))),
        ("delta", example("clock")),
        ("event", with(reply, "/body/type", json!("survey.returned"))),
        (
            "event",
            with(reply, "/body", json!({ "type": "survey.replied" })),
        ),
        ("event", with(reply, "/occurred_at", json!(true))),
    ] {
        assert!(
            !of_message(&document, schema).is_valid(&wrong),
            "{schema}: {wrong}"
        );
    }
    let optional = with("alert", "/due", Value::Null);
    assert_eq!(
        complaints_of(&of_message(&document, "alert"), &optional),
        Vec::<String>::new()
    );
}

#[test]
fn headers_are_named_as_they_are_written() {
    let document = document();
    let named = |message: &str| -> BTreeSet<String> {
        let headers = &document["components"]["messages"][message]["headers"]["properties"];
        headers
            .as_object()
            .expect(message)
            .keys()
            .cloned()
            .collect()
    };
    let keys = |written: &OwnedHeaders| -> BTreeSet<String> {
        written.iter().map(|header| header.key.to_owned()).collect()
    };
    let (hop, began) = (traced(), traced());
    let origin = Origin::new("lending", "customer");
    for (message, form) in [("alert", Form::Json), ("alertAvro", Form::Framed(7))] {
        let written = origin.headers(&alert(), form, at("2026-03-12T09:40:00Z"));
        let written = with_trace(written, Some(&hop), Some(&began));
        assert_eq!(named(message), keys(&written));
    }
    let between = with_trace(OwnedHeaders::new(), Some(&hop), None);
    assert_eq!(named("delta"), keys(&between));
    assert_eq!(named("clock"), keys(&between));
    let read = with_trace(OwnedHeaders::new(), Some(&hop), Some(&began));
    assert_eq!(named("event"), keys(&read));
    // Those of records set aside are written for records of a broker only, so they are looked for in the source.
    let source = fs::read_to_string(format!("{ROOT}/src/publish/set_aside.rs")).unwrap();
    for name in named("deadLetter").union(&named("late")) {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}

/// A span of a trace with a state.
fn traced() -> SpanContext {
    let state = "vendor=a:b".parse().unwrap();
    SpanContext::new(
        1_u128.into(),
        1_u64.into(),
        TraceFlags::SAMPLED,
        true,
        state,
    )
}
