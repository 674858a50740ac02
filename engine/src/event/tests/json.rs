//! What an event may leave open, what is refused, and in which words.

use super::*;

#[test]
fn a_time_is_rfc_3339_with_an_offset_or_milliseconds() {
    let occurred_at = |at: Value| {
        let mut json: Value = serde_json::from_slice(&example(Kind::ReviewHeld)).unwrap();
        json["occurred_at"] = at;
        event(&serde_json::to_vec(&json).unwrap()).occurred_at
    };
    let millis = occurred_at(json!(1_772_443_800_000_i64));
    assert_eq!(occurred_at(json!("2026-03-02T10:30:00+01:00")), millis);
    assert_eq!(occurred_at(json!("2026-03-02T09:30:00Z")), millis);
}

#[test]
fn an_event_that_says_little_takes_the_defaults() {
    let event = event(
        br#"{"event_id":"h-1","occurred_at":0,"source":"web","new":{"field":[1]},"body":{"type":"feed.heartbeat","x":1}}"#,
    );
    assert_eq!(event.customer, None);
    assert_eq!(event.channel, Channel::Unknown);
    assert_eq!(event.actor, Actor::default());
    assert!(event.dimensions.is_empty());
    assert_eq!(event.hash, EventHash::of("h-1"));
}

#[test]
fn a_channel_or_party_of_tomorrow_reads_as_unknown() {
    let mut body: Value = serde_json::from_slice(&example(Kind::ReviewHeld)).unwrap();
    body["channel"] = json!("hologram");
    body["actor"]["type"] = json!("robot");
    let event = event(&serde_json::to_vec(&body).unwrap());
    assert_eq!(event.channel, Channel::Unknown);
    assert_eq!(event.actor.party, Party::Unknown);
}

#[test]
fn an_unknown_type_is_ignored_in_json() {
    let decoded = decode_json(&with_body(&json!({"type": "card.issued", "card": 1})));
    let type_name = "card.issued".into();
    assert_eq!(decoded, Ok(Decoded::Ignored { type_name }));
}

#[test]
fn what_is_not_json_is_unreadable() {
    for (bytes, says) in [
        (&b""[..], "unreadable: the record is not a JSON object"),
        (b"[1, 2]", "unreadable: the record is not a JSON object"),
        (
            b"{\"event_id\":",
            "unreadable: event_id: EOF while parsing a value",
        ),
        (b"{} {}", "invalid: event_id is missing"),
        (
            b"{\"event_id\":\"\xff\"}",
            "unreadable: event_id: invalid unicode code point",
        ),
    ] {
        assert_eq!(refusal(bytes), says);
    }
}

#[test]
fn a_record_of_any_depth_is_refused_without_exhausting_the_stack() {
    let deep = "[".repeat(100_000);
    for bytes in [
        format!(r#"{{"new": {deep}"#),
        format!(r#"{{"actor": {deep}"#),
        format!(r#"{{"body": {deep}"#),
    ] {
        assert!(decode_json(bytes.as_bytes()).is_err());
    }
    let nested = json!({"type": "custom", "name": "n", "values": {"v": 0}}).to_string();
    let values = "[".repeat(1_000) + &"]".repeat(1_000);
    let body = nested.replace("\"v\":0", &format!("\"v\":{values}"));
    let envelope =
        r#"{"event_id": "e", "customer_id": "c", "occurred_at": 0, "source": "s", "body": "#;
    let says = "unreadable: body.values.v[0][0]: recursion limit exceeded";
    assert_eq!(refusal(format!("{envelope}{body}}}").as_bytes()), says);
}

#[test]
fn a_record_beyond_a_mebibyte_is_too_large() {
    let says = "too_large: the record has 1048577 bytes, more than 1048576";
    let bytes = vec![b' '; RECORD_BYTES_MAX + 1];
    assert_eq!(refusal(&bytes), says);
    let avro = decode_avro(&bytes, event_schema()).unwrap_err();
    assert_eq!(avro.to_string(), says);
}

#[test]
fn an_envelope_that_makes_no_sense_is_refused_by_field() {
    for (field, value, says) in [
        ("event_id", json!(""), "invalid: event_id is empty"),
        (
            "event_id",
            json!("x".repeat(129)),
            "invalid: event_id has 129 bytes, more than 128",
        ),
        (
            "event_id",
            json!(7),
            "invalid: event_id: invalid type: integer `7`, expected a string",
        ),
        (
            "customer_id",
            json!(null),
            "invalid: customer_id is missing, stage.entered needs one",
        ),
        (
            "application_id",
            json!(null),
            "invalid: application_id is missing, stage.entered needs one",
        ),
        ("source", json!(""), "invalid: source is empty"),
        (
            "actor",
            json!({"id": 5}),
            "invalid: actor.id: invalid type: integer `5`, expected a string",
        ),
        (
            "actor",
            json!({"id": "x".repeat(1_025)}),
            "invalid: actor.id has 1025 bytes, more than 1024",
        ),
        ("body", json!([]), "invalid: body is not an object"),
        ("body", json!({}), "invalid: body.type is missing"),
        (
            "occurred_at",
            json!(true),
            "invalid: occurred_at: invalid type: boolean `true`, expected milliseconds since 1970 or RFC 3339 with an offset",
        ),
        (
            "occurred_at",
            json!(-1),
            "bad_time: occurred_at: time -1 ms is outside the years 1970 to 9999",
        ),
        (
            "occurred_at",
            json!("2026-03-02T09:30:00"),
            "bad_time: occurred_at: time \"2026-03-02T09:30:00\" is not RFC 3339 with an offset, such as 2026-03-02T09:30:00Z",
        ),
    ] {
        let body = json!({"type": "stage.entered", "stage": "credit"});
        let mut event: Value = serde_json::from_slice(&with_body(&body)).unwrap();
        event[field] = value;
        assert_eq!(refusal(&serde_json::to_vec(&event).unwrap()), says);
    }
}

#[test]
fn more_than_32_dimensions_are_refused() {
    let mut event: Value = serde_json::from_slice(&example(Kind::ReviewHeld)).unwrap();
    event["dimensions"] = (0..33).map(|n| (n.to_string(), json!("x"))).collect();
    let says = "invalid: dimensions has 33 entries, more than 32";
    assert_eq!(refusal(&serde_json::to_vec(&event).unwrap()), says);
}

#[test]
fn enquiries_and_complaints_need_a_case() {
    for kind in Kind::ALL {
        let mut event: Value = serde_json::from_slice(&example(*kind)).unwrap();
        event.as_object_mut().unwrap().remove("case_id");
        let decoded = decode_json(&serde_json::to_vec(&event).unwrap());
        let family = kind.name().split('.').next().unwrap();
        let needed = matches!(family, "enquiry" | "complaint");
        assert_eq!(decoded.is_err(), needed, "{kind}");
    }
}

#[test]
fn a_body_that_makes_no_sense_is_refused_by_field() {
    let reply = |instrument: &str, score: i64, scale: Value| json!({"type": "survey.replied", "instrument": instrument, "score": score, "scale": scale});
    let due = |due: &str| json!({"name": "decision", "due": due});
    let timetable =
        |milestones: Value| json!({"type": "timetable.agreed", "milestones": milestones});
    for (body, says) in [
        (
            reply("NPS", 11, json!(null)),
            "invalid: body.score 11 is outside 0 to 10",
        ),
        (
            reply("NPS", 4, json!({"low": 1, "high": 5})),
            "invalid: body.scale 1 to 5 is not the 0 to 10 of NPS",
        ),
        (
            reply("CSAT", 6, json!({"low": 1, "high": 5})),
            "invalid: body.score 6 is outside 1 to 5",
        ),
        (
            reply("CES", 6, json!({"low": 7, "high": 7})),
            "invalid: body.scale 7 to 7 has no room",
        ),
        (
            reply("PSAT", 6, json!(null)),
            "invalid: body.instrument: unknown variant `PSAT`, expected one of `NPS`, `CSAT`, `CES`",
        ),
        (
            json!({"type": "survey.replied", "instrument": "CES", "respondent": ""}),
            "invalid: body.respondent is empty",
        ),
        (
            json!({"type": "identity.linked", "identity": ""}),
            "invalid: body.identity is empty",
        ),
        (
            json!({"type": "repayment.made", "amount": 1.5}),
            "invalid: body.amount: invalid type: floating point `1.5`, expected i64",
        ),
        (
            json!({"type": "custom", "name": "n", "values": {"v": []}}),
            "invalid: body.values.v: not a boolean, a number or a text",
        ),
        (
            timetable(json!([
                due("2026-03-02T09:30:00Z"),
                due("2026-03-03T09:30:00Z")
            ])),
            "invalid: body.milestones has \"decision\" twice",
        ),
        (
            timetable(json!([due("soon")])),
            "bad_time: body.milestones[0].due: time \"soon\" is not RFC 3339 with an offset, such as 2026-03-02T09:30:00Z",
        ),
    ] {
        assert_eq!(refusal(&with_body(&body)), says);
    }
    assert!(decode_json(&with_body(&reply("CSAT", 9, json!(null)))).is_ok());
}

#[test]
fn a_refusal_that_quotes_the_producer_stays_short() {
    let body = json!({"type": "repayment.made", "amount": "ü".repeat(5_000)});
    assert!(refusal(&with_body(&body)).len() < 320);
}
