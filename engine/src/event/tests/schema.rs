//! The schema, the Rust types and the examples agree, kind by kind and field by field.

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// Returns the records of the union of bodies.
fn body_records() -> Vec<Value> {
    let schema = schema();
    let fields = schema["fields"].as_array().unwrap();
    let body = fields.iter().find(|field| field["name"] == "body");
    body.unwrap()["type"].as_array().unwrap().clone()
}

#[test]
fn each_kind_has_its_record_at_its_place_in_the_union() {
    let records = body_records();
    let names: Vec<_> = records
        .iter()
        .map(|record| record["name"].as_str().unwrap().to_owned())
        .collect();
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(names, kinds);
}

#[test]
fn every_record_enum_and_field_of_the_schema_is_documented() {
    fn walk(node: &Value, undocumented: &mut Vec<String>) {
        match node {
            Value::Array(nodes) => nodes.iter().for_each(|node| walk(node, undocumented)),
            Value::Object(entries) => {
                let doc = entries.get("doc").and_then(Value::as_str).unwrap_or("");
                if entries.contains_key("name") && doc.is_empty() {
                    undocumented.push(entries["name"].to_string());
                }
                entries.values().for_each(|node| walk(node, undocumented));
            }
            _ => {}
        }
    }
    let mut undocumented = Vec::new();
    walk(&schema(), &mut undocumented);
    assert_eq!(undocumented, Vec::<String>::new());
}

/// Makes a value for a field of the schema.
fn sample(name: &str, of: &Value) -> Value {
    match of {
        Value::String(of) => match &**of {
            "string" => json!("text"),
            "boolean" => json!(true),
            "long" => json!(if name == "high" { 10 } else { 0 }),
            "Instrument" => json!("NPS"),
            other => panic!("no sample for {other}"),
        },
        Value::Array(union) => sample(name, union.last().unwrap()),
        of => match of["type"].as_str().unwrap() {
            "array" => json!([sample(name, &of["items"])]),
            "map" => json!({ "key": sample(name, &of["values"]) }),
            "enum" => of["symbols"][0].clone(),
            "record" => sample_record(of, |_| true),
            primitive => sample(name, &json!(primitive)),
        },
    }
}

fn sample_record(record: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let fields = record["fields"].as_array().unwrap().iter();
    fields
        .filter(|field| wanted(field))
        .map(|field| {
            let name = field["name"].as_str().unwrap();
            (name.to_owned(), sample(name, &field["type"]))
        })
        .collect()
}

fn tagged(kind: Kind, mut body: Value) -> Value {
    body["type"] = json!(kind.name());
    body
}

#[test]
fn every_field_of_the_schema_is_read_and_no_other_is_written() {
    for (kind, record) in Kind::ALL.iter().zip(body_records()) {
        let body = tagged(*kind, sample_record(&record, |_| true));
        let event = event(&with_body(&body));
        let mut written = Vec::new();
        encode_json(&event, &mut written);
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(written["body"], body, "{kind}");
        let avro = decode_avro(&encode_avro(&event), event_schema()).unwrap();
        assert_eq!(avro, Decoded::Event(event), "{kind}");
    }
}

#[test]
fn fields_with_a_default_may_be_left_out_and_no_others() {
    for (kind, record) in Kind::ALL.iter().zip(body_records()) {
        let required = |field: &Value| field.get("default").is_none();
        let body = tagged(*kind, sample_record(&record, required));
        event(&with_body(&body));
        for field in record["fields"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|f| required(f))
        {
            let name = field["name"].as_str().unwrap();
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(name);
            let expected = format!("invalid: body.{name} is missing");
            assert_eq!(refusal(&with_body(&without)), expected, "{kind}");
        }
    }
}

#[test]
fn every_text_and_every_list_of_a_body_is_bounded() {
    for (kind, record) in Kind::ALL.iter().zip(body_records()) {
        let body = tagged(*kind, sample_record(&record, |_| true));
        let fields = body.as_object().unwrap().iter();
        for (name, value) in fields.filter(|(name, _)| *name != "type") {
            let too_much = match value {
                Value::String(_) if name == "instrument" => continue,
                Value::String(_) => json!("x".repeat(1_025)),
                Value::Array(items) => (0..65).map(|_| items[0].clone()).collect(),
                Value::Object(_) if name == "values" => (0..65)
                    .map(|number| (number.to_string(), json!(1)))
                    .collect(),
                _ => continue,
            };
            let mut body = body.clone();
            body[name] = too_much;
            let refusal = refusal(&with_body(&body));
            let says = format!("invalid: body.{name} has ");
            assert!(refusal.starts_with(&says), "{kind}: {refusal}");
        }
    }
}

#[test]
fn each_kind_has_an_example_that_survives_both_forms() {
    for kind in Kind::ALL {
        let event = event(&example(*kind));
        assert_eq!(event.kind(), *kind);
        let again = Ok(Decoded::Event(event.clone()));
        let mut json = Vec::new();
        encode_json(&event, &mut json);
        assert_eq!(decode_json(&json), again, "{kind}");
        assert_eq!(
            decode_avro(&encode_avro(&event), event_schema()),
            again,
            "{kind}"
        );
    }
}
