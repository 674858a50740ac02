use super::*;

fn delta() -> Delta {
    Delta {
        event_hash: EventHash::of("e-1"),
        occurred_at: Timestamp::parse("2026-03-02T09:30:00Z").unwrap(),
        cohort: CohortName {
            dimension: "branch".into(),
            value: "17 \"north\"".into(),
        },
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
    let read = Told::decode(Some(&serde_json::to_vec(&told).unwrap()))?;
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
    assert!(Told::decode(Some(value)).is_ok());
}

#[test]
fn what_no_stage_tells_is_refused_and_says_why() {
    let clock = r#""type":"clock","upstream_shard":1,"number":2"#;
    let cases = [
        (None, "no value"),
        (Some("hello".to_owned()), "expected value"),
        (Some(format!("{{{clock}}}")), "a field of the record"),
        (
            Some(r#"{"type":"song","upstream_shard":1,"number":2}"#.to_owned()),
            "unknown variant",
        ),
        (
            Some(r#"{"type":"delta","upstream_shard":1,"number":2,"event_hash":"zz"}"#.to_owned()),
            "a field of the record",
        ),
    ];
    for (value, why) in cases {
        let rejection = Told::decode(value.as_deref().map(str::as_bytes)).unwrap_err();
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
    assert!(Told::decode(Some(wrong.as_bytes())).is_err());
}
