//! Grafana's dashboards: any Grafana can take them, and their queries are queries of metrics that are served.
//!
//! `tests/live/prometheus.rs` asks them of a real run.

use std::fmt::Write as _;
use std::fs;

use serde::Deserialize;
use serde_json::Value;
use waymark_testkit::prometheus_or_skip;

use crate::files::{must, text, yaml};
use crate::page::{metrics_in, page_with_every_row};
use crate::panels::{dashboards, queries, read};

const RULES: &str = "prometheus/waymark.rules.yaml";

#[test]
fn a_dashboard_has_a_lasting_name_and_takes_its_source_and_deployment_from_variables() {
    for file in dashboards() {
        let dashboard = read(&file);
        let name = file.file_stem().unwrap().to_str();
        assert_eq!(dashboard["uid"].as_str(), name);
        let panels = dashboard["panels"].as_array().unwrap().iter();
        let numbered = panels
            .chain([&dashboard])
            .filter(|it| it.get("id").is_some());
        assert_eq!(numbered.count(), 0, "ids are Grafana's to give");
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let names: Vec<_> = variables.iter().map(|it| &it["name"]).collect();
        assert_eq!(names[..2], ["datasource", "job"]);
        for source in sources(&dashboard) {
            assert_eq!(source["uid"], "$datasource", "{name:?}");
        }
        for query in queries(&dashboard) {
            let selectors = query.written.matches('{').count();
            let of_deployment = query.written.matches(r#"job="$job""#).count();
            assert!(
                selectors > 0 && selectors == of_deployment,
                "{}",
                query.written
            );
        }
    }
}

#[test]
fn every_metric_of_a_dashboard_is_served_or_recorded() {
    let (page, rules) = (page_with_every_row(), text(RULES));
    for file in dashboards() {
        let dashboard = fs::read_to_string(file).unwrap();
        for name in metrics_in(&dashboard) {
            let is_row = |line: &str| line.split(['{', ' ']).next() == Some(name);
            assert!(page.lines().any(is_row), "no {name}");
        }
        let recorded = dashboard.split("waymark:").skip(1);
        for name in recorded.map(|rest| rest.split(['{', ',']).next().unwrap()) {
            assert!(
                rules.contains(&format!("record: waymark:{name}\n")),
                "no {name}"
            );
        }
    }
}

#[test]
fn every_query_of_a_dashboard_is_one() {
    let Some(program) = prometheus_or_skip() else {
        return;
    };
    let mut rules = String::from("groups:\n- name: panels\n  rules:\n");
    let all = dashboards()
        .iter()
        .flat_map(|file| queries(&read(file)))
        .collect::<Vec<_>>();
    assert!(all.len() > 50, "{}", all.len());
    for (number, query) in all.iter().enumerate() {
        let query = serde_json::to_string(&query.of("lending", "branch")).unwrap();
        writeln!(rules, "  - {{ record: 'query_{number}', expr: {query} }}").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    fs::write(&file, rules).unwrap();
    must(program.promtool().args(["check", "rules"]).arg(file));
}

#[test]
fn provisioning_names_the_source_and_the_folder_of_the_compose_file() {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Provisioned {
        api_version: u32,
        #[serde(default)]
        datasources: Vec<Value>,
        #[serde(default)]
        providers: Vec<Value>,
    }
    let sources: Provisioned = yaml(&text("grafana/provisioning/datasources/prometheus.yaml"));
    let boards: Provisioned = yaml(&text("grafana/provisioning/dashboards/waymark.yaml"));
    assert_eq!((sources.api_version, boards.api_version), (1, 1));
    assert_eq!(sources.datasources[0]["url"], "http://prometheus:9090");
    let folder = boards.providers[0]["options"]["path"].as_str().unwrap();
    let compose = text("compose/docker-compose.yml");
    assert!(
        compose.contains(&format!("../grafana/dashboards:{folder}:ro")),
        "{folder}"
    );
}

/// Every `datasource` in a dashboard.
fn sources(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(map) => {
            let below = map.iter().filter(|(name, _)| *name != "datasource");
            let below = below.flat_map(|(_, it)| sources(it));
            map.get("datasource").into_iter().chain(below).collect()
        }
        Value::Array(list) => list.iter().flat_map(sources).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
