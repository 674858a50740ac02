//! `waymark doctor`: everything is ticked, and what keeps a worker from starting is named.

use std::fs;

use serde_json::Value;
use waymark_testkit::{Kafka, Redis, redis, servers_or_skip, until};

use crate::deployment::{Deployment, LONG, text};
use crate::nervous::nervous_default;

fn findings(deployment: &Deployment, code: i32) -> Vec<Value> {
    let output = deployment.asked(&["doctor", "-o", "json"]);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stdout));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn said(findings: &[Value], area: &str, state: &str) -> Vec<String> {
    let those = findings.iter();
    let those = those.filter(|it| it["area"] == area && it["state"] == state);
    those
        .map(|it| it["said"].as_str().expect("a text").to_owned())
        .collect()
}

#[test]
fn a_healthy_deployment_has_a_tick_in_every_area() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "healthy", &Kafka::shared(&servers).bootstrap());
    deployment.simulate(&["--events", "100"]);
    let findings = findings(&deployment, 0);
    for area in [
        "definition",
        "brokers",
        "topics",
        "permissions",
        "store",
        "clock",
    ] {
        assert!(
            !said(&findings, area, "good").is_empty(),
            "no tick for {area}"
        );
    }
    let group = deployment.topic("customer");
    let slot = format!("transactions may be made as {group}-doctor");
    assert!(said(&findings, "permissions", "good").contains(&slot));
    let told = deployment.must(&["doctor"]);
    assert!(told.starts_with("✔ definition: "), "{told}");
    assert!(
        told.contains("\n! topics: replication.factor is 1"),
        "{told}"
    );
}

#[test]
fn what_a_single_broker_waives_production_refuses() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "strict", &Kafka::shared(&servers).bootstrap());
    let output = deployment.asked(&["doctor", "--assurance", "production"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for setting in [
        "offsets.topic.replication.factor",
        "transaction.state.log.min.isr",
    ] {
        assert!(
            told.contains(&format!("✘ brokers: {setting} is 1, wanted")),
            "{told}"
        );
    }
}

#[test]
fn a_redis_that_evicts_is_named_and_nothing_starts_with_it() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let evicting = redis::Options {
        settings: vec![("maxmemory-policy".to_owned(), "allkeys-lru".to_owned())],
        ..redis::Options::default()
    };
    let redis = Redis::start(&servers, &evicting).expect("a Redis");
    let deployment = Deployment::over(redis, "evicting", &Kafka::shared(&servers).bootstrap());
    let findings = findings(&deployment, 1);
    let wrong = ["maxmemory-policy is allkeys-lru, it must be noeviction"];
    assert_eq!(said(&findings, "store", "wrong"), wrong);
    let mut worker = deployment.start(0);
    let ended = worker.process.wait(LONG).expect("it does not start");
    assert_eq!(ended.code(), Some(69), "{}", worker.process.tail());
    let said = worker.process.stdout() + &worker.process.stderr();
    assert!(said.contains(wrong[0]), "{said}");
}

#[test]
fn a_missing_topic_and_a_redis_that_is_away_are_named() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut deployment =
        Deployment::create(&servers, "incomplete", &Kafka::shared(&servers).bootstrap());
    deployment.redis.kill();
    let away = findings(&deployment, 69);
    assert_eq!(said(&away, "store", "away").len(), 1, "{away:?}");
    deployment.client().delete(&deployment.topic("late"));
    let missing = findings(&deployment, 1);
    let wrong = said(&missing, "topics", "wrong");
    assert!(
        wrong[0].starts_with("topic is missing, wanted there"),
        "{wrong:?}"
    );
}

#[test]
fn a_definition_that_was_changed_under_its_version_is_refused_before_anybody_joins() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "changed", &Kafka::shared(&servers).bootstrap());
    deployment.define(&nervous_default());
    let file = deployment.folder().join("definition.yaml");
    let change = |from: &str, to: &str| {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replacen(from, to, 1)).unwrap();
    };
    let ticks = |findings: &[Value]| said(findings, "definition", "good");
    let known = "shards know version 2026.1 as it is".to_owned();
    assert!(
        !ticks(&findings(&deployment, 0)).contains(&known),
        "no shard has run yet"
    );
    deployment.simulate(&["--events", "500"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    assert!(ticks(&findings(&deployment, 0)).contains(&known));

    change("zone: UTC", "zone: \"UTC\" # said in other words");
    assert!(ticks(&findings(&deployment, 0)).contains(&known));

    change("tolerance: 0", "tolerance: 1");
    let refused = said(&findings(&deployment, 1), "definition", "wrong");
    assert_eq!(refused.len(), 1, "{refused:?}");
    let mut worker = deployment.start(0);
    let ended = worker.process.wait(LONG).expect("it does not start");
    assert_eq!(ended.code(), Some(78), "{}", worker.process.tail());
    let told = worker.process.stdout() + &worker.process.stderr();
    assert!(told.contains(&refused[0]), "{told}");

    change("\"2026.1\"", "\"2026.2\"");
    assert_eq!(
        said(&findings(&deployment, 0), "definition", "wrong").len(),
        0
    );
    let mut worker = deployment.start(0);
    let decided = |shard: &Value| shard["rules"]["version"] == "2026.2";
    let all_decided = || deployment.shards().iter().all(decided).then_some(());
    assert!(
        until(LONG, all_decided).is_some(),
        "{:#?}",
        deployment.shards()
    );
    worker.stop();
}
