//! What was told is heard, in full; anything else is refused and says why.

use super::*;

fn delta() -> Delta {
    Delta {
        event_hash: EventHash::of("e-1"),
        occurred_at: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
        cohort: CohortName::new("branch", "17 \"north\""),
        series: Series {
            instrument: Instrument::Nps,
            touchpoint: "onboarding".into(),
            score_dimension: "".into(),
        },
        from: Some(Category::Passive),
        from_day: Some(Day(20_000)),
        to: Some(Category::Promoter),
        score: Some(9),
    }
}

fn again(what: What<'_>) -> Result<What<'static>, Rejection> {
    let told = Told {
        upstream_shard: ShardId(3),
        number: 17,
        what,
    };
    let read = Told::decode(&serde_json::to_vec(&told).unwrap())?;
    assert_eq!((read.upstream_shard, read.number), (ShardId(3), 17));
    Ok(read.what)
}

#[test]
fn what_was_told_is_heard() {
    let delta = delta();
    let only_back = Delta {
        to: None,
        score: None,
        ..delta.clone()
    };
    let first = Delta {
        from: None,
        from_day: None,
        ..delta.clone()
    };
    for delta in [delta, only_back, first] {
        let what = What::Delta(Cow::Owned(delta));
        assert_eq!(again(what.clone()).unwrap(), what);
    }
    let clock = What::Clock {
        position: Offset(5),
        stream_time: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
        tick: true,
    };
    assert_eq!(again(clock.clone()).unwrap(), clock);
}

#[test]
fn a_field_of_a_later_release_is_passed_over() {
    let value = br#"{"type":"clock","upstream_shard":1,"number":2,"position":3,
        "stream_time":"2026-03-02T09:30:00Z","tick":false,"mood":"calm"}"#;
    assert!(Told::decode(value).is_ok());
}

#[test]
fn what_no_stage_tells_is_refused_and_says_why() {
    let clock = r#""type":"clock","upstream_shard":1,"number":2"#;
    let cases = [
        ("hello".to_owned(), "expected value"),
        (format!("{{{clock}}}"), "a field of the record"),
        (
            r#"{"type":"song","upstream_shard":1,"number":2}"#.to_owned(),
            "unknown variant",
        ),
        (
            r#"{"type":"delta","upstream_shard":1,"number":2,"event_hash":"zz"}"#.to_owned(),
            "a field of the record",
        ),
    ];
    for (value, why) in cases {
        let rejection = Told::decode(value.as_bytes()).unwrap_err();
        assert_eq!(rejection.reason, Reason::Unreadable);
        assert!(rejection.detail.contains(why), "{}", rejection.detail);
    }
}

#[test]
fn a_day_that_is_none_is_refused() {
    let told = Told {
        upstream_shard: ShardId(0),
        number: 1,
        what: What::Delta(Cow::Owned(delta())),
    };
    let value = serde_json::to_string(&told).unwrap();
    assert!(value.contains("2024-10-04"), "{value}");
    let wrong = value.replace("2024-10-04", "2024-10-44");
    assert!(Told::decode(wrong.as_bytes()).is_err());
}

/// A clock record in Avro, with room to damage it.
fn clock_datum() -> Vec<u8> {
    let clock = What::Clock {
        position: Offset(5),
        stream_time: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
        tick: true,
    };
    let told = Told {
        upstream_shard: ShardId(3),
        number: 17,
        what: clock,
    };
    datum(&told)
}

fn datum(told: &Told<'_>) -> Vec<u8> {
    let mut datum = Vec::new();
    told.encode_avro(&mut datum);
    datum
}

fn avro_refusal(datum: &[u8], schema: &serde_avro_fast::Schema) -> String {
    Told::decode_avro(datum, schema).unwrap_err().to_string()
}

#[test]
fn avro_that_stops_early_or_goes_on_is_unreadable() {
    let mut datum = clock_datum();
    for length in 0..datum.len() {
        let says = avro_refusal(&datum[..length], delta_schema());
        assert!(says.starts_with("unreadable: "), "{says}");
    }
    datum.push(0);
    let says = "unreadable: bytes follow the record";
    assert_eq!(avro_refusal(&datum, delta_schema()), says);
}

#[test]
fn avro_with_a_day_that_no_calendar_has_is_unreadable() {
    let delta = Delta {
        from_day: Some(Day(i32::MAX)),
        ..delta()
    };
    let told = Told {
        upstream_shard: ShardId(3),
        number: 17,
        what: What::Delta(Cow::Owned(delta)),
    };
    let says = "unreadable: a field of the record is impossible";
    assert_eq!(avro_refusal(&datum(&told), delta_schema()), says);
}

#[test]
fn a_later_release_may_say_more_in_avro_but_nothing_of_another_sort() {
    let schema = include_str!("../../../schemas/delta.avsc");
    let more = schema.replace(
        r#"{ "name": "tick","#,
        r#"{ "name": "more", "type": {"type": "array", "items": "null"} }, { "name": "tick","#,
    );
    let more: serde_avro_fast::Schema = more.parse().unwrap();
    let mut datum = clock_datum();
    datum.insert(datum.len() - 1, 0); // an empty list
    assert!(Told::decode_avro(&datum, &more).is_ok());
    // Some two billion elements that take no bytes.
    datum.splice(
        datum.len() - 2..datum.len() - 1,
        [0x80, 0xA8, 0xD6, 0xB9, 0x0F, 0],
    );
    let says = avro_refusal(&datum, &more);
    assert!(says.contains("max sequence size"), "{says}");

    let other = schema.replace(r#""name": "Clock""#, r#""name": "Sundial""#);
    let says = avro_refusal(&clock_datum(), &other.parse().unwrap());
    assert!(says.starts_with("unreadable: "), "{says}");
}
