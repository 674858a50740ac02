//! A deployment whose definition changes: the recipe of `docs/operate.md` for a rule that is to go.

use std::collections::BTreeMap;
use std::fs;

use rdkafka::Message as _;
use serde_json::{Value, json};
use waymark_testkit::{Kafka, servers_or_skip};

use crate::client::Plain;
use crate::deployment::{Deployment, SHARDS};

const RULE: &str = "
rules:
  - id: documents-unanswered
    for: application
    after: AFTER
    expect: [documents.received]
    within: 10d
    raise: { kind: documents_overdue, severity: warning }
";
const LIVING: &str = "[documents.requested]";
/// As the recipe has it.
const RUNNING_OUT: &str = r#"{ kinds: documents.requested, where: "false" }"#;

#[test]
fn a_rule_that_runs_out_closes_what_it_began_and_begins_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let recipe = fs::read_to_string("docs/operate.md").unwrap();
    assert!(recipe.contains(&format!("`after: {RUNNING_OUT}`")));
    let bank = Bank(Deployment::create(
        &servers,
        "redefined",
        &Kafka::shared(&servers).bootstrap(),
    ));

    bank.define("1", Some(LIVING));
    bank.hears(&[
        ("requested", "L-1", 5),
        ("requested", "L-4", 5),
        ("requested", "L-2", 10),
    ]);
    bank.time_passes(16);
    bank.has_told(&[("L-1", "raised 1"), ("L-4", "raised 1")]);

    bank.define("2", Some(RUNNING_OUT));
    bank.hears(&[("received", "L-1", 18), ("requested", "L-3", 18)]);
    bank.time_passes(21); // L-2 was waiting, and is decided yet
    bank.hears(&[("received", "L-2", 23)]);
    bank.time_passes(40);
    bank.has_told(&[
        ("L-1", "raised 1, resolved 2"),
        ("L-2", "raised 2, resolved 2"),
        ("L-4", "raised 1"),
    ]);

    bank.define("3", None);
    bank.hears(&[("received", "L-4", 42)]);
    bank.time_passes(44); // nobody closes L-4

    bank.define("4", Some(RUNNING_OUT));
    bank.hears(&[("received", "L-4", 46)]);
    bank.time_passes(48);
    bank.has_told(&[
        ("L-1", "raised 1, resolved 2"),
        ("L-2", "raised 2, resolved 2"),
        ("L-4", "raised 1, resolved 4"),
    ]);
}

struct Bank(Deployment);

impl Bank {
    /// Gives the deployment another definition; without the rule if nothing begins it.
    fn define(&self, version: &str, after: Option<&str>) {
        let rule = after.map(|after| RULE.replace("AFTER", after));
        let head = format!("definition: promises\nversion: \"{version}\"\n");
        let definition = head + &rule.unwrap_or_default();
        let file = self.0.folder().join("definition.yaml");
        if file.exists() {
            fs::write(file, definition).unwrap();
        } else {
            self.0.define(&definition);
        }
    }

    /// Documents that were requested or received, on days of a year.
    fn hears(&self, documents: &[(&str, &str, i32)]) {
        let events = documents.iter().map(|(what, application, day)| {
            let customer = format!("C-{application}");
            let event = json!({"event_id": format!("{what}-{application}-{day}"), "customer_id": customer,
                "source": "los", "application_id": application, "occurred_at": noon(*day),
                "body": {"type": format!("documents.{what}"), "documents": ["balance sheet"]}});
            record(-1, &customer, &event)
        });
        self.send(&events.collect::<Vec<_>>());
    }

    /// Moves the clock of every shard, and lets the deployment take what came.
    fn time_passes(&self, day: i32) {
        let beat = json!({"event_id": format!("beat-{day}"), "source": "los", "occurred_at": noon(day),
            "body": {"type": "feed.heartbeat"}});
        let beats = (0..SHARDS).map(|shard| record(shard, "los", &beat));
        self.send(&beats.collect::<Vec<_>>());
        let mut worker = self.0.start(0);
        self.0.wait_until_customers_are_taken();
        worker.stop();
    }

    fn send(&self, records: &[Plain]) {
        let events = self.0.topic("events");
        self.0.client().send(&events, records);
    }

    /// Status and version of the definition of each transition, by application.
    fn has_told(&self, wanted: &[(&str, &str)]) {
        let mut alerts: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
        for record in self.0.client().read(&self.0.topic("alerts")) {
            let alert: Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
            let said = |of: &str| alert[of].as_str().unwrap();
            let transition = format!("{} {}", said("status"), said("definition_version"));
            let of = alerts.entry(said("application_id").to_owned());
            let sequence = alert["sequence"].as_u64().unwrap();
            of.or_default().insert(sequence, transition);
        }
        let told = alerts.into_iter().map(|(application, transitions)| {
            let transitions: Vec<_> = transitions.into_values().collect();
            (application, transitions.join(", "))
        });
        let told: Vec<(String, String)> = told.collect();
        let wanted = wanted.iter();
        let wanted = wanted.map(|(application, it)| ((*application).to_owned(), (*it).to_owned()));
        assert_eq!(told, wanted.collect::<Vec<_>>());
    }
}

fn record(partition: i32, key: &str, event: &Value) -> Plain {
    Plain {
        partition,
        key: Some(key.into()),
        value: Some(event.to_string().into_bytes()),
        headers: None,
    }
}

/// Noon of a day of 2026, in UTC.
fn noon(day: i32) -> String {
    let (month, day) = if day > 31 { (2, day - 31) } else { (1, day) };
    format!("2026-{month:02}-{day:02}T12:00:00Z")
}
