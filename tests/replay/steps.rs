//! How many records a step takes is nobody's business: the bytes are the same.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use waymark::pipeline::Replay;
use waymark::publish::FileOutputs;
use waymark::simulate::{Options, Simulation};
use waymark::source::{self, Input, Record};
use waymark_engine::definition::Definition;
use waymark_engine::event::Timestamp;
use waymark_engine::rules::Rules;

use crate::nervous::nervous_default;
use crate::support::FILES;

#[test]
fn steps_of_any_size_give_the_same_bytes() {
    let records = disorderly_records();
    assert!(records.len() > 5_000);
    let all_at_once = replay(&records, records.len());
    assert_it_was_worth_trying(&all_at_once);
    for step in [1, 7, 1_000] {
        for (file, bytes) in replay(&records, step) {
            assert!(bytes == all_at_once[file], "{file}, with steps of {step}");
        }
    }
}

/// Everything that depends on order has happened: corrections, late and repeated records, scores, shifts.
fn assert_it_was_worth_trying(outputs: &BTreeMap<&str, String>) {
    for happened in [
        r#""status":"corrected""#,
        r#""status":"expired""#,
        r#""status":"updated""#,
        r#""kind":"promoter_turned_detractor""#,
        r#""kind":"nps_shift""#,
    ] {
        assert!(outputs["alerts.jsonl"].contains(happened), "no {happened}");
    }
    assert!(outputs["scores.jsonl"].lines().count() > 1_000);
    let summary: serde_json::Value = serde_json::from_str(&outputs["summary.json"]).unwrap();
    for outcome in ["duplicate", "late", "ignored", "dead_lettered"] {
        assert!(summary["books"][outcome].as_u64() > Some(0), "no {outcome}");
    }
}

fn disorderly_records() -> Vec<Record> {
    let share = |text: &str| text.parse().unwrap();
    let simulation = Simulation::new(&Options {
        seed: 7,
        customers: 150,
        events: 5_000,
        start: Timestamp::parse("2026-01-05T00:00:00Z").unwrap(),
        disorder: Duration::from_hours(2),
        duplicates: share("0.01"),
        bad: share("0.01"),
    });
    let lines: Vec<String> = simulation.map(|arrival| arrival.json()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    let source = source::open(vec![Input::parse(path)], None).unwrap();
    source.map(Result::unwrap).collect()
}

/// Replays records in steps of a size and returns what was written, by file.
fn replay(records: &[Record], step: usize) -> BTreeMap<&'static str, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut outputs = FileOutputs::create(folder.path()).unwrap();
    let not_after = Timestamp::parse("2026-12-31T00:00:00Z").unwrap();
    let (definition, _) = Definition::parse(&nervous_default()).unwrap();
    let mut replay = Replay::new(Rules::new(definition), not_after);
    for records in records.chunks(step) {
        replay.step(records, &mut outputs).unwrap();
    }
    let summary = replay.finish(None, &mut outputs).unwrap();
    outputs.finish(&summary).unwrap();
    let read = |file| (file, fs::read_to_string(folder.path().join(file)).unwrap());
    FILES.map(read).into()
}
