//! Each silence of the loan log of the BPI Challenge 2012, found a second time with nothing of ours.
//!
//! ```text
//! an application:  event ── event ──────────── event ── decision ── event …   what comes after the decision is no silence
//!                               └─ limit ─┘due    └ closes it
//! ```
//!
//! A gap between two consecutive events of at least the limit is one silence. One that lasts from the last event of an
//! undecided application to the end of the log is still open.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::data::data;
use crate::rows::{column, csv};
use crate::support::{Run, example, replay, word};

const LOG: &str = "bpi2012/bpi2012_events.csv.zst";

#[test]
fn silences_of_five_days_are_those_counted_by_hand() {
    assert_silences(5, 8_451, 171);
}

#[test]
fn silences_of_ten_days_are_those_counted_by_hand() {
    assert_silences(10, 1_214, 46);
}

#[test]
fn silences_of_thirty_days_are_those_counted_by_hand() {
    assert_silences(30, 10, 0);
}

#[test]
fn applications_end_as_the_log_says() {
    let Some(path) = data(LOG) else { return };
    let run = replay(&["--example", "bpi2012", "--input", word(&path)]);
    let decided = by_decision(log(&path));
    let count = |activity| decided[&Some(activity)];
    assert_eq!(
        ["A_APPROVED", "A_CANCELLED", "A_DECLINED"].map(count),
        [2_246, 2_807, 7_635]
    );
    assert_eq!(decided[&None], 399);
    let summary = run.summary();
    let applications = &summary["applications"];
    assert_eq!(
        applications["decided"],
        json!({
            "application.approved": count("A_APPROVED"),
            "application.cancelled": count("A_CANCELLED"),
            "application.declined": count("A_DECLINED"),
        })
    );
    assert_eq!(applications["known"], 13_087);
    assert_eq!(applications["undecided"], decided[&None]);
    let books = run.books();
    assert_eq!((books.received, books.applied), (262_200, 262_200));
    assert_eq!(summary["clock"]["stream_time"], "2012-03-14T15:04:54.681Z");
}

/// Replays with one value of the shipped definition changed, and compares silence by silence.
fn assert_silences(days: i64, all: usize, open: usize) {
    let Some(path) = data(LOG) else { return };
    let run = replay_with_limit(days, &path);
    let expected = silences(log(&path), SignedDuration::from_hours(24 * days));
    let still_open = expected.iter().filter(|it| it.closed.is_none()).count();
    assert_eq!((expected.len(), still_open), (all, open));

    let found = alerts(&run);
    let missing: Vec<_> = expected.difference(&found).take(3).collect();
    let invented: Vec<_> = found.difference(&expected).take(3).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing: {missing:#?}, invented: {invented:#?}"
    );
    let told = &run.summary()["alerts"]["application_quiet"];
    assert_eq!(told, &json!({"raised": all, "resolved": all - open}));
}

fn replay_with_limit(days: i64, log: &Path) -> Run {
    let shipped = std::fs::read_to_string(example("bpi2012", "definition.yaml")).unwrap();
    assert_eq!(
        shipped.matches("within: 5d").count(),
        1,
        "one value to turn"
    );
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("definition.yaml");
    let turned = shipped.replace("within: 5d", &format!("within: {days}d"));
    std::fs::write(&definition, turned).unwrap();
    let mapping = example("bpi2012", "mapping.yaml");
    let words = [&definition, &mapping].map(|path| word(path));
    replay(&["--definition", words[0], "--mapping", words[1], word(log)])
}

/// A time in which nothing happened to an application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Silence {
    application: String,
    since: Timestamp,
    due: Timestamp,
    /// The event that broke it; none if the log ended before.
    closed: Option<Timestamp>,
}

/// Reads the silences out of the alerts: each is raised once, at its due time, and closed at most once.
fn alerts(run: &Run) -> BTreeSet<Silence> {
    let mut by_id: BTreeMap<String, Silence> = BTreeMap::new();
    for alert in run.lines("alerts.jsonl") {
        let time = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap();
        let id = alert["alert_id"].as_str().unwrap();
        match (alert["sequence"].as_u64(), alert["status"].as_str()) {
            (Some(1), Some("raised")) => {
                let silence = Silence {
                    application: alert["application_id"].as_str().unwrap().to_owned(),
                    since: time(&alert["evidence"][0]["occurred_at"]),
                    due: time(&alert["due"]),
                    closed: None,
                };
                assert_eq!(time(&alert["occurred_at"]), silence.due, "{alert}");
                let again = by_id.insert(id.to_owned(), silence);
                assert!(again.is_none(), "raised twice: {alert}");
            }
            (Some(2), Some("resolved")) => {
                let silence = by_id.get_mut(id).unwrap();
                assert_eq!(time(&alert["due"]), silence.due, "{alert}");
                let again = silence.closed.replace(time(&alert["occurred_at"]));
                assert!(again.is_none(), "closed twice: {alert}");
            }
            _ => panic!("no other transition is expected: {alert}"),
        }
    }
    let episodes = by_id.len();
    let silences: BTreeSet<_> = by_id.into_values().collect();
    assert_eq!(silences.len(), episodes, "one alert for each silence");
    silences
}

/// What the log says of each application, in its order.
struct Log {
    applications: BTreeMap<String, Vec<Entry>>,
    end: Timestamp,
}

struct Entry {
    at: Timestamp,
    decision: Option<&'static str>,
}

/// Reads the log once for all tests.
fn log(path: &Path) -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| {
        let mut reader = csv(path);
        let header = reader.headers().unwrap().clone();
        let [application, activity, time] =
            ["case:concept:name", "concept:name", "time:timestamp"].map(|it| column(&header, it));
        let mut applications: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        let mut end = Timestamp::MIN;
        for row in reader.records() {
            let row = row.unwrap();
            let at: Timestamp = row[time].parse().unwrap();
            let decision = ["A_APPROVED", "A_DECLINED", "A_CANCELLED"];
            let decision = decision.into_iter().find(|it| *it == &row[activity]);
            let entries = applications.entry(row[application].to_owned());
            entries.or_default().push(Entry { at, decision });
            end = end.max(at);
        }
        Log { applications, end }
    })
}

fn silences(log: &Log, limit: SignedDuration) -> BTreeSet<Silence> {
    let mut silences = BTreeSet::new();
    for (application, entries) in &log.applications {
        let decided = entries.iter().position(|entry| entry.decision.is_some());
        let lived = &entries[..=decided.unwrap_or(entries.len() - 1)];
        let gaps = lived
            .windows(2)
            .map(|pair| (pair[0].at, pair[1].at, Some(pair[1].at)));
        let last = lived.last().unwrap().at;
        let tail = decided.is_none().then_some((last, log.end, None));
        for (since, until, closed) in gaps.chain(tail) {
            if until.duration_since(since) >= limit {
                silences.insert(Silence {
                    application: application.clone(),
                    since,
                    due: since + limit,
                    closed,
                });
            }
        }
    }
    silences
}

fn by_decision(log: &Log) -> BTreeMap<Option<&'static str>, u64> {
    let mut counts = BTreeMap::new();
    for entries in log.applications.values() {
        let decision = entries.iter().find_map(|entry| entry.decision);
        *counts.entry(decision).or_default() += 1;
    }
    counts
}
