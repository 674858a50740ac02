//! The JSON Schema of the definition that ships for editors: up to date, and of one mind with the reader.

use std::fs;

use serde_json::Value;
use waymark_engine::definition::{DEFAULT_TEXT, Definition, json_schema};

const SHIPPED: &str = include_str!("../schemas/definition.schema.json");

#[test]
fn the_shipped_schema_is_the_one_that_the_reader_gives() {
    let shipped: Value = serde_json::from_str(SHIPPED).expect("JSON");
    assert!(
        shipped == json_schema(),
        "write it anew: waymark schemas print definition > schemas/definition.schema.json"
    );
}

#[test]
fn the_schema_accepts_the_shipped_definition() {
    let complaints = complaints(DEFAULT_TEXT);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn the_schema_refuses_what_the_reader_refuses_for_its_shape() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/engine/tests/wrong");
    for name in [
        "durations",
        "nothing-required",
        "nps-numbers",
        "unknown-keys",
        "unknown-kind",
        "unknown-words",
        "warn-out-of-range",
        "wrong-shapes",
    ] {
        let text = fs::read_to_string(format!("{folder}/{name}.yaml")).expect(name);
        Definition::parse(&text).expect_err(name);
        assert!(!complaints(&text).is_empty(), "{name} passes the schema");
    }
}

#[test]
fn the_schema_accepts_what_the_reader_only_warns_of() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/engine/tests/wrong");
    for name in [
        "grace-zero",
        "suspicious-nps",
        "suspicious-rules",
        "suspicious-stages",
    ] {
        let text = fs::read_to_string(format!("{folder}/{name}.yaml")).expect(name);
        Definition::parse(&text).expect(name);
        let complaints = complaints(&text);
        assert!(complaints.is_empty(), "{name}: {complaints:#?}");
    }
}

fn complaints(text: &str) -> Vec<String> {
    let typed: Value = serde_saphyr::from_str(text).expect("YAML");
    let schema = serde_json::from_str(SHIPPED).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a JSON Schema");
    validator
        .iter_errors(&typed)
        .map(|error| error.to_string())
        .collect()
}
