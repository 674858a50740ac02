//! A night in which nothing comes but time: the day closes by ticks alone, and tells all there is to tell.

use serde_json::{Value, json};
use waymark_engine::event::Timestamp;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::Plain;
use crate::deployment::{Deployment, LONG};
use crate::outputs::Outputs;

/// Ten detractors in a row, some, are evidence enough.
const DEFINITION: &str = "\
definition: night
version: '1'
nps:
  window: 7d
  shift: { false_alarms_per_year: 2 }
  cohorts:
    - { by: all, target: 0, expected: 1, replies_per_year: 100000 }
    - { by: branch, target: 0, expected: 2, values_max: 2, replies_per_year: 50 }
rules:
  - id: enquiry-unanswered
    for: enquiry
    after: [enquiry.opened]
    expect: [enquiry.answered]
    within: 30m
    raise: { kind: enquiry_unanswered, severity: warning }
";

/// By then the last hour of the day is closed, and what was expected in the evening is due.
const MORNING: &str = "2025-03-04T01:00:00Z";

#[test]
fn a_quiet_night_closes_days_and_hours_and_raises_what_falls_due_by_ticks_alone() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "night", &Kafka::shared(&servers).bootstrap());
    deployment.define(DEFINITION);
    let lines: Vec<_> = evening().iter().map(Value::to_string).collect();
    let replayed = Outputs::replayed_until(&deployment, &lines, MORNING);
    let records: Vec<_> = lines.iter().flat_map(|it| Plain::of(it)).collect();
    let events = deployment.topic("events");
    deployment.client().send(&events, &records);

    let mut worker = deployment.start(0);
    worker.runs();
    let morning = Timestamp::parse(MORNING).unwrap().as_millis() as f64 / 1_000.0;
    let clock = || worker.metric_of("cohort", "waymark_stream_time_seconds", r#"shard="0""#);
    let passed = until(LONG, || (clock() >= morning).then_some(()));
    assert!(passed.is_some(), "{}{}", clock(), worker.process.tail());
    assert!(worker.metric("waymark_ticks_total", "") > 0.0);
    worker.stop();
    Outputs::published(&deployment).assert_same(&replayed);
    let alerts = ["enquiry_unanswered of silent", "nps_shift of harbour"];
    assert_eq!(replayed.alerts_in_words(), alerts);
    let scores = ["all", "harbour", "mill"].map(|it| format!("{it} on 2025-03-03"));
    assert_eq!(replayed.scores_in_words(), scores);
    deployment.verify();
}

/// At the harbour all detract, at the mill every other one. One is answered in time. All clocks stand just before midnight.
fn evening() -> Vec<Value> {
    let mut evening = Vec::new();
    for minute in (10..58).step_by(4) {
        let score = if minute % 8 == 2 { 9 } else { 2 };
        for (branch, score) in [("harbour", 2), ("mill", score)] {
            let body = json!({"type": "survey.replied", "instrument": "NPS", "score": score});
            let mut reply = event(minute, &format!("{branch}-{minute}"), &body);
            reply["dimensions"] = json!({"branch": branch});
            evening.push(reply);
        }
    }
    for customer in ["silent", "answered"] {
        evening.push(event(40, customer, &json!({"type": "enquiry.opened"})));
    }
    evening.push(event(55, "answered", &json!({"type": "enquiry.answered"})));
    let mut heartbeat = event(58, "nobody", &json!({"type": "feed.heartbeat"}));
    heartbeat["customer_id"] = Value::Null;
    evening.push(heartbeat);
    evening.sort_by_key(|it| it["occurred_at"].as_str().unwrap().to_owned());
    evening
}

/// Returns what happened so many minutes into the last hour.
fn event(minute: u32, customer: &str, body: &Value) -> Value {
    json!({
        "event_id": format!("{customer}-{minute}"), "customer_id": customer, "case_id": customer,
        "occurred_at": format!("2025-03-03T23:{minute}:00Z"), "source": "bank", "body": body,
    })
}
