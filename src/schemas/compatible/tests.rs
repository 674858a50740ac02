//! Changes of a schema, one by one: what is told of each, and that `apache-avro` as a whole comes to the same verdict.

use super::*;

fn parse(schema: &str) -> Schema {
    Schema::parse_str(schema).expect("a schema")
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "Alert", "fields": [{fields}]}}"#)
}

fn told(old: &str, new: &str, wanted: Compatibility) -> Vec<String> {
    let misfits = misfits(&parse(old), &parse(new), wanted).expect("whole schemas");
    misfits.iter().map(Misfit::to_string).collect()
}

/// Holds the verdict on a change, in both directions, against that of `apache-avro`.
fn verdict(old: &str, new: &str, expected: &[&str]) {
    let avro = SchemaCompatibility::mutual_read(&parse(old), &parse(new));
    assert_eq!(
        avro == Ok(Readable::Full),
        expected.is_empty(),
        "{avro:?}: {old} {new}"
    );
    assert_eq!(told(old, new, Compatibility::Full), expected);
}

const ID: &str = r#"{"name": "id", "type": "string"}"#;

fn id_and(field: &str) -> String {
    record(&format!("{ID}, {field}"))
}

#[test]
fn a_schema_is_compatible_with_itself() {
    for schema in [
        include_str!("../../../schemas/alert.avsc"),
        include_str!("../../../schemas/score.avsc"),
        include_str!("../../../schemas/delta.avsc"),
        include_str!("../../../schemas/interaction_event.avsc"),
        include_str!("../../../schemas/journey.avsc"),
        include_str!("../../../schemas/cohort.avsc"),
    ] {
        verdict(schema, schema, &[]);
    }
}

#[test]
fn a_field_with_a_default_may_come_and_go() {
    let with = id_and(r#"{"name": "due", "type": ["null", "long"], "default": null}"#);
    verdict(&record(ID), &with, &[]);
    verdict(&with, &record(ID), &[]);
}

#[test]
fn a_field_without_a_default_may_neither_come_nor_go() {
    let with = id_and(r#"{"name": "due", "type": "long"}"#);
    let added =
        ["due: the new schema can't read old records: they lack the field, and it has no default"];
    verdict(&record(ID), &with, &added);
    let removed =
        ["due: the old schema can't read new records: they lack the field, and it has no default"];
    verdict(&with, &record(ID), &removed);
}

#[test]
fn the_order_of_fields_docs_and_defaults_may_change() {
    let old = id_and(r#"{"name": "n", "type": "int"}"#);
    let new = record(
        r#"{"name": "n", "type": "int", "default": 3, "doc": "N."}, {"name": "id", "type": "string"}"#,
    );
    verdict(&old, &new, &[]);
}

#[test]
fn a_field_may_not_change_its_type() {
    let old = record(r#"{"name": "n", "type": "int"}"#);
    let text = record(r#"{"name": "n", "type": "boolean"}"#);
    verdict(
        &old,
        &text,
        &[
            "n: the new schema can't read old records: they hold int where it expects boolean",
            "n: the old schema can't read new records: they hold boolean where it expects int",
        ],
    );
}

#[test]
fn a_wider_number_reads_a_narrower_one_and_not_the_other_way() {
    let old = record(r#"{"name": "n", "type": "int"}"#);
    let new = record(r#"{"name": "n", "type": "long"}"#);
    let says = ["n: the old schema can't read new records: they hold long where it expects int"];
    verdict(&old, &new, &says);
    assert!(told(&old, &new, Compatibility::Backward).is_empty());
    assert_eq!(told(&old, &new, Compatibility::Forward), says);
}

#[test]
fn a_symbol_needs_a_default_on_the_side_that_does_not_know_it() {
    let status = |symbols: &str, default: &str| {
        record(&format!(
            r#"{{"name": "status", "type": {{"type": "enum", "name": "Status", "symbols": [{symbols}]{default}}}}}"#
        ))
    };
    let default = r#", "default": "unknown""#;
    let (few, many) = (r#""unknown", "raised""#, r#""unknown", "raised", "held""#);
    verdict(&status(few, default), &status(many, default), &[]);
    verdict(&status(many, default), &status(few, default), &[]);
    let added = [
        "status: the old schema can't read new records: they may say held, and it has no default symbol",
    ];
    verdict(&status(few, ""), &status(many, ""), &added);
    verdict(&status(few, ""), &status(many, default), &added);
    let removed = [
        "status: the new schema can't read old records: they may say held, and it has no default symbol",
    ];
    verdict(&status(many, ""), &status(few, ""), &removed);
    verdict(&status(many, default), &status(few, ""), &removed);
}

#[test]
fn a_union_may_not_gain_or_lose_a_branch() {
    let value = |branches: &str| record(&format!(r#"{{"name": "value", "type": [{branches}]}}"#));
    let (two, three) = (
        value(r#""long", "string""#),
        value(r#""long", "string", "boolean""#),
    );
    let gained = [
        "value: the old schema can't read new records: they may hold boolean, and it has no such branch",
    ];
    verdict(&two, &three, &gained);
    let lost = [
        "value: the new schema can't read old records: they may hold boolean, and it has no such branch",
    ];
    verdict(&three, &two, &lost);
    verdict(&two, &value(r#""string", "long""#), &[]);
}

#[test]
fn a_field_that_becomes_optional_can_be_null_where_null_is_not_known() {
    let plain = record(r#"{"name": "due", "type": "long"}"#);
    let optional = record(r#"{"name": "due", "type": ["null", "long"]}"#);
    let may_be_null = "can't read new records: they may hold null, and it has no such branch";
    verdict(
        &plain,
        &optional,
        &[&format!("due: the old schema {may_be_null}")],
    );
    let back = may_be_null.replace("new", "old");
    verdict(&optional, &plain, &[&format!("due: the new schema {back}")]);
}

#[test]
fn a_branch_of_the_outermost_union_is_named() {
    let clock = |fields: &str| {
        format!(
            r#"[{}, {{"type": "record", "name": "Clock", "fields": [{fields}]}}]"#,
            record(ID)
        )
    };
    let new = clock(r#"{"name": "at", "type": "long"}"#);
    verdict(
        &clock(""),
        &new,
        &[
            "Clock.at: the new schema can't read old records: they lack the field, and it has no default",
        ],
    );
    let alone = format!("[{}]", record(ID));
    verdict(
        &alone,
        &new,
        &[
            "the old schema can't read new records: they may hold record Clock, and it has no such branch",
        ],
    );
}

#[test]
fn records_within_lists_maps_and_unions_are_looked_into() {
    let nested = |fields: &str| {
        record(&format!(
            r#"{{"name": "lists", "type": {{"type": "array", "items": {{"type": "map", "values": ["null",
                {{"type": "record", "name": "Evidence", "fields": [{fields}]}}]}}}}}}"#
        ))
    };
    verdict(
        &nested(""),
        &nested(r#"{"name": "hash", "type": "string"}"#),
        &[
            "lists[]{}.hash: the new schema can't read old records: they lack the field, and it has no default",
        ],
    );
}

#[test]
fn a_type_defined_elsewhere_is_found_by_its_name_wherever_it_is_defined_first() {
    let day = r#"{"type": "enum", "name": "Day", "symbols": ["mon", "tue"]}"#;
    let both = |first: &str, second: &str| {
        record(&format!(
            r#"{{"name": "a", "type": {first}, "default": "mon"}}, {{"name": "b", "type": {second}, "default": "mon"}}"#
        ))
    };
    let old = both(day, r#""Day""#);
    verdict(&old, &old, &[]);
    // The definition moves to the other field; `apache-avro` by itself takes that for another type.
    let new = record(&format!(
        r#"{{"name": "b", "type": {day}, "default": "mon"}}"#
    ));
    assert_eq!(told(&old, &new, Compatibility::Full), Vec::<String>::new());
    let avro = SchemaCompatibility::mutual_read(&parse(&old), &parse(&new));
    assert!(avro.is_err(), "{avro:?}");
}

#[test]
fn a_type_that_contains_itself_ends() {
    let list = |more: &str| {
        format!(
            r#"{{"type": "record", "name": "List", "fields": [
                {{"name": "next", "type": ["null", "List"], "default": null}}{more}]}}"#
        )
    };
    let new = list(r#", {"name": "value", "type": "long"}"#);
    let says = [
        "value: the new schema can't read old records: they lack the field, and it has no default",
    ];
    assert_eq!(told(&list(""), &new, Compatibility::Full), says);
}

#[test]
fn another_record_or_another_size_is_another_type() {
    let renamed = record(ID).replace("Alert", "Alarm");
    verdict(
        &record(ID),
        &renamed,
        &[
            "the new schema can't read old records: they hold record Alert where it expects record Alarm",
            "the old schema can't read new records: they hold record Alarm where it expects record Alert",
        ],
    );
    let hash = |size: u8| format!(r#"{{"type": "fixed", "name": "Hash", "size": {size}}}"#);
    verdict(
        &hash(8),
        &hash(16),
        &[
            "the new schema can't read old records: they hold fixed Hash size 8 where it expects fixed Hash size 16",
            "the old schema can't read new records: they hold fixed Hash size 16 where it expects fixed Hash size 8",
        ],
    );
}

#[test]
fn a_number_may_not_change_what_it_means() {
    let due = |logical: &str| {
        record(&format!(
            r#"{{"name": "due", "type": ["null", {{"type": "long"{logical}}}], "default": null}}"#
        ))
    };
    let millis = due(r#", "logicalType": "timestamp-millis""#);
    let micros = due(r#", "logicalType": "timestamp-micros""#);
    // Avro reads the one as the other, a thousand times too early or too late.
    let avro = SchemaCompatibility::mutual_read(&parse(&millis), &parse(&micros));
    assert_eq!(avro, Ok(Readable::Full));
    assert_eq!(
        told(&millis, &micros, Compatibility::Full),
        [
            "due: the new schema would misread old records: they hold timestamp-millis, which it takes for timestamp-micros",
            "due: the old schema would misread new records: they hold timestamp-micros, which it takes for timestamp-millis",
        ]
    );
    assert_eq!(told(&millis, &due(""), Compatibility::Full).len(), 2);
}

#[test]
fn a_renamed_field_needs_its_old_name_as_alias_and_a_default_for_old_readers() {
    let field =
        |name: &str, more: &str| record(&format!(r#"{{"name": "{name}", "type": "long"{more}}}"#));
    let renamed = field("deadline", r#", "aliases": ["due"]"#);
    verdict(
        &field("due", ""),
        &renamed,
        &["due: the old schema can't read new records: they lack the field, and it has no default"],
    );
    verdict(&field("due", r#", "default": 0"#), &renamed, &[]);
}

/// Every schema that comes of one small change: a field or symbol gone, a default gone, another type.
fn changes(schema: &Value) -> Vec<Value> {
    let mut changed = Vec::new();
    match schema {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let mut fewer = items.clone();
                fewer.remove(index);
                changed.push(Value::Array(fewer));
                changed.extend(changes(item).into_iter().map(|item| {
                    let mut other = items.clone();
                    other[index] = item;
                    Value::Array(other)
                }));
            }
        }
        Value::Object(entries) => {
            let mut without = entries.clone();
            if without.remove("default").is_some() {
                changed.push(Value::Object(without));
            }
            for (key, value) in entries.iter().filter(|(key, _)| *key != "default") {
                changed.extend(changes(value).into_iter().map(|value| {
                    let mut other = entries.clone();
                    other.insert(key.clone(), value);
                    Value::Object(other)
                }));
            }
        }
        Value::String(text) if text == "string" => changed.push("boolean".into()),
        Value::String(text) if text == "long" => changed.push("double".into()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    changed
}

#[test]
fn every_small_change_of_our_schemas_is_judged_as_apache_avro_judges_it() {
    let (mut compatible, mut not) = (0, 0);
    // The long ones take long, and have nothing that these have not.
    let short = ["alert", "score", "delta", "cohort"];
    let shipped = crate::schemas::SHIPPED.iter();
    for shipped in shipped.filter(|schema| short.contains(&schema.name)) {
        let old = parse(shipped.text);
        let text: Value = serde_json::from_str(shipped.text).expect("JSON");
        // Not every change leaves a schema.
        let news = changes(&text).into_iter();
        for new in news.filter_map(|new| Schema::parse(&new).ok()) {
            let avro = SchemaCompatibility::mutual_read(&old, &new);
            let Ok(misfits) = misfits(&old, &new, Compatibility::Full) else {
                continue;
            };
            let named = shipped.name;
            assert_eq!(
                avro == Ok(Readable::Full),
                misfits.is_empty(),
                "{named}: {misfits:#?}"
            );
            let count = if misfits.is_empty() {
                &mut compatible
            } else {
                &mut not
            };
            *count += 1;
        }
    }
    assert!(
        compatible > 50 && not > 100,
        "{compatible} compatible, {not} not"
    );
}
