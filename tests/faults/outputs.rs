//! What a deployment publishes and what a replay of the same lines writes, as lists: so a repeat shows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use serde_json::Value;

use crate::deployment::Deployment;

/// Alerts and scores as they were written, sorted.
pub(crate) struct Outputs {
    pub(crate) alerts: Vec<String>,
    pub(crate) scores: Vec<String>,
}

impl Outputs {
    /// Reads what was published by now, as a subscriber does that knows nothing of Waymark.
    pub(crate) fn published(deployment: &Deployment) -> Self {
        let [alerts, scores] = ["alerts", "scores"].map(|it| published(deployment, it));
        Self { alerts, scores }
    }

    /// Replays lines from a file.
    pub(crate) fn replayed(deployment: &Deployment, lines: &[String]) -> Self {
        Self::read(&deployment.replay(lines))
    }

    /// The same, and then the clock goes on to a time.
    pub(crate) fn replayed_until(deployment: &Deployment, lines: &[String], time: &str) -> Self {
        Self::read(&deployment.replay_with(lines, &["--until", time]))
    }

    fn read(out: &Path) -> Self {
        let read = |name| {
            let text = fs::read_to_string(out.join(name)).unwrap();
            sorted(text.lines().map(str::to_owned))
        };
        let [alerts, scores] = ["alerts.jsonl", "scores.jsonl"].map(read);
        Self { alerts, scores }
    }

    /// Fails unless all of it is there once, and nothing else; tells the first few differences, for lists are long.
    pub(crate) fn assert_same(&self, reference: &Self) {
        same("alerts", &self.alerts, &reference.alerts);
        same("scores", &self.scores, &reference.scores);
    }

    /// Returns what each alert says of whom.
    pub(crate) fn alerts_in_words(&self) -> Vec<String> {
        let in_words = |alert: Value| {
            let of = [&alert["customer_id"], &alert["cohort"]["value"]];
            let of = of.iter().find_map(|it| it.as_str()).unwrap();
            format!("{} of {of}", word(&alert["kind"]))
        };
        sorted(parsed(&self.alerts).map(in_words))
    }

    /// Returns which day of which cohort each score is of.
    pub(crate) fn scores_in_words(&self) -> Vec<String> {
        let in_words = |score: Value| {
            let [of, day] = [&score["cohort"]["value"], &score["to"]].map(word);
            format!("{of} on {day}")
        };
        sorted(parsed(&self.scores).map(in_words))
    }
}

/// Reads lines of JSON.
pub(crate) fn parsed(lines: &[String]) -> impl Iterator<Item = Value> {
    lines.iter().map(|it| serde_json::from_str(it).unwrap())
}

pub(crate) fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Returns every committed record of a topic.
pub(crate) fn published(deployment: &Deployment, topic: &str) -> Vec<String> {
    let records = deployment.client().read(&deployment.topic(topic));
    let text =
        |record: &OwnedMessage| String::from_utf8(record.payload().unwrap().to_vec()).unwrap();
    sorted(records.iter().map(text))
}

fn same(what: &str, ours: &[String], theirs: &[String]) {
    if ours == theirs {
        return;
    }
    let mut counts: BTreeMap<&String, i32> = BTreeMap::new();
    for (lines, count) in [(ours, 1), (theirs, -1)] {
        for line in lines {
            *counts.entry(line).or_default() += count;
        }
    }
    counts.retain(|_, count| *count != 0);
    let wrong: Vec<_> = counts.iter().take(5).collect();
    panic!(
        "{what}: {} published, {} expected; too many (+) or too few (-): {wrong:#?}",
        ours.len(),
        theirs.len()
    );
}

pub(crate) fn sorted<T: Ord>(these: impl Iterator<Item = T>) -> Vec<T> {
    let mut these: Vec<_> = these.collect();
    these.sort();
    these
}
