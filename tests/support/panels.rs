//! The queries of Grafana's dashboards, as Grafana would send them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A query of a panel.
pub(crate) struct Query {
    /// Title of its panel.
    pub(crate) panel: String,
    /// As written, with variables.
    pub(crate) written: String,
}

impl Query {
    /// Returns it with a job, a dimension, and lengths of time in place of variables.
    pub(crate) fn of(&self, job: &str, dimension: &str) -> String {
        let values = [
            ("$__rate_interval", "1m"),
            ("$__range", "1h"),
            ("$job", job),
            ("$dimension", dimension),
        ];
        let filled = values
            .iter()
            .fold(self.written.clone(), |text, (name, value)| {
                text.replace(name, value)
            });
        assert!(!filled.contains('$'), "{}: {filled}", self.panel);
        filled
    }
}

/// Returns the files of all dashboards.
pub(crate) fn dashboards() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana/dashboards");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

pub(crate) fn read(dashboard: &Path) -> Value {
    serde_json::from_slice(&fs::read(dashboard).unwrap()).unwrap()
}

/// Returns every query of a dashboard.
pub(crate) fn queries(dashboard: &Value) -> Vec<Query> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(move |target| (panel, target))
    });
    let query = |(panel, target): (&Value, &Value)| Query {
        panel: panel["title"].as_str().unwrap().to_owned(),
        written: target["expr"].as_str().unwrap().to_owned(),
    };
    targets.map(query).collect()
}
