//! Avro of other writers, broken Avro, and the same words for the same faults as in JSON.

use serde_avro_fast::Schema;

use super::*;

fn avro_refusal(bytes: &[u8], schema: &Schema) -> String {
    decode_avro(bytes, schema).unwrap_err().to_string()
}

#[test]
fn a_record_of_tomorrow_is_ignored_in_avro() {
    let newer = SCHEMA.replace("\"EnquiryAnswered\"", "\"CardIssued\"");
    let bytes = encode_avro(&event(&example(Kind::EnquiryAnswered)));
    let type_name = "CardIssued".into();
    assert_eq!(
        decode_avro(&bytes, &newer.parse().unwrap()),
        Ok(Decoded::Ignored { type_name })
    );
}

#[test]
fn another_writer_may_know_less_and_say_more() {
    let writer: Schema = r#"{"type": "record", "name": "Fact", "namespace": "com.bank", "fields": [
        {"name": "trace", "type": {"type": "array", "items": "long"}},
        {"name": "source", "type": "string"},
        {"name": "event_id", "type": "string"},
        {"name": "customer_id", "type": "string"},
        {"name": "channel", "type": {"type": "enum", "name": "Way", "symbols": ["hologram"]}},
        {"name": "occurred_at", "type": "long"},
        {"name": "body", "type": {"type": "record", "name": "PageViewed", "fields": [
            {"name": "colour", "type": "string"}, {"name": "page", "type": "string"}]}}]}"#
        .parse()
        .unwrap();
    let fact = json!({
        "trace": [1, 2], "source": "web", "event_id": "e-1", "customer_id": "c-1", "channel": "hologram",
        "occurred_at": 5, "body": {"colour": "blue", "page": "/home"},
    });
    let mut config = serde_avro_fast::ser::SerializerConfig::new(&writer);
    let bytes = serde_avro_fast::to_datum_vec(&fact, &mut config).unwrap();
    let Ok(Decoded::Event(event)) = decode_avro(&bytes, &writer) else {
        panic!("{:?}", decode_avro(&bytes, &writer));
    };
    assert_eq!(event.channel, Channel::Unknown);
    let page_viewed = PageViewed {
        page: "/home".into(),
        seconds: None,
    };
    assert_eq!(event.body, Body::PageViewed(page_viewed));
}

#[test]
fn avro_that_stops_early_or_goes_on_is_unreadable() {
    let mut bytes = encode_avro(&event(&example(Kind::StageEntered)));
    let short = avro_refusal(&bytes[..bytes.len() - 3], event_schema());
    assert_eq!(
        short,
        "unreadable: body.owner: Unexpected end of slice while deserializing"
    );
    bytes.push(0);
    let long = avro_refusal(&bytes, event_schema());
    assert_eq!(long, "unreadable: 1 bytes follow the event");
}

#[test]
fn a_list_that_claims_a_billion_elements_of_no_bytes_is_refused_at_once() {
    let writer: Schema = r#"{"type": "record", "name": "Fact", "fields": [
        {"name": "padding", "type": {"type": "array", "items": "null"}}]}"#
        .parse()
        .unwrap();
    let a_billion = [0x80, 0xA8, 0xD6, 0xB9, 0x07, 0];
    let says = "unreadable: padding: Exceeding max sequence size while deserializing";
    assert_eq!(avro_refusal(&a_billion, &writer), says);
}

#[test]
fn avro_and_json_refuse_the_same_events_in_the_same_words() {
    let mut reply = event(&example(Kind::SurveyReplied));
    let Body::SurveyReplied(body) = &mut reply.body else {
        panic!()
    };
    body.score = Some(11);
    let says = "invalid: body.score 11 is outside 0 to 10";
    assert_eq!(avro_refusal(&encode_avro(&reply), event_schema()), says);
    let mut json = Vec::new();
    encode_json(&reply, &mut json);
    assert_eq!(refusal(&json), says);
}

#[test]
fn avro_names_the_field_that_is_no_time_or_no_number() {
    let custom = Custom {
        name: "n".into(),
        values: [("v".into(), crate::event::Value::Number(f64::NAN))].into(),
    };
    let mut event = event(&example(Kind::Custom));
    event.body = Body::Custom(custom);
    let says = "invalid: body.values.v is not a finite number";
    assert_eq!(avro_refusal(&encode_avro(&event), event_schema()), says);

    let id = |text: &str| [&[u8::try_from(text.len() * 2).unwrap()], text.as_bytes()].concat();
    let before_1970 = [id("e-1"), vec![2], id("c-1"), vec![1], id("crm")].concat();
    let rest = [0, 0, 0, 0, 0, 0, 0, 80]; // channel, actor, no ids, no dimensions, ReviewHeld
    let bytes = [before_1970, rest.to_vec()].concat();
    let says = "bad_time: occurred_at: time -1 ms is outside the years 1970 to 9999";
    assert_eq!(avro_refusal(&bytes, event_schema()), says);
}

#[test]
fn a_single_object_is_read_with_the_schema_it_names() {
    let review = event(&example(Kind::ReviewHeld));
    let older: Schema = SCHEMA
        .replace(
            "\"relationship_manager\", \"partner\"",
            "\"relationship_manager\"",
        )
        .parse()
        .unwrap();
    let single = |schema: &Schema| {
        [
            &[0xC3, 0x01],
            &schema.rabin_fingerprint()[..],
            &encode_avro(&review),
        ]
        .concat()
    };
    let mut schemas = WriterSchemas::default();
    let expected = Ok(Decoded::Event(review.clone()));
    assert_eq!(
        decode_single_object(&single(event_schema()), &schemas),
        expected
    );
    let unknown = decode_single_object(&single(&older), &schemas).unwrap_err();
    assert!(
        unknown
            .to_string()
            .starts_with("unknown_schema: no schema has the fingerprint ")
    );
    let older_single = single(&older);
    schemas.insert(older);
    assert_eq!(decode_single_object(&older_single, &schemas), expected);
    let bare = decode_single_object(&encode_avro(&review), &schemas).unwrap_err();
    assert_eq!(
        bare.to_string(),
        "unreadable: the record does not begin with c3 01 and a fingerprint"
    );
}
