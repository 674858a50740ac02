//! `waymark config`, `topics` and `acls` as a script meets them, as far as no broker is needed.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde::Deserialize;

fn waymark(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
        .args(arguments)
        .env_clear()
        .env("WAYMARK_REDIS__PASSWORD", "hush")
        .output()
        .expect("the command runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn said(arguments: &[&str]) -> String {
    let output = waymark(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Parts of Strimzi's resources that must be right.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    name: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Spec {
    partitions: Option<u32>,
    replicas: Option<u32>,
    config: Option<BTreeMap<String, String>>,
    authorization: Option<Authorization>,
}

#[derive(Debug, Deserialize)]
struct Authorization {
    acls: Vec<Acl>,
}

#[derive(Debug, Deserialize)]
struct Acl {
    resource: BTreeMap<String, String>,
    operations: Vec<String>,
}

fn resources(text: &str) -> Vec<Resource> {
    let documents = text.split("---\n").skip(1);
    documents
        .map(|document| serde_saphyr::from_str(document).expect("YAML"))
        .collect()
}

#[test]
fn settings_in_force_are_listed_with_their_origin_and_without_secrets() {
    let said = said(&["config", "--deployment", "d", "--set", "workers.threads=3"]);
    let line = |start: &str| {
        let mut lines = said.lines().map(str::trim);
        let line = lines.find(|line| line.starts_with(start));
        let words = line.unwrap_or_else(|| panic!("no {start} in\n{said}"));
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("workers.threads"), "workers.threads 3 --set");
    assert_eq!(line("workers.step.wait"), "workers.step.wait 100ms default");
    assert_eq!(
        line("redis.password "),
        "redis.password *** environment variable WAYMARK_REDIS__PASSWORD"
    );
    assert!(!said.contains("hush"), "{said}");
}

#[test]
fn a_wrong_setting_ends_with_the_code_for_configuration() {
    let output = waymark(&[
        "topics",
        "print",
        "--deployment",
        "d",
        "--set",
        "kafka.acks=1",
    ]);
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(
        text(&output.stderr),
        "waymark: --set: acks can't be set: a transaction stands or falls as one, in order and acknowledged by all replicas\n"
    );
}

#[test]
fn topics_are_printed_for_strimzi() {
    let said = said(&[
        "topics",
        "print",
        "--deployment",
        "d",
        "--format",
        "strimzi",
        "--cluster",
        "main",
    ]);
    let topics = resources(&said);
    let names: Vec<&str> = topics
        .iter()
        .map(|topic| topic.metadata.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "d.events",
            "d.alerts",
            "d.scores",
            "d.deltas",
            "d.dead-letter",
            "d.late",
            "d.customer.changelog",
            "d.cohort.changelog"
        ]
    );
    let changelog = &topics[6];
    assert_eq!(
        (changelog.api_version.as_str(), changelog.kind.as_str()),
        ("kafka.strimzi.io/v1", "KafkaTopic")
    );
    assert_eq!(changelog.metadata.labels["strimzi.io/cluster"], "main");
    assert_eq!(
        (changelog.spec.partitions, changelog.spec.replicas),
        (Some(12), Some(3))
    );
    let settings = changelog.spec.config.as_ref().expect("settings");
    assert_eq!(settings["cleanup.policy"], "compact");
    assert_eq!(settings["min.insync.replicas"], "2");
}

#[test]
fn topics_are_printed_for_kafkas_own_tools() {
    let said = said(&[
        "topics",
        "print",
        "--deployment",
        "d",
        "--assurance",
        "single-broker",
        "--partitions",
        "6",
        "--retention",
        "2d",
        "--bootstrap-servers",
        "a:1,b:2",
    ]);
    let events = said
        .split("kafka-topics.sh")
        .nth(1)
        .expect("the first of seven");
    assert_eq!(
        events,
        " --bootstrap-server a:1,b:2 --create --if-not-exists --topic d.events \\\n  \
         --partitions 6 --replication-factor 1 \\\n  \
         --config min.insync.replicas=1 \\\n  \
         --config unclean.leader.election.enable=false \\\n  \
         --config cleanup.policy=delete \\\n  \
         --config message.timestamp.type=LogAppendTime \\\n  \
         --config retention.ms=172800000 \\\n  \
         --config max.message.bytes=1048576\n"
    );
}

#[test]
fn permissions_are_printed_for_both() {
    let user = said(&[
        "acls",
        "print",
        "--deployment",
        "d",
        "--format",
        "strimzi",
        "--user",
        "w",
    ]);
    let user = &resources(&user)[0];
    assert_eq!(
        (user.kind.as_str(), user.metadata.name.as_str()),
        ("KafkaUser", "w")
    );
    let acls = &user.spec.authorization.as_ref().expect("acls").acls;
    let transactions = acls
        .iter()
        .find(|acl| acl.resource["type"] == "transactionalId");
    let transactions = transactions.expect("one step, one transaction");
    assert_eq!(transactions.resource["name"], "d.");
    assert_eq!(transactions.resource["patternType"], "prefix");
    assert_eq!(transactions.operations, ["Write", "Describe"]);

    let lines = said(&["acls", "print", "--deployment", "d"]);
    let group = "--allow-principal 'User:waymark' --operation Read --resource-pattern-type prefixed --group d.\n";
    assert!(lines.contains(group), "{lines}");
}

#[test]
fn brokers_that_are_away_are_told_by_code_and_name() {
    let output = waymark(&[
        "topics",
        "check",
        "--deployment",
        "d",
        "--bootstrap-servers",
        "localhost:1",
    ]);
    assert_eq!(output.status.code(), Some(69));
    let said = text(&output.stderr);
    assert!(
        said.contains("brokers at localhost:1 can't be asked"),
        "{said}"
    );
}
