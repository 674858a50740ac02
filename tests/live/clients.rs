//! Stock clients in Java and Python: they read every alert without a line of ours, in both forms, and a journey from Redis.
//!
//! The examples of `docs/` are run as they stand there. What the clients say is held against each other, against what
//! `waymark verify` has counted, and against what `waymark inspect` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use waymark_engine::event::Timestamp;
use waymark_testkit::{Clients, Kafka, Registry, Servers, clients_or_skip};

use crate::deployment::Deployment;
use crate::nervous::nervous_default;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A deployment that has published and stands still, and how many alerts and scores it has published.
fn published(servers: &Servers, name: &str, settings: &str) -> (Deployment, Counts) {
    let deployment = Deployment::create(servers, name, &Kafka::shared(servers).bootstrap());
    let file = deployment.folder().join("waymark.yaml");
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(settings.as_bytes()).unwrap();
    deployment.define(&nervous_default()); // so that alerts about cohorts are among them
    deployment.simulate(&["--seed", "7", "--customers", "80", "--events", "3000"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let verdict = deployment.assert_fine_with_store();
    let expected = |of: &str| usize::try_from(verdict[of]["expected"].as_u64().unwrap()).unwrap();
    let counts = Counts {
        alerts: expected("alerts"),
        scores: expected("scores"),
        deltas: expected("deltas"),
    };
    let few = counts.alerts.min(counts.deltas).min(counts.scores);
    assert!(few > 50, "{verdict:#}");
    (deployment, counts)
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    alerts: usize,
    scores: usize,
    deltas: usize,
}

#[test]
fn java_and_python_read_every_alert_through_the_registry() {
    let Some((servers, clients)) = clients_or_skip() else {
        return;
    };
    let registry = Registry::shared(&servers);
    let settings = format!("registry: {{ url: '{}' }}\n", registry.url());
    let (deployment, counts) = published(&servers, "clients-avro", &settings);
    let bootstrap = Kafka::shared(&servers).bootstrap();
    let alerts = deployment.topic("alerts");

    let python =
        |topic: &str| python_reads(&deployment, &clients, &[&bootstrap, topic, &registry.url()]);
    let read = python(&alerts);
    let in_python = by_id(&read);
    assert_eq!(
        (read.len(), in_python.len()),
        (counts.alerts, counts.alerts)
    );
    for line in &read {
        assert_is_the_event_of_its_alert(&deployment, &line["event"], &line["value"], "avro");
    }
    assert_some_are_about_cohorts(in_python.values().map(|line| &line["value"]));

    let own_api = registry.url().replace("ccompat/v7", "registry/v2");
    let command = clients.java(&source("Read.java"));
    let read = lines(&deployment, command, &[&bootstrap, &alerts, &own_api]);
    let in_java: BTreeMap<String, [Value; 2]> = read.iter().map(|line| of_java(line)).collect();
    assert_eq!((read.len(), in_java.len()), (counts.alerts, counts.alerts));
    for [event, alert] in in_java.values() {
        assert_is_the_event_of_its_alert(&deployment, event, alert, "avro");
    }
    for (id, line) in &in_python {
        assert_eq!(in_java[id][1], line["value"], "{id}");
    }

    let number = counts.alerts.to_string();
    let tap = ["tap", "--from-beginning", "-o", "json", "--count", &number];
    let tapped = deployment.in_time("tap", &deployment.command(&tap));
    for line in tapped.lines() {
        let alert: Value = serde_json::from_str(line).unwrap();
        let id = format!(
            "{}-{}",
            alert["alert_id"].as_str().unwrap(),
            alert["sequence"]
        );
        assert_eq!(in_millis(&alert), in_python[&id]["value"], "{id}");
    }

    for alert in in_python.values().map(|line| &line["value"]).take(3) {
        let id = alert["alert_id"].as_str().unwrap();
        let shown = deployment.must(&["inspect", "alert", id, "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let transitions = shown["transitions"].as_array().unwrap();
        let same = transitions
            .iter()
            .find(|it| it["alert"]["sequence"] == alert["sequence"]);
        assert_eq!(in_millis(&same.unwrap()["alert"]), *alert);
    }

    assert_eq!(python(&deployment.topic("scores")).len(), counts.scores);
    let told = python(&deployment.topic("deltas"));
    let deltas = told
        .iter()
        .filter(|line| !line["value"]["event_hash"].is_null());
    assert_eq!(deltas.count(), counts.deltas);
}

#[test]
fn the_examples_of_the_documents_read_every_alert_and_a_journey() {
    let Some((servers, clients)) = clients_or_skip() else {
        return;
    };
    // The examples are about a deployment of this name.
    let (deployment, counts) = published(&servers, "lending", "");
    let bootstrap = Kafka::shared(&servers).bootstrap();
    let number = counts.alerts.to_string();
    let example = |name: &str, document: &str| {
        let around = fs::read_to_string(source(name)).unwrap();
        let path = deployment.folder().join(name);
        fs::write(&path, with_example(&around, document)).unwrap();
        path
    };

    let subscriber = example("subscriber.py", "subscribe.md");
    let in_python = lines(
        &deployment,
        clients.python(&subscriber),
        &[&bootstrap, &number],
    );
    let subscriber = example("Subscriber.java", "subscribe.md");
    let in_java = lines(
        &deployment,
        clients.java(&subscriber),
        &[&bootstrap, &number],
    );
    let ids = |read: &[String]| -> BTreeSet<String> { read.iter().map(|it| id_of(it)).collect() };
    assert_eq!(ids(&in_python).len(), counts.alerts);
    let sorted = |read: &[String]| -> BTreeSet<String> { read.iter().cloned().collect() };
    assert_eq!(sorted(&in_python), sorted(&in_java));
    let in_java: Vec<_> = in_java.iter().map(|line| alert_of(line)).collect();
    assert_some_are_about_cohorts(&in_java);

    let read = python_reads(&deployment, &clients, &[&bootstrap, "lending.alerts"]);
    assert_eq!(read.len(), counts.alerts);
    for line in &read {
        let alert = in_millis(&line["value"]);
        assert_is_the_event_of_its_alert(&deployment, &line["event"], &alert, "json");
    }

    let reader = example("journey.py", "store.md");
    let mut command = clients.python(&reader);
    command.current_dir(ROOT); // it names a file in `schemas/`
    let journeys = lines(
        &deployment,
        command,
        &[&deployment.redis.port().to_string()],
    );
    let [journey] = &journeys[..] else {
        panic!("one journey: {journeys:?}");
    };
    let journey: Value = serde_json::from_str(journey).unwrap();
    let shown = deployment.must(&["inspect", "customer", "C0051", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let of = |journey: &Value| {
        let application = &journey["applications"][0];
        let day = journey["due"].as_str().unwrap()[..10].to_owned();
        (
            application["id"].clone(),
            application["product"].clone(),
            day,
        )
    };
    assert_eq!(of(&journey), of(&shown["journey"]));
    assert_eq!(journey["applications"][0]["id"], "loan-1");
}

/// Puts the first example of a document in the language of a client where the client wants it.
fn with_example(client: &str, document: &str) -> String {
    let document = fs::read_to_string(format!("{ROOT}/docs/{document}")).unwrap();
    let (language, place) = if client.contains("// <example>") {
        ("java", "// <example>")
    } else {
        ("python", "# <example>")
    };
    let (_, rest) = document.split_once(&format!("```{language}\n")).unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    client.replace(place, example)
}

fn source(name: &str) -> PathBuf {
    Path::new(ROOT).join("tests/live/clients").join(name)
}

fn python_reads(deployment: &Deployment, clients: &Clients, arguments: &[&str]) -> Vec<Value> {
    let lines = lines(deployment, clients.python(&source("read.py")), arguments);
    let read = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    read.collect()
}

/// Runs a client to its end and returns the lines that it prints.
fn lines(deployment: &Deployment, mut command: Command, arguments: &[&str]) -> Vec<String> {
    command.args(arguments);
    let told = deployment.in_time("client", &command);
    told.lines().map(str::to_owned).collect()
}

/// Lines of the Python client by the id of the event.
fn by_id(lines: &[Value]) -> BTreeMap<String, &Value> {
    let id = |line: &Value| line["event"]["id"].as_str().unwrap().to_owned();
    lines.iter().map(|line| (id(line), line)).collect()
}

fn id_of(line: &str) -> String {
    let (id, _) = line.split_once('\t').unwrap();
    id.to_owned()
}

fn alert_of(line: &str) -> Value {
    let (_, alert) = line.split_once('\t').unwrap();
    serde_json::from_str(alert).unwrap()
}

/// Reads a line of the Java client: the id of the event, and the event with its alert.
fn of_java(line: &str) -> (String, [Value; 2]) {
    let (event, _) = line.split_once('\t').unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    let id = event["id"].as_str().unwrap().to_owned();
    (id, [event, in_millis(&alert_of(line))])
}

/// Times of an alert in milliseconds, however they are written.
fn in_millis(alert: &Value) -> Value {
    let mut alert = alert.clone();
    let millis = |time: &mut Value| {
        if let Some(text) = time.as_str() {
            *time = json!(Timestamp::parse(text).unwrap().as_millis());
        }
    };
    millis(&mut alert["occurred_at"]);
    millis(&mut alert["due"]);
    for event in alert["evidence"].as_array_mut().unwrap() {
        millis(&mut event["occurred_at"]);
    }
    alert
}

fn assert_some_are_about_cohorts<'a>(alerts: impl IntoIterator<Item = &'a Value>) {
    let about_cohorts = alerts.into_iter().filter(|it| it["cohort"].is_object());
    assert!(about_cohorts.count() > 0);
}

/// Holds what an SDK makes of the headers against the alert, whose times are in milliseconds.
fn assert_is_the_event_of_its_alert(
    deployment: &Deployment,
    event: &Value,
    alert: &Value,
    form: &str,
) {
    let said = |of: &str| alert[of].as_str().unwrap_or_default();
    let id = format!("{}-{}", said("alert_id"), alert["sequence"]);
    assert_eq!(event["id"], id);
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], format!("io.waymark.alert.{}", said("kind")));
    assert_eq!(event["time"], alert["occurred_at"]);
    assert_eq!(event["datacontenttype"], format!("application/{form}"));
    let cohort = &alert["cohort"];
    let (stage, subject) = if let Some(customer) = alert["customer_id"].as_str() {
        ("customer", customer.to_owned())
    } else {
        let part = |of: &str| cohort[of].as_str().unwrap();
        ("cohort", format!("{}={}", part("dimension"), part("value")))
    };
    assert_eq!(event["subject"], subject);
    let source = format!("/waymark/{}/{stage}", deployment.name);
    assert_eq!(event["source"], source);
    let (text, number) = match said("severity") {
        "info" => ("INFO", "9"),
        "warning" => ("WARN", "13"),
        "critical" => ("ERROR", "17"),
        other => panic!("{other} is no severity"),
    };
    assert_eq!(event["severitytext"], text);
    assert_eq!(event["severitynumber"], number);
    let recorded = Timestamp::parse(event["recordedtime"].as_str().unwrap()).unwrap();
    let happened = event["time"].as_i64().unwrap();
    assert!(
        recorded.as_millis() >= happened,
        "{event}: the history is of the past"
    );
    let evidence = alert["evidence"].as_array().unwrap();
    assert_eq!(event["correlationid"], evidence[0]["event_hash"]);
}
