//! A real Prometheus reads a real run: every query of ours finds what it asks for, and no alert fires where all is well.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use serde_json::Value;
use waymark_testkit::{Kafka, Port, Prometheus, prometheus_or_skip, servers_or_skip, until};

use crate::deployment::{Deployment, LONG};
use crate::panels::{dashboards, queries, read};
use crate::support::{Start, Worker};

const RULES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/deploy/prometheus/waymark.rules.yaml"
);

/// Alerts whose figure is not there where all is well: what they warn of has no rows then.
const WITHOUT_A_FIGURE: [&str; 2] = ["WaymarkShardHalted", "WaymarkHangingTransaction"];

/// Panels that may be empty where all is well.
const EMPTY_PANELS: [&str; 3] = [
    "Alerts that fire",
    "Shards that do not run",
    "Producers replaced",
];

/// Rates need two samples, and rules must have been looked at since.
const SAMPLES: &str = "min(count_over_time(up[10m])) > 10";

#[test]
fn a_healthy_run_has_every_figure_and_no_alert_and_a_halted_shard_is_told() {
    let (Some(servers), Some(program)) = (servers_or_skip(), prometheus_or_skip()) else {
        return;
    };
    let deployment = Deployment::create(&servers, "watched", &Kafka::shared(&servers).bootstrap());
    deployment.simulate(&["--seed", "7", "--customers", "150", "--events", "6000"]);
    let port = Port::claim().unwrap(); // the worker comes back to it
    let http = format!("127.0.0.1:{}", port.number());
    let mut worker = start(&deployment, &http);
    let prometheus = Prometheus::start(&program, &settings(&http)).unwrap();
    let watch = Watch(&prometheus);
    deployment.wait_until_taken();
    watch.until(SAMPLES);
    // More of it, now that all counters have been seen: what they rise by shows in rates.
    deployment.simulate(&["--seed", "8", "--customers", "150", "--events", "2000"]);
    watch.until("sum(increase(waymark_dead_letters_total[1m])) > 0");
    watch.until("waymark:nps_points:latest > -101");

    let rules = watch.rules();
    assert_eq!(rules.len(), written_rules());
    for (name, rule) in &rules {
        assert_eq!(rule["health"], "ok", "{name}: {rule}");
        assert_ne!(rule["state"], "firing", "{name}: {rule}");
        let figure = figure(rule);
        let found = watch.ask(figure);
        let is_there = !found.is_empty() || WITHOUT_A_FIGURE.contains(&&**name);
        assert!(is_there, "{name}: nothing for {figure}");
    }

    let dashboards = dashboards();
    assert_eq!(dashboards.len(), 2);
    for query in dashboards.iter().flat_map(|file| queries(&read(file))) {
        let found = watch.ask(&query.of("lending", "branch"));
        let is_there = !found.is_empty() || EMPTY_PANELS.contains(&&*query.panel);
        assert!(is_there, "{}: nothing for {}", query.panel, query.written);
    }

    let probed = |question| {
        let http = format!("http={http}");
        deployment
            .asked(&["probe", question, "--set", &http])
            .status
            .code()
    };
    assert_eq!((probed("live"), probed("ready")), (Some(0), Some(0)));
    worker.stop();
    assert_eq!(probed("live"), Some(69));
    let (group, events) = (deployment.topic("customer"), deployment.topic("events"));
    deployment.client().move_offset(&group, &events, 1, 5);
    let _halted = start(&deployment, &http);
    watch.until(r#"ALERTS{alertname="WaymarkShardHalted", alertstate="firing", halt="OFFSETS_MOVED", shard="1"}"#);
    assert_eq!((probed("live"), probed("ready")), (Some(0), Some(1)));
}

fn start(deployment: &Deployment, http: &str) -> Worker {
    deployment.start_as(Start {
        settings: &[&format!("http={http}")],
        ..Start::default()
    })
}

/// As in `deploy/prometheus/prometheus.yml`, but impatient.
fn settings(target: &str) -> String {
    format!(
        "\
global: {{ scrape_interval: 1s, evaluation_interval: 1s }}
rule_files: ['{RULES}']
scrape_configs:
  - job_name: lending
    static_configs: [{{ targets: ['{target}'] }}]
"
    )
}

/// How many rules there are in the file.
fn written_rules() -> usize {
    let text = fs::read_to_string(RULES).unwrap();
    text.matches("      - alert: ").count() + text.matches("      - record: ").count()
}

/// What a rule records; of an alert, what it compares with its threshold: all before the last comparison.
fn figure(rule: &Value) -> &str {
    let query = rule["query"].as_str().unwrap();
    let signs = [" > ", " == ", " < "].iter();
    let end = signs.filter_map(|sign| query.rfind(sign)).max();
    let end = end.filter(|_| rule["type"] == "alerting");
    end.map_or(query, |end| &query[..end])
}

/// What is asked of Prometheus.
struct Watch<'a>(&'a Prometheus);

impl Watch<'_> {
    /// Evaluates a query, which must be one.
    fn ask(&self, query: &str) -> Vec<Value> {
        let answer = self.get("query", &[("query", query)]);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// Waits until a query has a result.
    fn until(&self, query: &str) {
        let told = until(LONG, || (!self.ask(query).is_empty()).then_some(()));
        assert!(told.is_some(), "nothing for {query}{}", self.0.tail());
    }

    /// All rules by name, as Prometheus sees them.
    fn rules(&self) -> BTreeMap<String, Value> {
        let answer = self.get("rules", &[]);
        let groups = answer["data"]["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
        let named = rules.map(|rule| (rule["name"].as_str().unwrap().to_owned(), rule.clone()));
        named.collect()
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = format!("{}/api/v1/{path}", self.0.url());
        let request = ureq::get(&url).query_pairs(query.iter().copied());
        let request = request.config().http_status_as_error(false);
        let request = request
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        let body = request.call().unwrap().body_mut().read_to_string();
        serde_json::from_str(&body.unwrap()).unwrap()
    }
}
