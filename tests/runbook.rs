//! Holds the runbook to the code: every halt has its entry, every metric and label it names is served, every command is
//! there. And to the alerting rules: what it tells of them is what they say.
//!
//! Reads the page as text. Entries of halts have the same parts, so that somebody woken at night finds them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde::Deserialize;
use waymark::protocol::Halt;
use waymark::telemetry::RecycleCause;

use crate::page::{metrics_in, page_with_every_row};

#[path = "support/page.rs"]
mod page;

const RUNBOOK: &str = include_str!("../docs/runbook.md");
const RULES: &str = include_str!("../deploy/prometheus/waymark.rules.yaml");

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
fn every_metric_that_runbook_and_rules_name_is_served() {
    let page = page_with_every_row();
    for name in metrics_in(RUNBOOK).union(&metrics_in(RULES)) {
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
fn the_runbook_tells_the_alerting_rules_as_they_are() {
    let file: Rules = serde_saphyr::from_str(RULES).expect("YAML");
    let rules = file.groups.into_iter().flat_map(|group| group.rules);
    let rules: Vec<_> = rules.filter_map(Alert::of_rule).collect();
    let entries = entries("Metrics worth an alert");
    let told: Vec<_> = entries.iter().flat_map(Alert::told_in).collect();
    assert_eq!(told, rules);
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

/// What somebody must know of an alert.
#[derive(Debug, PartialEq, Eq)]
struct Alert {
    name: String,
    severity: String,
    holds_for: Option<String>,
    expression: String,
    /// The heading that its annotation leads to.
    entry: String,
}

#[derive(Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    /// None of a rule that only records.
    alert: Option<String>,
    expr: String,
    #[serde(rename = "for")]
    holds_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Alert {
    fn of_rule(rule: Rule) -> Option<Self> {
        let name = rule.alert?;
        for told in ["summary", "description"] {
            assert!(rule.annotations.contains_key(told), "{name}: {told}");
        }
        let severity = rule.labels["severity"].clone();
        assert!(["critical", "warning", "info"].contains(&&*severity));
        let (page, entry) = rule.annotations["runbook_url"]
            .rsplit_once('#')
            .expect("a heading");
        assert!(page.ends_with("/runbook.md"), "{page}");
        Some(Self {
            name,
            severity,
            holds_for: rule.holds_for,
            expression: words(&rule.expr),
            entry: entry.to_owned(),
        })
    }

    /// The alerts of an entry: `# Name, severity, for 5m`, and an expression below it.
    fn told_in(entry: &Entry) -> Vec<Self> {
        let lines = entry.text.lines();
        let code: Vec<_> = lines.filter_map(|line| line.strip_prefix("    ")).collect();
        let code = code.join("\n");
        let alerts = code.split("# ").skip(1);
        let alert = |text: &str| {
            let (head, expression) = text.split_once('\n').expect("an expression");
            let mut head = head.split(", ").map(str::to_owned);
            let mut next = || head.next();
            Self {
                name: next().expect("a name"),
                severity: next().expect("a severity"),
                holds_for: next().map(|it| it.trim_start_matches("for ").to_owned()),
                expression: words(expression),
                entry: entry.heading.trim_matches('`').to_owned(),
            }
        };
        alerts.map(alert).collect()
    }
}

/// The same text with single blanks; none beside parentheses, where lines are broken.
fn words(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace("( ", "(").replace(" (", "(")
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
