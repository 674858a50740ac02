//! The demo as somebody runs it who has nothing installed: it ends by itself, its numbers agree with each other and with a
//! replay of the same story, and mistakes are told as everywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const DEFINITION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/engine/src/definition/default.yaml"
);
/// Partitions of `events` in the demo, each closed by a heartbeat.
const HEARTBEATS: u64 = 12;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
    command
        .args(arguments)
        // What somebody has set for a deployment of their own must not matter.
        .env("WAYMARK_DEPLOYMENT", "another")
        .env("WAYMARK_KAFKA__BOOTSTRAP__SERVERS", "localhost:1");
    command
}

fn waymark(arguments: &[&str]) -> Output {
    let output = command(arguments).output();
    output.expect("the binary was just built")
}

fn done(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = waymark(arguments);
    let said = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{arguments:?}: {status}: {said}");
    String::from_utf8(stdout).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.map(Result::unwrap).collect()
}

/// Alerts by id and sequence. The mock shows those of an aborted step too, so one may be told twice, and the same.
fn alerts(lines: impl IntoIterator<Item = Value>) -> BTreeMap<(String, u64), Value> {
    let mut alerts: BTreeMap<(String, u64), Value> = BTreeMap::new();
    for alert in lines {
        let id = alert["alert_id"].as_str().unwrap().to_owned();
        let key = (id, alert["sequence"].as_u64().unwrap());
        let known = alerts.entry(key).or_insert_with(|| alert.clone());
        assert_eq!(*known, alert, "told twice, and differently");
    }
    alerts
}

fn count(counts: &Value, name: &str) -> u64 {
    counts[name].as_u64().unwrap()
}

#[test]
fn a_log_leads_to_the_alerts_and_scores_that_its_replay_leads_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, out) = (path("log.jsonl"), path("out"));
    done(&[
        "simulate",
        "--seed",
        "5",
        "--customers",
        "150",
        "--events",
        "3000",
        "--duplicates",
        "0.01",
        "--bad",
        "0.005",
        "--out",
        &log,
    ]);
    done(&["replay", "--definition", DEFINITION, "--out", &out, &log]);
    let shown = done(&[
        "demo",
        "--definition",
        DEFINITION,
        "--input",
        &log,
        "--speed",
        "20d",
        "--http",
        "127.0.0.1:0",
        "-o",
        "json",
    ]);

    let read = |name: &str| std::fs::read_to_string(Path::new(&out).join(name)).unwrap();
    let mut shown = lines(&shown);
    let summary = shown.pop().unwrap()["summary"].take();
    let replayed = alerts(lines(&read("alerts.jsonl")));
    assert!(replayed.len() > 50, "a story worth telling");
    assert_eq!(alerts(shown), replayed);

    let whole: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let (books, expected) = (&summary["books"], &whole["books"]);
    for outcome in ["received", "applied"] {
        let of_log = count(books, outcome) - HEARTBEATS;
        assert_eq!(of_log, count(expected, outcome), "{outcome}");
    }
    for outcome in ["duplicate", "late", "ignored", "dead_lettered"] {
        assert_eq!(books[outcome], expected[outcome], "{outcome}");
    }
    assert_eq!(summary["sent"], books["received"]);
    assert_eq!(summary["customers"], whole["states"]["customers"]);
    let mut last = BTreeMap::new();
    for score in lines(&read("scores.jsonl")) {
        let parts = ["cohort", "instrument", "touchpoint", "score_dimension"];
        last.insert(parts.map(|part| score[part].to_string()), score);
    }
    assert!(!last.is_empty());
    let scores = summary["scores"].as_array().unwrap();
    assert_eq!(scores.len(), last.len());
    for score in scores {
        assert!(last.values().any(|it| it == score), "{score}");
    }
}

#[test]
fn an_invented_story_ends_by_itself_with_numbers_that_agree() {
    let shown = done(&[
        "demo",
        "--customers",
        "100",
        "--for",
        "4s",
        "--speed",
        "10d",
        "--http",
        "127.0.0.1:0",
    ]);
    assert!(!shown.contains('\u{1b}'), "no colours in a pipe");
    let (before, after) = shown.split_once("\nFrom 2026-01-05T00:00:00.000Z").unwrap();
    let told = |status: &str| {
        let said = |line: &&str| {
            let (head, _) = line.split_once("  ").unwrap_or_default();
            head.ends_with(status)
        };
        before.lines().filter(said).count()
    };
    assert!(told("raised") > 5, "{before}");
    let row = |line: &str| -> Option<[usize; 5]> {
        let numbers = line.split_whitespace().skip(1);
        let numbers: Result<Vec<usize>, _> = numbers.map(str::parse).collect();
        let numbers = numbers.ok().filter(|it| it.len() == 6)?;
        numbers[..5].try_into().ok()
    };
    let rows: Vec<_> = after.lines().filter_map(row).collect();
    let statuses = ["raised", "updated", "resolved", "expired", "corrected"];
    for (place, status) in statuses.into_iter().enumerate() {
        let sum: usize = rows.iter().map(|row| row[place]).sum();
        assert_eq!(sum, told(status), "{status}: {after}");
    }
    assert!(after.starts_with(" to 2026-02-14T00:00:00.000Z"), "{after}");
    assert!(after.contains("12 of them are heartbeats"), "{after}");
    assert!(!after.contains("not waited for"), "{after}");
}

#[test]
fn mistakes_have_the_codes_that_they_have_in_other_commands() {
    let code = |arguments: &[&str]| waymark(arguments).status.code();
    assert_eq!(code(&["demo", "--input", "no-such-file.jsonl"]), Some(66));
    assert_eq!(code(&["demo", "--definition", "no-such.yaml"]), Some(78));
    assert_eq!(code(&["demo", "--speed", "fast"]), Some(64));
}

#[test]
fn a_log_that_is_damaged_behind_its_first_event_ends_as_its_replay_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let log = path("cut.jsonl");
    done(&[
        "simulate",
        "--customers",
        "10",
        "--events",
        "50",
        "--out",
        &log,
    ]);
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, &whole[..whole.len() - 20]).unwrap();
    let replayed = waymark(&["replay", "--out", &path("out"), &log]);
    assert_eq!(replayed.status.code(), Some(65));
    let http = ["--http", "127.0.0.1:0"];
    let shown = waymark(&[&["demo", "--speed", "1000d", "--input", &log], &http[..]].concat());
    assert_eq!(shown.status.code(), Some(65));
    let (said, expected) = (shown.stderr, "cut.jsonl:50: the file ends too early");
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains(expected), "{said}");
}

#[test]
fn a_log_is_broken_off_when_its_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.jsonl").to_str().unwrap().to_owned();
    done(&[
        "simulate",
        "--customers",
        "50",
        "--events",
        "500",
        "--out",
        &log,
    ]);
    let shown = done(&[
        "demo",
        "--input",
        &log,
        "--speed",
        "1d",
        "--for",
        "2s",
        "--http",
        "127.0.0.1:0",
        "-o",
        "json",
    ]);
    let summary = lines(&shown).pop().unwrap()["summary"].take();
    assert!(count(&summary, "sent") < 500, "{summary}");
    assert_eq!(summary["heartbeats"], HEARTBEATS);
    assert_eq!(summary["sent"], summary["books"]["received"]);
}

#[cfg(feature = "failpoints")]
#[test]
fn a_demo_whose_workers_stand_still_ends_and_says_so() {
    let http = ["--http", "127.0.0.1:0"];
    let told = ["demo", "--customers", "300", "--for", "5s", "--speed", "5d"];
    let mut demo = command(&[&told[..], &http].concat());
    let shown = demo.env("FAILPOINTS", "step.5=30*off->pause").output();
    let Output { status, stderr, .. } = shown.unwrap();
    let said = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("waymark: nothing has moved for 20s while "),
        "{said}"
    );
}
