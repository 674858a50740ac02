//! What is created, what is refused, and what is waived.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::config::{Assurance, Config, Deployment, Environment, Flag};

fn config(assurance: &str, assume: &str) -> Config {
    let flag = |path: &str, value: &str| Flag {
        path: path.to_owned(),
        value: value.to_owned(),
        name: "--set".to_owned(),
    };
    let mut flags = vec![flag("deployment", "d"), flag("assurance", assurance)];
    if !assume.is_empty() {
        flags.push(flag("assume", assume));
    }
    Config::load(None, &Environment::default(), &flags).unwrap()
}

#[test]
fn a_producer_sends_the_largest_state_that_a_changelog_must_take() {
    let shape = Shape::new(Assurance::SingleBroker);
    let topics = wanted(&Deployment::parse("d").unwrap(), &shape).into_iter();
    let changelogs = topics.filter(|topic| topic.name.ends_with(".changelog"));
    let settings = changelogs.flat_map(|topic| topic.settings);
    let sizes = settings.filter(|it| it.name == "max.message.bytes");
    let largest: usize = sizes.map(|it| it.value.parse().unwrap()).max().unwrap();
    let producer = |bytes: usize| {
        let flags = [
            ("deployment", "d"),
            ("kafka.producer.message.max.bytes", &*bytes.to_string()),
        ]
        .map(|(path, value)| Flag {
            path: path.to_owned(),
            value: value.to_owned(),
            name: "--set".to_owned(),
        });
        Config::load(None, &Environment::default(), &flags)
    };
    assert_eq!(producer(largest).unwrap().kafka.record_bytes_max(), largest);
    assert!(producer(largest - 1).is_err());
}

/// What the brokers would say if everything had been created for this assurance.
fn created(shape: &Shape) -> BTreeMap<String, FoundTopic> {
    let topics = wanted(&Deployment::parse("d").unwrap(), shape).into_iter();
    let found = topics.map(|topic| {
        let settings = topic.settings.into_iter();
        let settings = settings.map(|setting| (setting.name.to_owned(), setting.value));
        let found = FoundTopic {
            partitions: topic.partitions,
            replication: topic.replication,
            settings: Ok(settings.collect()),
        };
        (topic.name, found)
    });
    found.collect()
}

fn set(found: &mut BTreeMap<String, FoundTopic>, topic: &str, setting: &str, value: &str) {
    let topic = found.get_mut(topic).unwrap();
    let settings = topic.settings.as_mut().unwrap();
    settings.insert(setting.to_owned(), value.to_owned());
}

fn told(config: &Config, found: &BTreeMap<String, FoundTopic>) -> Vec<String> {
    let differences = differences(config, found).into_iter();
    let told = differences.map(|it| {
        let Difference {
            topic,
            setting,
            wanted,
            found,
            weight,
            ..
        } = it;
        format!("{topic} {setting}: {wanted}, not {found} ({weight:?})")
    });
    told.collect()
}

#[test]
fn what_we_create_is_what_we_want() {
    let found = created(&Shape::new(Assurance::Production));
    assert_eq!(told(&config("production", ""), &found), [""; 0]);
    let quarter = Duration::from_hours(90 * 24);
    let found = created(&Shape::new(Assurance::Production).keeping(quarter));
    assert_eq!(told(&config("production", ""), &found), [""; 0]);
}

#[test]
fn one_broker_is_refused_in_production_and_waived_elsewhere() {
    let found = created(&Shape::new(Assurance::SingleBroker));
    let differences = told(&config("production", ""), &found);
    assert_eq!(differences.len(), 16, "two for each of eight topics");
    assert_eq!(
        differences[..2],
        [
            "d.events replication.factor: at least 3, not 1 (Refusal)",
            "d.events min.insync.replicas: at least 2, not 1 (Refusal)",
        ]
    );
    let waived = told(&config("single-broker", ""), &found);
    assert!(
        waived.iter().all(|told| told.ends_with("(Warning)")),
        "{waived:?}"
    );
}

#[test]
fn what_differs_is_told_setting_by_setting() {
    let mut found = created(&Shape::new(Assurance::Production));
    set(
        &mut found,
        "d.events",
        "message.timestamp.type",
        "CreateTime",
    );
    set(
        &mut found,
        "d.customer.changelog",
        "cleanup.policy",
        "compact,delete",
    );
    set(
        &mut found,
        "d.customer.changelog",
        "delete.retention.ms",
        "86400000",
    );
    set(&mut found, "d.alerts", "retention.ms", "1000");
    found.remove("d.late");
    found.get_mut("d.customer.changelog").unwrap().partitions = 6;
    assert_eq!(
        told(&config("single-broker", ""), &found),
        [
            "d.events message.timestamp.type: LogAppendTime, not CreateTime (Refusal)",
            "d.late topic: there, not missing (Refusal)",
            "d.customer.changelog partitions: 12, not 6 (Refusal)",
            "d.customer.changelog cleanup.policy: compact, not compact,delete (Refusal)",
            "d.customer.changelog delete.retention.ms: at least 604800000, not 86400000 (Refusal)",
        ]
    );
}

#[test]
fn what_depends_on_the_events_follows_them() {
    let mut found = created(&Shape::new(Assurance::Production));
    set(&mut found, "d.events", "retention.ms", "-1");
    set(&mut found, "d.events", "max.message.bytes", "10000000");
    assert_eq!(
        told(&config("production", ""), &found),
        [
            "d.alerts min.compaction.lag.ms: 9223372036854775807, not 604800000 (Refusal)",
            "d.deltas retention.ms: -1, not 604800000 (Refusal)",
            "d.dead-letter max.message.bytes: at least 10065536, not 1114112 (Refusal)",
            "d.late max.message.bytes: at least 10065536, not 1114112 (Refusal)",
        ]
    );
}

#[test]
fn what_is_missing_is_made_to_fit_what_is_there() {
    let deployment = Deployment::parse("d").unwrap();
    let shape = Shape {
        partitions: 24,
        cohort_partitions: 8,
        retention_ms: 2_592_000_000,
        record_bytes: 4_194_304,
        ..Shape::new(Assurance::SingleBroker)
    };
    let mut found = created(&shape);
    let new = Shape::new(Assurance::SingleBroker);
    let fitted = |found: &BTreeMap<_, _>| new.fitting(&deployment, found);
    assert_eq!(fitted(&BTreeMap::new()), new);
    assert_eq!(fitted(&found), shape);
    found.remove("d.customer.changelog");
    found.remove("d.cohort.changelog");
    assert_eq!(fitted(&found), shape);

    let mut left = created(&shape);
    left.remove("d.events");
    left.remove("d.deltas");
    let fitted = fitted(&left);
    assert_eq!((fitted.partitions, fitted.cohort_partitions), (24, 8));
}

#[test]
fn what_follows_the_events_says_which_of_the_two_is_raised_first() {
    let mut found = created(&Shape::new(Assurance::Production));
    set(&mut found, "d.events", "retention.ms", "2592000000");
    set(&mut found, "d.events", "max.message.bytes", "10000000");
    let differences = differences(&config("production", ""), &found);
    let first = ["d.alerts", "d.deltas", "d.dead-letter", "d.late"];
    let topics: Vec<_> = differences.iter().map(|it| it.topic.as_str()).collect();
    assert_eq!(topics, first);
    for difference in differences {
        let why = &difference.why;
        assert!(why.contains("so raise this before"), "{why}");
    }
}

#[test]
fn what_is_created_for_events_that_stay_for_ever_stays_too() {
    let shape = Shape {
        retention_ms: -1,
        ..Shape::new(Assurance::Production)
    };
    let found = created(&shape);
    assert_eq!(told(&config("production", ""), &found), [""; 0]);
    let lag = &found["d.alerts"].settings.as_ref().unwrap()["min.compaction.lag.ms"];
    assert_eq!(lag, &i64::MAX.to_string(), "brokers refuse -1 here");
}

#[test]
fn settings_that_nobody_may_read_are_refused_unless_taken_on_trust() {
    let mut found = created(&Shape::new(Assurance::Production));
    found.get_mut("d.alerts").unwrap().settings = Err("not authorized".to_owned());
    let refused = ["d.alerts settings: readable, not unknown (Refusal)"];
    assert_eq!(told(&config("production", ""), &found), refused);
    let waived = ["d.alerts settings: readable, not unknown (Warning)"];
    assert_eq!(
        told(&config("production", "topic-settings"), &found),
        waived
    );
    assert_eq!(told(&config("demo", ""), &found), waived);
}
