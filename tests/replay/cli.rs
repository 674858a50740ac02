//! `waymark replay` as a user meets it when all is well: the shipped example, files, pipes, a clock that ends early, and
//! a disorderly history.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{Books, FILES, Run, example, replay, run, text, word};

#[test]
fn the_lending_example_needs_nothing_else() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut command = waymark();
    command.current_dir(nowhere.path()).env_clear();
    let run = run(command, &["--example", "lending"]);
    let books = Books {
        received: 549,
        applied: 537,
        duplicate: 4,
        late: 3,
        ignored: 0,
        dead_lettered: 5,
    };
    assert_eq!(run.books(), books);
    let summary = run.summary();
    assert_eq!(
        summary["books"]["dead_letters"],
        json!({"unreadable": 1, "invalid": 2, "time_ahead": 2})
    );
    assert_eq!(summary["applications"]["known"], 19);
    assert_eq!(summary["applications"]["undecided"], 3);
    assert_eq!(
        summary["alerts"],
        json!({
            "application_quiet": {"raised": 5, "resolved": 4},
            "application_stalled": {"raised": 20, "updated": 7, "resolved": 17, "expired": 2},
            "enquiry_unanswered": {"raised": 7, "resolved": 3, "corrected": 2},
            "promoter_turned_detractor": {"raised": 1},
        })
    );
    let everybody = &summary["nps"][0]["score"];
    assert_eq!(
        everybody["cohort"],
        json!({"dimension": "all", "value": "all"})
    );
    assert_eq!(
        (&everybody["replies"], &everybody["verdict"]),
        (&json!(23), &json!("too_few_replies"))
    );
}

#[test]
fn the_summary_tells_people_what_the_file_tells_programs() {
    let text = replay(&["--example", "lending"]).stdout;
    for told in [
        "enterprise-lending 2026.1",
        "549 records = 537 applied + 4 duplicate + 3 late + 0 ignored + 5 dead letters",
        "19 applications: 11 application.approved",
        "application_stalled            20        7        17        2          0     1",
        "all (lending)                           23   +17.4  -17.4 to +48.1  too few replies",
        "2026-04-01 to 2026-06-30 against 2026-01-01 to 2026-03-31",
    ] {
        assert!(text.contains(told), "{told:?} is not in\n{text}");
    }
    let json = replay(&["--example", "lending", "-o", "json"]);
    assert_eq!(json.stdout, json.bytes("summary.json"));
}

#[test]
fn nothing_is_said_in_colour_and_no_progress_is_shown_when_piped() {
    let run = replay(&["--example", "lending"]);
    assert!(!run.stdout.contains('\u{1b}'), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = waymark()
        .args(["replay", "--example", "lending", "--out"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(output.stderr), "");
    assert!(folder.path().join("summary.json").exists());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let [first, again] = [0, 1].map(|_| replay(&["--example", "lending"]));
    for file in FILES {
        assert_eq!(first.bytes(file), again.bytes(file), "{file}");
    }
}

#[test]
fn an_input_may_be_named_with_its_flag_or_without() {
    let events = example("lending", "events.jsonl");
    let with = replay(&["--input", word(&events)]);
    let without = replay(&[word(&events)]);
    for file in FILES {
        assert_eq!(with.bytes(file), without.bytes(file), "{file}");
    }
    assert_same(&with, &replay(&["--example", "lending"]));
}

#[test]
fn packed_and_piped_events_are_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    let events = fs::read(example("lending", "events.jsonl")).unwrap();
    let packed = folder.path().join("events.jsonl.zst");
    fs::write(&packed, zstd::encode_all(&events[..], 0).unwrap()).unwrap();
    let plain = replay(&["--example", "lending"]);
    assert_same(&replay(&[word(&packed)]), &plain);
    for file in [packed, example("lending", "events.jsonl")] {
        let mut command = waymark();
        command.stdin(fs::File::open(file).unwrap());
        let piped = run(command, &["-"]);
        assert_same(&piped, &plain);
        let letter = &piped.lines("dead-letter.jsonl")[0];
        assert_eq!(letter["source"]["file"], "standard input");
    }
}

#[test]
fn inputs_follow_one_another_as_if_they_were_one() {
    let folder = tempfile::tempdir().unwrap();
    let events = fs::read_to_string(example("lending", "events.jsonl")).unwrap();
    let lines: Vec<&str> = events.split_inclusive('\n').collect();
    let mut arguments = Vec::new();
    for (number, part) in lines.chunks(200).enumerate() {
        let path = folder.path().join(format!("{number}.jsonl"));
        fs::write(&path, part.concat()).unwrap();
        arguments.push(word(&path).to_owned());
    }
    assert_eq!(arguments.len(), 3);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let whole = replay(&["--example", "lending"]);
    assert_same(&replay(&words), &whole);
    let other_order = [words[1], words[0], words[2]];
    assert_ne!(
        replay(&other_order).books(),
        whole.books(),
        "the order given is the order read"
    );
}

#[test]
fn the_clock_ends_where_it_is_told_to() {
    const END: &str = "2026-02-15T12:00:00.000Z";
    let run = replay(&["--example", "lending", "--until", END]);
    assert_eq!(run.summary()["clock"]["stream_time"], END);
    run.books();
    let letters = run.lines("dead-letter.jsonl");
    let (ahead, wrong): (Vec<_>, Vec<_>) =
        letters.iter().partition(|it| it["reason"] == "time_ahead");
    assert_eq!(wrong.len(), 3, "one unreadable, two invalid");

    let events = fs::read_to_string(example("lending", "events.jsonl")).unwrap();
    let wrong: Vec<_> = wrong
        .iter()
        .map(|it| it["value"].as_str().unwrap())
        .collect();
    let later: Vec<_> = events
        .lines()
        .filter(|line| !wrong.contains(line) && occurred_at(line) > END.parse().unwrap())
        .collect();
    let ahead: Vec<_> = ahead
        .iter()
        .map(|it| it["value"].as_str().unwrap())
        .collect();
    assert!(later.len() > 200);
    assert_eq!(ahead, later);
    for alert in run.lines("alerts.jsonl") {
        assert!(alert["occurred_at"].as_str().unwrap() <= END, "{alert}");
    }
}

#[test]
fn time_goes_on_after_the_last_event_if_told_to() {
    let quiet = replay(&["--example", "lending", "--until", "2026-07-15T00:00:00Z"]);
    let raised = |run: &Run, kind: &str| run.summary()["alerts"][kind]["raised"].as_u64();
    let shorter = replay(&["--example", "lending"]);
    assert_eq!(raised(&shorter, "customer_quiet"), None);
    assert!(raised(&quiet, "customer_quiet") > Some(10));
    assert_eq!(quiet.books(), shorter.books());
    assert_eq!(quiet.summary()["nps"][0]["score"]["to"], "2026-07-15");
}

#[test]
fn a_disorderly_history_keeps_its_books() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let history =
        "--seed 7 --customers 300 --events 20000 --disorder 10m --duplicates 0.01 --bad 0.01";
    let simulate = |out: &str| {
        let mut command = waymark();
        command
            .arg("simulate")
            .args(history.split(' '))
            .args(["--out", out]);
        command
    };
    assert!(simulate(word(&path)).status().unwrap().success());

    let mut sender = simulate("-").stdout(Stdio::piped()).spawn().unwrap();
    let mut receiver = waymark();
    receiver.stdin(sender.stdout.take().unwrap());
    // The history ends in autumn; what is ahead of time must not depend on the day of the test.
    let run = run(receiver, &["-", "--until", "2026-12-31T00:00:00Z"]);
    assert!(sender.wait().unwrap().success());

    let sent = Sent::read(&path, &run);
    let books = run.books();
    assert_eq!(books.received, sent.lines);
    assert_eq!(books.applied + books.duplicate + books.late, sent.sound);
    assert!(books.ignored > 0, "kinds that nobody knows");
    // Two calendar days are remembered: every repeat within 24 hours is known, none was that was not sent twice.
    assert!(sent.again_within_a_day > 150);
    assert!(
        (sent.again_within_a_day..=sent.again).contains(&books.duplicate),
        "{books:?}, sent again {}",
        sent.again
    );
}

/// What was sent, counted without the engine.
#[derive(Default)]
struct Sent {
    lines: u64,
    /// Records that are neither set aside nor ignored.
    sound: u64,
    again: u64,
    again_within_a_day: u64,
}

impl Sent {
    fn read(path: &Path, run: &Run) -> Self {
        let letters = run.lines("dead-letter.jsonl");
        let set_aside: Vec<u64> = letters
            .iter()
            .map(|letter| letter["source"]["line"].as_u64().unwrap())
            .collect();
        let mut sent = Self::default();
        let mut first_seen: HashMap<String, Timestamp> = HashMap::new();
        let mut now = Timestamp::MIN;
        for line in fs::read_to_string(path).unwrap().lines() {
            sent.lines += 1;
            if set_aside.contains(&sent.lines) || line.contains("digital.teleported") {
                continue;
            }
            sent.sound += 1;
            now = now.max(occurred_at(line));
            let id = parse(line)["event_id"].as_str().unwrap().to_owned();
            if let Some(first) = first_seen.get(&id) {
                sent.again += 1;
                let is_soon = now.duration_since(*first) <= SignedDuration::from_hours(24);
                sent.again_within_a_day += u64::from(is_soon);
            } else {
                first_seen.insert(id, now);
            }
        }
        sent
    }
}

fn waymark() -> Command {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn occurred_at(line: &str) -> Timestamp {
    parse(line)["occurred_at"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// Compares what does not tell from which file a record came.
fn assert_same(one: &Run, other: &Run) {
    for file in ["alerts.jsonl", "scores.jsonl", "summary.json"] {
        assert_eq!(one.bytes(file), other.bytes(file), "{file}");
    }
}
