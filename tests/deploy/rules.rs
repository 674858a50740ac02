//! The alerting rules, judged by a real `promtool`: they are well formed, and each one fires when it should and only then.
//!
//! `tests/runbook.rs` holds them to what the runbook tells, `tests/live/prometheus.rs` to a real run.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use waymark_testkit::prometheus_or_skip;

use crate::files::{deploy, must, text, yaml};

const RULES: &str = "prometheus/waymark.rules.yaml";

#[test]
fn promtool_takes_the_rules_and_each_story_of_them() {
    let Some(program) = prometheus_or_skip() else {
        return;
    };
    let mut check = program.promtool();
    check.args(["check", "rules", "--lint=all", "--lint-fatal"]);
    must(check.arg(deploy(RULES)));
    let mut stories = program.promtool();
    must(stories.args(["test", "rules"]).args(files_of_stories()));
}

#[test]
fn every_alert_has_a_story_that_tells_when_it_fires_and_when_it_does_not() {
    let rules: Value = yaml(&text(RULES));
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let alerts = rules.filter_map(|rule| rule["alert"].as_str().map(str::to_owned));
    let alerts: BTreeSet<_> = alerts.collect();
    let mut told = BTreeSet::new();
    for file in files_of_stories() {
        let file: Stories = yaml(&fs::read_to_string(file).unwrap());
        told.extend(file.tests.iter().flat_map(Story::fires_and_does_not));
    }
    assert_eq!(told, alerts);
}

fn files_of_stories() -> Vec<PathBuf> {
    let entries = fs::read_dir(deploy("prometheus/tests")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[derive(Deserialize)]
struct Stories {
    tests: Vec<Story>,
}

#[derive(Deserialize)]
struct Story {
    #[serde(default)]
    promql_expr_test: Vec<Moment>,
    #[serde(default)]
    alert_rule_test: Vec<Expected>,
}

/// All alerts that fire at a moment.
#[derive(Deserialize)]
struct Moment {
    exp_samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    labels: String,
}

/// One alert in full.
#[derive(Deserialize)]
struct Expected {
    alertname: String,
}

impl Story {
    /// Alerts that fire at one moment of this story and not at another.
    fn fires_and_does_not(&self) -> BTreeSet<String> {
        let fires = |moment: &Moment| -> BTreeSet<String> {
            let labels = moment.exp_samples.iter().map(|sample| &sample.labels);
            let named = labels.filter_map(|labels| labels.split_once("alertname=\""));
            let name = |(_, rest): (&str, &str)| rest.split('"').next().unwrap().to_owned();
            named.map(name).collect()
        };
        let moments: Vec<_> = self.promql_expr_test.iter().map(fires).collect();
        let in_full = self.alert_rule_test.iter().map(|it| &it.alertname);
        let fires = moments.iter().flatten().chain(in_full);
        let is_quiet = |name: &&String| moments.iter().any(|moment| !moment.contains(*name));
        fires.filter(is_quiet).cloned().collect()
    }
}
