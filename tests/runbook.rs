//! Holds the runbook to the code: every halt has its entry, every metric and label it names is served, every command is
//! there.
//!
//! Reads the page as text. Entries of halts have the same parts, so that somebody woken at night finds them.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use waymark::protocol::Halt;
use waymark::telemetry::{Copied, Metrics, RecycleCause, ShardState, Status};
use waymark_engine::derived::Status as AlertStatus;
use waymark_engine::event::Timestamp;

const RUNBOOK: &str = include_str!("../docs/runbook.md");

#[test]
fn every_halt_has_an_entry_and_every_entry_is_of_a_halt() {
    let told: Vec<_> = entries("Halts").iter().map(|entry| entry.heading).collect();
    assert_eq!(told, Halt::CODES);
}

#[test]
fn the_entry_of_a_halt_says_why_what_to_check_how_to_mend_and_what_not_to_do() {
    for entry in entries("Halts") {
        for part in ["Means", "Why we stop", "Check", "Mend", "Don't"] {
            let part = format!("**{part}.** ");
            let told = entry.text.matches(&part).count();
            assert_eq!(told, 1, "{part}in {}", entry.heading);
        }
    }
}

#[test]
fn every_metric_that_the_runbook_names_is_served() {
    let page = page_with_every_row();
    for name in metrics_in(RUNBOOK) {
        let (family, row) = (format!("# TYPE {name} "), format!("{name}{{"));
        let mut lines = page.lines();
        let served = lines.any(|line| line.starts_with(&family) || line.starts_with(&row));
        assert!(served, "no {name} in\n{page}");
    }
}

#[test]
fn the_entry_of_a_metric_has_an_expression_of_it() {
    for entry in entries("Metrics worth an alert") {
        let name = entry.heading.trim_matches('`');
        let mut lines = entry.text.lines();
        let told = lines.any(|line| line.starts_with("    ") && line.contains(name));
        assert!(told, "no expression of {name}");
    }
}

#[test]
fn every_cause_of_a_recycle_is_told() {
    let entries = entries("Metrics worth an alert");
    let entry = entries
        .iter()
        .find(|entry| entry.heading == "`waymark_recycles_total`");
    let entry = entry.expect("recycles have an entry");
    for cause in RecycleCause::ALL {
        let row = format!("| `{}` |", cause.label());
        assert!(entry.text.contains(&row), "no {row}");
    }
}

#[test]
fn every_command_that_the_runbook_names_is_there() {
    let commands = commands_in(RUNBOOK);
    assert!(commands.contains("shard adopt"), "{commands:?}");
    for command in commands {
        let mut waymark = Command::new(env!("CARGO_BIN_EXE_waymark"));
        waymark.args(command.split(' ')).arg("--help");
        let output = waymark.output().expect("the command runs");
        assert!(output.status.success(), "waymark {command}: {output:?}");
    }
}

struct Entry {
    heading: &'static str,
    text: &'static str,
}

/// The entries of a chapter, in order.
fn entries(chapter: &str) -> Vec<Entry> {
    let heading = format!("\n## {chapter}\n");
    let (_, rest) = RUNBOOK
        .split_once(&heading)
        .unwrap_or_else(|| panic!("no chapter {chapter:?}"));
    let chapter = rest.split("\n## ").next().unwrap_or_default();
    chapter
        .split("\n### ")
        .skip(1)
        .filter_map(|entry| entry.split_once('\n'))
        .map(|(heading, text)| Entry { heading, text })
        .collect()
}

/// Names of metrics in a text; histograms by family or by the row that is asked for.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .filter(|word| word.starts_with("waymark_") && *word != "waymark_")
        .collect()
}

/// Commands in a text, such as `topics check` of `waymark topics check -c`.
fn commands_in(text: &str) -> BTreeSet<String> {
    let named = text.split("waymark").skip(1).filter_map(|rest| {
        let is_word = |it: char| it.is_ascii_lowercase() || it.is_whitespace();
        let end = rest.find(|it| !is_word(it)).unwrap_or(rest.len());
        let words: Vec<_> = rest[..end].split_whitespace().collect();
        let is_apart = rest.starts_with(char::is_whitespace);
        (is_apart && !words.is_empty()).then(|| words.join(" "))
    });
    named.collect()
}

/// What a process serves that has met everything once.
fn page_with_every_row() -> String {
    let metrics = Metrics::new();
    let stage = metrics.stage("customer");
    stage.alert("application_stalled", AlertStatus::Raised);
    stage.recovered(Copied::Part, Duration::ZERO);
    metrics.shard("customer", 0);
    metrics.stage("cohort").missing(1);
    metrics.spans();
    metrics.upstream("cohort", 0, 0, Timestamp::MIN);
    let (code, text) = (Halt::CODES[0], String::new());
    Status::new(&metrics).set("customer", 0, ShardState::Halted { code, text });
    metrics.page()
}
