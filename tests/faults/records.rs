//! Input of every bad kind: set aside with its bytes, key and headers, and why; and the books balance to the last record.
//! Also a record over which a mistake of ours crashes, and clocks of others that run ahead.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::Message as _;
use rdkafka::message::{Header, Headers as _, OwnedHeaders, OwnedMessage};
use waymark_engine::event::Timestamp;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::{Plain, header};
use crate::deployment::{Deployment, LONG, SHARDS, Start, Worker};
use crate::raw;

const NOT_UTF8: &[u8] = &[0xff, 0xfe, 0x80];
const MIB: usize = 1 << 20;

/// A record, and why it must be set aside; `None` where it need not be.
struct Case {
    name: &'static str,
    value: Option<Vec<u8>>,
    reason: Option<&'static str>,
}

#[test]
fn bad_records_are_set_aside_with_all_they_had_and_the_books_balance() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create_large(&servers, "bad-records", &kafka.bootstrap());
    deployment.feed(1_000, 100, 111);
    let (client, events) = (deployment.client(), deployment.topic("events"));
    let records: Vec<_> = cases().iter().map(|case| case.record(0)).collect();
    client.send(&events, &records);
    // The same event in every partition: its customer belongs to one of them.
    let everywhere: Vec<_> = (0..SHARDS)
        .map(|partition| stray().record(partition))
        .collect();
    client.send(&events, &everywhere);

    let mut worker = deployment.start(0);
    deployment.caught_up();
    worker.runs();
    let dead = client.read(&deployment.topic("dead-letter"));
    let reasons = |case: &Case| -> Vec<_> {
        let found = dead.iter().filter(|it| is_about(it, case.name));
        found.map(|it| header(it, "waymark-reason")).collect()
    };
    let (mut why, mut expected) = (Vec::new(), Vec::new());
    for case in cases().iter().filter(|case| case.reason.is_some()) {
        why.push((case.name, reasons(case)));
        expected.push((case.name, vec![case.reason.map(str::to_owned)]));
    }
    assert_eq!(why, expected);
    for (case, sent) in cases().iter().zip(&records) {
        if let Some(found) = dead.iter().find(|it| is_about(it, case.name)) {
            is_whole(found, sent, case.name);
        }
    }
    let wrong_shard = Some("wrong_shard".to_owned());
    assert_eq!(reasons(&stray()), [wrong_shard.clone(), wrong_shard]);
    books_balance(&worker, client.ends(&events).iter().sum(), dead.len());
    deployment.settle(vec![worker]);
}

#[test]
fn a_header_whose_name_is_no_text_is_kept_and_harms_nobody() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "strange-headers", &kafka.bootstrap());
    deployment.feed(1_000, 100, 141);
    let (client, events) = (deployment.client(), deployment.topic("events"));
    let headers = [
        (NOT_UTF8, &b"x"[..]),
        (b"case", b"strange"),
        (b"\xff", b"y"),
    ];
    let everywhere: Vec<_> = (0..SHARDS).map(|it| stray().record(it)).collect();
    for record in &everywhere {
        raw::produce(&kafka.bootstrap(), &events, record, &headers);
    }

    let mut worker = deployment.start(0);
    deployment.caught_up();
    worker.runs();
    let dead = client.read(&deployment.topic("dead-letter"));
    let strange = |it: &&OwnedMessage| it.key() == Some(NOT_UTF8);
    let strange: Vec<_> = dead.iter().filter(strange).collect();
    assert_eq!(strange.len(), 2, "the third is at home");
    for record in strange {
        let headers = record.headers().unwrap();
        for illegible in [0, 2] {
            let read = catch_unwind(AssertUnwindSafe(|| headers.get(illegible)));
            assert!(read.is_err(), "it is still there, and its name no text");
        }
        let (before, ours) = (headers.get(1), headers.get(3));
        assert_eq!((before.key, before.value), ("case", Some(&b"strange"[..])));
        assert_eq!(ours.key, "__connect.errors.topic");
    }
    books_balance(&worker, client.ends(&events).iter().sum(), dead.len());
    let log = worker.process.stderr();
    assert!(!log.contains("panicked"), "{log}");
    deployment.settle(vec![worker]);
}

#[test]
fn of_a_record_too_large_to_be_set_aside_as_much_stays_as_fits() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "large-headers", &kafka.bootstrap());
    deployment.feed(1_000, 100, 151);
    let (client, events) = (deployment.client(), deployment.topic("events"));
    let (large, hidden) = ("x".repeat(MIB + MIB / 5), "x\0".repeat(MIB));
    let garbage = |key: &str, headers| Plain {
        partition: 0,
        key: Some(key.as_bytes().to_vec()),
        value: Some(b"garbage".to_vec()),
        headers: Some(headers),
    };
    let measured = OwnedHeaders::new().insert(Header {
        key: "large",
        value: Some(&large),
    });
    // The client tells a name up to its first zero only, so nobody knows how long this one is.
    let unmeasured = OwnedHeaders::new().insert(Header {
        key: &hidden,
        value: Some("x"),
    });
    let records = [
        garbage("measured", measured),
        garbage("unmeasured", unmeasured),
    ];
    client.send_compressed(&events, &records[..1]);
    // Compressed, all of it would fit: only what does not compress is too large then.
    let mut worker = deployment.start_as(Start {
        settings: &["kafka.producer.compression.type=none"],
        ..Start::default()
    });
    deployment.caught_up();
    worker.runs();
    let recycled = || worker.metric("waymark_recycles_total", "cause=\"produce\"") > 0.0;
    assert!(!recycled(), "what does not fit is not tried");
    client.send_compressed(&events, &records[1..]);
    deployment.caught_up();
    assert!(recycled(), "what can't be measured is");
    worker.runs();

    let dead = client.read(&deployment.topic("dead-letter"));
    let ends = client.ends(&events)[0];
    let about = |offset: i64| {
        let of = |it: &&OwnedMessage| {
            let is = |name, value: &str| header_is(it, name, value);
            is("__connect.errors.partition", "0")
                && is("__connect.errors.offset", &offset.to_string())
        };
        dead.iter().find(of).unwrap()
    };
    let (measured, unmeasured) = (about(ends - 2), about(ends - 1));
    assert_eq!(measured.key(), Some(&b"measured"[..]));
    assert_eq!(unmeasured.key(), None, "nothing is kept but its place");
    for record in [measured, unmeasured] {
        assert_eq!(record.payload(), None);
        let headers = record.headers().unwrap();
        assert_eq!(headers.get(0).key, "__connect.errors.topic");
        assert!(header_is(record, "waymark-reason", "unreadable"));
    }
    deployment.settle(vec![worker]);
}

#[cfg(feature = "failpoints")]
#[test]
fn a_record_that_makes_deciding_crash_is_set_aside_and_the_others_go_on() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "poison", &kafka.bootstrap());
    deployment.feed(1_000, 100, 121);
    let (client, events) = (deployment.client(), deployment.topic("events"));
    let everywhere: Vec<_> = (0..SHARDS)
        .map(|partition| stray().record(partition))
        .collect();
    client.send(&events, &everywhere);
    deployment.feed(1_000, 100, 122);

    let worker = deployment.start_as(Start {
        failpoints: "customer=return(BAD-5)",
        ..Start::default()
    });
    deployment.caught_up();
    let dead = client.read(&deployment.topic("dead-letter"));
    let stray: Vec<_> = dead.iter().filter(|it| is_about(it, "stray")).collect();
    let why = |it: &OwnedMessage| header(it, "waymark-reason").unwrap();
    let mut reasons: Vec<_> = stray.iter().map(|it| why(it)).collect();
    reasons.sort();
    assert_eq!(reasons, ["poison", "wrong_shard", "wrong_shard"]);
    let poison = stray.iter().find(|it| why(it) == "poison").unwrap();
    let sent = everywhere
        .iter()
        .find(|it| it.partition == poison.partition());
    is_whole(poison, sent.unwrap(), "stray");
    books_balance(&worker, client.ends(&events).iter().sum(), dead.len());
    deployment.settle(vec![worker]);
}

#[test]
fn an_event_ahead_of_time_moves_the_clock_by_the_skew_that_is_allowed_at_most() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "clocks", &kafka.bootstrap());
    deployment.feed(1_000, 100, 131);
    let mut worker = deployment.start(0);
    deployment.caught_up();
    let ahead = |name, minutes: i64| Case {
        name,
        value: Some(event(name, &minutes_from_now(minutes).to_string())),
        reason: None,
    };
    let (client, cases) = (
        deployment.client(),
        [ahead("a little", 4), ahead("an hour", 60)],
    );
    let records = |case: &Case| (0..SHARDS).map(|it| case.record(it)).collect::<Vec<_>>();
    client.send(
        &deployment.topic("events"),
        &cases.each_ref().map(records).concat(),
    );
    deployment.caught_up();
    worker.runs();
    let dead = client.read(&deployment.topic("dead-letter"));
    let reasons = |case: &Case| {
        let about = dead.iter().filter(|it| is_about(it, case.name));
        let mut reasons: Vec<_> = about
            .filter_map(|it| header(it, "waymark-reason"))
            .collect();
        reasons.sort();
        reasons
    };
    assert_eq!(
        reasons(&cases[0]),
        ["wrong_shard"; 2],
        "the third is at home"
    );
    assert_eq!(
        reasons(&cases[1]),
        ["time_ahead", "wrong_shard", "wrong_shard"]
    );
    // The clock of the shard at home, looked at every few seconds: it follows the first, and not the second.
    let stream_time = || {
        let of =
            |shard| worker.metric("waymark_stream_time_seconds", &format!("shard=\"{shard}\""));
        (0..SHARDS).map(of).fold(0.0, f64::max)
    };
    let ahead = |minutes| minutes_from_now(minutes).as_millis() as f64 / 1_000.0;
    let moved = until(LONG, || Some(stream_time()).filter(|at| *at > ahead(1)));
    let moved = moved.expect("the first is in time");
    assert!(moved < ahead(5), "{moved}");
    deployment.settle(vec![worker]);
}

pub(crate) fn minutes_from_now(minutes: i64) -> Timestamp {
    #[expect(
        clippy::disallowed_methods,
        reason = "brokers stamp records with the real time"
    )]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_millis()).unwrap();
    Timestamp::from_millis(now + minutes * 60_000).unwrap()
}

fn cases() -> Vec<Case> {
    let case = |name, value: &[u8], reason| Case {
        name,
        value: Some(value.to_vec()),
        reason,
    };
    let unreadable = Some("unreadable");
    let mut nested = b"[".repeat(100_000);
    nested.extend(b"]".repeat(100_000));
    vec![
        Case {
            name: "tombstone",
            value: None,
            reason: unreadable,
        },
        case("empty", b"", unreadable),
        case("garbage", NOT_UTF8, unreadable),
        case("text", b"hello", unreadable),
        case("an array", b"[1, 2]", unreadable),
        case("deep", &nested, unreadable),
        case("half an object", &event("half", NOW)[..40], unreadable),
        case("no customer", br#"{"event_id": "x"}"#, Some("invalid")),
        case(
            "unknown avro",
            b"\xc3\x01abcdefgh\x02\x02",
            Some("unknown_schema"),
        ),
        case(
            "registry framing",
            b"\x00\x00\x00\x00\x07\x02\x02",
            unreadable,
        ),
        case("1970", &event("1970", "1970-01-01T00:00:00Z"), None),
        case(
            "1969",
            &event("1969", "1969-12-31T23:59:59Z"),
            Some("bad_time"),
        ),
        case(
            "9999",
            &event("9999", "9999-06-30T00:00:00Z"),
            Some("time_ahead"),
        ),
        case(
            "the last day",
            &event("last", "9999-12-31T23:59:59Z"),
            Some("bad_time"),
        ),
        case("1 MiB", &vec![b'x'; MIB + 1], None),
        case("10 MB", &vec![b'x'; 10_000_000], Some("too_large")),
    ]
}

/// An event that is good in one partition only.
fn stray() -> Case {
    Case {
        name: "stray",
        value: Some(event("stray", NOW)),
        reason: None,
    }
}

const NOW: &str = "2026-03-02T09:30:00+01:00";

fn event(id: &str, at: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"event_id": "bad-{id}", "customer_id": "BAD-5", "occurred_at": "{at}", "source": "web",
            "body": {{"type": "digital.logged_in"}}}}"#
    );
    text.into_bytes()
}

impl Case {
    /// With a key that is no text and headers that no tool would write.
    fn record(&self, partition: i32) -> Plain {
        let header = |key, value| Header { key, value };
        let headers = OwnedHeaders::new()
            .insert(header("case", Some(self.name.as_bytes())))
            .insert(header("not-utf8", Some(NOT_UTF8)))
            .insert(header("null", None))
            .insert(header("case", Some(b"twice")));
        Plain {
            partition,
            key: (self.name != "tombstone").then(|| NOT_UTF8.to_vec()),
            value: self.value.clone(),
            headers: Some(headers),
        }
    }
}

fn is_about(dead: &OwnedMessage, case: &str) -> bool {
    header_is(dead, "case", case)
}

fn header_is(record: &OwnedMessage, name: &str, value: &str) -> bool {
    header(record, name).is_some_and(|it| it == value)
}

fn is_whole(dead: &OwnedMessage, sent: &Plain, case: &str) {
    assert_eq!(
        header(dead, "__connect.errors.partition").as_deref(),
        Some("0"),
        "{case}"
    );
    assert!(header(dead, "__connect.errors.offset").is_some(), "{case}");
    assert_eq!(dead.key(), sent.key.as_deref(), "{case}");
    let before = sent.headers.as_ref().unwrap();
    let after = dead.headers().unwrap();
    for place in 0..before.count() {
        assert_eq!(before.get(place), after.get(place), "{case}");
    }
    assert_eq!(dead.payload(), sent.value.as_deref(), "{case}");
}

fn books_balance(worker: &Worker, sent: i64, dead: usize) {
    let is = |name, labels, number: f64| {
        let found = worker.metric(name, labels);
        assert!(
            (found - number).abs() < 0.5,
            "{name} {labels}: {found}, not {number}"
        );
    };
    let (sent, dead) = (sent as f64, dead as f64);
    is("waymark_records_received_total", "", sent);
    is("waymark_records_total", "", sent);
    is("waymark_records_total", "dead_lettered", dead);
    is("waymark_dead_letters_total", "", dead);
}
