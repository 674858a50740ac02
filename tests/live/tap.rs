//! `waymark tap`: alerts as they come, and those of before.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::deployment::{Deployment, LONG, text};

#[test]
fn what_was_published_is_shown_as_it_was_published_and_filters_take_of_it() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "tapped", &Kafka::shared(&servers).bootstrap());
    deployment.simulate(&["--seed", "7", "--customers", "80", "--events", "3000"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let ids: BTreeSet<String> = deployment
        .client()
        .ids(&deployment.topic("alerts"))
        .into_iter()
        .collect();
    let all = tapped(&deployment, &["--count", &ids.len().to_string()]);
    assert_eq!(all.iter().map(id).collect::<BTreeSet<_>>(), ids);

    let wanted =
        |alert: &&Value| alert["kind"] == "enquiry_unanswered" && alert["status"] == "resolved";
    let expected: BTreeSet<_> = all.iter().filter(wanted).map(id).collect();
    assert!(expected.len() > 2, "{expected:?}");
    let (number, filter) = (expected.len().to_string(), "enquiry_unanswered");
    let some = tapped(
        &deployment,
        &["--kind", filter, "--status", "resolved", "--count", &number],
    );
    assert_eq!(some.iter().map(id).collect::<BTreeSet<_>>(), expected);

    let one = deployment.command(&[
        "tap", "--since", "1h", "--kind", filter, "--status", "raised", "--count", "1",
    ]);
    let one = deployment.in_time("tap", &one);
    assert!(
        one.contains(" enquiry_unanswered breached raised  customer C"),
        "{one}"
    );
    assert!(one.contains(": no answer for "), "{one}");
    assert!(
        !one.contains('\u{1b}'),
        "nobody sees colours in a file: {one}"
    );
    a_reader_that_went_away_ends_it_quietly(&deployment);
}

fn a_reader_that_went_away_ends_it_quietly(deployment: &Deployment) {
    let mut command = deployment.command(&["tap", "--from-beginning"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tap = command.spawn().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, tap.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let ended = tap.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(text(&ended.stderr), "");
    assert!(line.contains("customer"), "{line}");
}

#[test]
fn an_alert_is_shown_as_it_comes_until_somebody_has_seen_enough() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(
        &servers,
        "tapped-live",
        &Kafka::shared(&servers).bootstrap(),
    );
    let mut tap = deployment.spawn("tap", &deployment.command(&["tap"]));
    tap.wait_to_say("waiting for alerts of tapped-live", LONG)
        .unwrap();
    deployment.simulate(&["--seed", "3", "--customers", "60", "--events", "1500"]);
    let mut worker = deployment.start(0);
    let seen = until(LONG, || (tap.stdout().lines().count() > 10).then_some(()));
    assert!(seen.is_some(), "{}{}", tap.tail(), worker.process.tail());
    let interrupted = Command::new("kill")
        .args(["-INT", &tap.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let ended = tap.wait(LONG).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", tap.tail());
    worker.stop();
}

#[test]
fn without_a_topic_or_a_broker_it_says_so() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let bootstrap = Kafka::shared(&servers).bootstrap();
    let tap = |bootstrap: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
        let server = ["--deployment", "nobody", "--bootstrap-servers", bootstrap];
        let command = command.env_clear().arg("tap").args(server);
        let output = command.output().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = tap(&bootstrap);
    assert_eq!(code, Some(66), "{said}");
    assert!(
        said.contains("topic nobody.alerts does not exist"),
        "{said}"
    );
    let (code, said) = tap("127.0.0.1:9");
    assert_eq!(code, Some(69), "{said}");
    assert!(
        said.contains("topic nobody.alerts cannot be read"),
        "{said}"
    );
}

fn tapped(deployment: &Deployment, more: &[&str]) -> Vec<Value> {
    let words = [&["tap", "--from-beginning", "-o", "json"], more].concat();
    let told = deployment.in_time("tap", &deployment.command(&words));
    let lines = told.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn id(alert: &Value) -> String {
    let (id, sequence) = (alert["alert_id"].as_str().unwrap(), &alert["sequence"]);
    format!("{id}-{sequence}")
}
