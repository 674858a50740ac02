//! The Avro form says what the JSON form says, to a reader that knows the schema and nothing of us; the examples are what
//! the program writes.

use std::borrow::Cow;
use std::fs;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use serde_json::{Value, json};
use waymark::protocol::{Offset, ShardId, Told, What, delta_schema};
use waymark_engine::derived::{
    Alert, AlertId, Category, CohortName, Delta, Evidence, Level, Score, Series, Severity, Status,
    Verdict, alert_schema, score_schema,
};
use waymark_engine::event::{
    ApplicationId, CaseId, CustomerId, Day, EventHash, Instrument, Kind, Timestamp,
};

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn cohort() -> CohortName {
    CohortName::new("branch", "17")
}

fn series() -> Series {
    Series {
        instrument: Instrument::Nps,
        touchpoint: "onboarding".into(),
        score_dimension: "".into(),
    }
}

fn hash() -> EventHash {
    EventHash::from_hex("b3f20a9c417d5e86").unwrap()
}

pub(super) fn alert() -> Alert {
    Alert {
        alert_id: AlertId(0x8c6f_0d1b_e2a9_4f7d_0c35_a1b2_e4d5_f607_u128.to_be_bytes()),
        sequence: 2,
        kind: "application_stalled".into(),
        level: Some(Level::Breached),
        status: Status::Updated,
        severity: Severity::Warning,
        customer_id: Some(CustomerId::parse("C-1042").unwrap()),
        application_id: Some(ApplicationId::parse("L-7").unwrap()),
        case_id: None,
        cohort: None,
        occurred_at: at("2026-03-12T09:30:00Z"),
        due: Some(at("2026-03-12T09:30:00Z")),
        rule: "application-stalled".into(),
        definition_version: "2026.1".into(),
        evidence: vec![Evidence {
            kind: Kind::StageEntered,
            occurred_at: at("2026-03-02T09:30:00Z"),
            event_hash: hash(),
        }],
        details: [
            ("elapsed", "10d"),
            ("limit", "10d"),
            ("stage", "credit_review"),
        ]
        .map(|(name, text)| (name.into(), text.into()))
        .into(),
    }
}

fn score() -> Score {
    Score {
        cohort: cohort(),
        series: series(),
        from: day("2026-01-01"),
        to: day("2026-03-31"),
        replies: 40,
        promoters: 20,
        passives: 10,
        detractors: 10,
        nps: Some(25.0),
        low: Some(-1.364_224_154_3),
        high: Some(47.875_852_061_3),
        verdict: Verdict::TooFewReplies,
        definition_version: "2026.1".into(),
    }
}

fn delta() -> Delta {
    Delta {
        event_hash: hash(),
        occurred_at: at("2026-03-02T09:30:00Z"),
        cohort: cohort(),
        series: series(),
        from: Some(Category::Passive),
        from_day: Some(day("2026-01-20")),
        to: Some(Category::Promoter),
        score: Some(9),
    }
}

fn told(number: u64, what: What<'static>) -> Told<'static> {
    Told {
        upstream_shard: ShardId(3),
        number,
        what,
    }
}

fn clock() -> What<'static> {
    What::Clock {
        position: Offset(50_120),
        stream_time: at("2026-03-02T09:30:00Z"),
        tick: false,
    }
}

#[test]
fn the_examples_are_what_the_program_writes() {
    let delta = told(17, What::Delta(Cow::Owned(delta())));
    for (name, written) in [
        ("alert", json!(alert())),
        ("score", json!(score())),
        ("delta", json!(delta)),
        ("clock", json!(told(18, clock()))),
    ] {
        let example = shipped(&format!("examples/{name}.json"));
        let example: Value = serde_json::from_str(&example).unwrap();
        assert_eq!(example, written, "{name}");
    }
}

fn datum(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut datum = Vec::new();
    write(&mut datum);
    datum
}

#[test]
fn an_alert_says_the_same_in_avro_and_in_json() {
    let schema = Schema::parse_str(alert_schema().json()).unwrap();
    let of_a_cohort = Alert {
        level: None,
        customer_id: None,
        application_id: None,
        case_id: Some(CaseId::parse("Q-1").unwrap()),
        cohort: Some(cohort()),
        due: None,
        evidence: vec![],
        details: [].into(),
        ..alert()
    };
    for alert in [alert(), of_a_cohort] {
        assert_eq!(
            said(&schema, &datum(|to| alert.encode_avro(to))),
            json!(alert)
        );
    }
}

#[test]
fn every_word_of_an_alert_has_its_symbol() {
    use {Level as L, Severity as V, Status as S};
    let schema = Schema::parse_str(alert_schema().json()).unwrap();
    let statuses = [
        S::Raised,
        S::Updated,
        S::Held,
        S::Resolved,
        S::Expired,
        S::Corrected,
    ];
    let levels = [L::Slow, L::AtRisk, L::Breached, L::Abandoned];
    let severities = [V::Info, V::Warning, V::Critical];
    let with = statuses.map(|status| Alert { status, ..alert() });
    let with = with.into_iter().chain(levels.map(|level| Alert {
        level: Some(level),
        ..alert()
    }));
    let with = with.chain(severities.map(|severity| Alert {
        severity,
        ..alert()
    }));
    for alert in with {
        assert_eq!(
            said(&schema, &datum(|to| alert.encode_avro(to))),
            json!(alert)
        );
    }
}

#[test]
fn a_score_says_the_same_in_avro_and_in_json() {
    let schema = Schema::parse_str(score_schema().json()).unwrap();
    let empty = Score {
        replies: 0,
        nps: None,
        low: None,
        high: None,
        verdict: Verdict::Firm,
        ..score()
    };
    let of_others = [Instrument::Csat, Instrument::Ces].map(|instrument| Score {
        series: Series {
            instrument,
            ..series()
        },
        ..score()
    });
    for score in [score(), empty].into_iter().chain(of_others) {
        assert_eq!(
            said(&schema, &datum(|to| score.encode_avro(to))),
            json!(score)
        );
    }
}

#[test]
fn what_is_told_says_the_same_in_avro_and_in_json_and_is_heard_in_both() {
    let schema = Schema::parse_str(delta_schema().json()).unwrap();
    let only_back = Delta {
        from: Some(Category::Detractor),
        to: None,
        score: None,
        ..delta()
    };
    let first = Delta {
        from: None,
        from_day: None,
        ..delta()
    };
    let deltas = [delta(), only_back, first].map(|delta| What::Delta(Cow::Owned(delta)));
    for what in deltas.into_iter().chain([clock()]) {
        let told = told(17, what);
        let datum = datum(|to| told.encode_avro(to));
        let mut said = said(&schema, &datum);
        // JSON leaves them out.
        said.as_object_mut().unwrap().retain(|_, it| !it.is_null());
        assert_eq!(said, json!(told));
        assert_eq!(Told::decode_avro(&datum, delta_schema()), Ok(told.clone()));
        let json = serde_json::to_vec(&told).unwrap();
        assert_eq!(Told::decode(&json), Ok(told));
    }
}

#[test]
fn every_record_enum_and_field_is_documented() {
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
    for (name, schema) in [
        ("alert", alert_schema()),
        ("score", score_schema()),
        ("delta", delta_schema()),
    ] {
        let shipped: Value = serde_json::from_str(&shipped(&format!("{name}.avsc"))).unwrap();
        let in_force: Value = serde_json::from_str(schema.json()).unwrap();
        assert_eq!(shipped, in_force, "{name}: a registry is told all of it");
        let mut undocumented = Vec::new();
        walk(&shipped, &mut undocumented);
        assert_eq!(undocumented, Vec::<String>::new(), "{name}");
    }
}

/// Returns the text of a file in `schemas/`.
fn shipped(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas");
    fs::read_to_string(format!("{folder}/{file}")).expect(file)
}

/// Reads a datum as any Avro client does, and says it in the words of the JSON form.
fn said(schema: &Schema, mut datum: &[u8]) -> Value {
    let reader = GenericDatumReader::builder(schema).build().unwrap();
    let value = reader.read_value(&mut datum).unwrap();
    assert!(datum.is_empty(), "bytes are left");
    match (schema, value) {
        // JSON names the branch of the outermost union in a field.
        (Schema::Union(union), Avro::Union(branch, record)) => {
            let branch = &union.variants()[branch as usize];
            let mut record = in_words(*record);
            record["type"] = json!(branch.name().unwrap().name().to_lowercase());
            record
        }
        (_, value) => in_words(value),
    }
}

fn in_words(value: Avro) -> Value {
    match value {
        Avro::Null => Value::Null,
        Avro::Boolean(value) => json!(value),
        Avro::Int(number) => json!(number),
        Avro::Long(number) => json!(number),
        Avro::Double(number) => json!(number),
        Avro::String(text) | Avro::Enum(_, text) => json!(text),
        Avro::TimestampMillis(millis) => json!(Timestamp::from_millis(millis).unwrap()),
        Avro::Date(day) => json!(Day(day)),
        Avro::Union(_, value) => in_words(*value),
        Avro::Array(items) => items.into_iter().map(in_words).collect(),
        Avro::Map(entries) => entries.into_iter().map(|(k, v)| (k, in_words(v))).collect(),
        Avro::Record(fields) => fields.into_iter().map(|(k, v)| (k, in_words(v))).collect(),
        other => panic!("no schema of ours has {other:?}"),
    }
}
