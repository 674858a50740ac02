//! `waymark inspect` and `waymark shard adopt`, as an operator meets them.

use std::collections::BTreeSet;

use serde_json::Value;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::deployment::{Deployment, LONG, SHARDS, text};

fn started(name: &str) -> Option<Deployment> {
    let servers = servers_or_skip()?;
    let deployment = Deployment::create(&servers, name, &Kafka::shared(&servers).bootstrap());
    deployment.simulate(&["--seed", "3", "--customers", "60", "--events", "1500"]);
    Some(deployment)
}

#[test]
fn a_customer_reads_the_same_from_the_store_and_from_the_changelog() {
    let Some(deployment) = started("inspected") else {
        return;
    };
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let read = |from: &str| -> Value {
        let told = deployment.must(&["inspect", "customer", "C0007", "-o", "json", "--from", from]);
        serde_json::from_str(&told).expect("JSON")
    };
    let (store, changelog) = (read("store"), read("changelog"));
    assert_eq!(
        (&store["from"], &changelog["from"]),
        (&"store".into(), &"changelog".into())
    );
    assert_eq!(store["journey"], changelog["journey"]);
    assert!(
        !store["journey"]["timeline"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
    assert_eq!(store["behind_records"], 0);
    let told = deployment.must(&["inspect", "customer", "C0007"]);
    assert!(
        told.contains("customer-quiet, the customer, armed by"),
        "{told}"
    );

    let nobody = deployment.asked(&["inspect", "customer", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1), "{}", text(&nobody.stdout));
}

#[test]
fn a_shard_says_where_it_stands() {
    let Some(deployment) = started("shards") else {
        return;
    };
    let before = &deployment.shards()[0];
    assert_eq!(before["next_owner"], "begins its history");
    assert!(
        before["lag_records"].as_i64() > Some(0) && before["step"].is_null(),
        "{before}"
    );
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    for shard in deployment.shards() {
        assert_eq!(shard["position"], shard["source_end"], "{shard}");
        assert_eq!(shard["committed"], shard["position"], "{shard}");
        assert_eq!(shard["store"]["behind_steps"], 0, "{shard}");
        assert_eq!(
            shard["next_owner"], "goes on: the store is up to date",
            "{shard}"
        );
    }
    let told = deployment.must(&["inspect", "shard", "2"]);
    assert!(
        told.starts_with("Shard 2\n") && told.contains(", up to date"),
        "{told}"
    );
    let none = deployment.asked(&["inspect", "shard", "9"]);
    assert_eq!(none.status.code(), Some(64), "{}", text(&none.stderr));
}

#[test]
fn a_shard_whose_offset_was_moved_stands_still_until_it_is_adopted() {
    let Some(deployment) = started("moved") else {
        return;
    };
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let (group, events) = (deployment.topic("customer"), deployment.topic("events"));
    deployment.client().move_offset(&group, &events, 1, 5);

    let mut worker = deployment.start(0);
    worker.says("OFFSETS_MOVED");
    let shard = || deployment.shards()[1].clone();
    assert_eq!(shard()["halt"], "OFFSETS_MOVED");
    let adopt = |more: &[&str]| deployment.asked(&[&["shard", "adopt", "1"], more].concat());
    let busy = adopt(&["--execute"]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(
        text(&busy.stderr).contains("the group still has members"),
        "{busy:?}"
    );
    worker.stop();

    let dry = text(&adopt(&[]).stdout);
    assert!(
        dry.contains("moved the group's offset to 5") && dry.contains("nothing was changed"),
        "{dry}"
    );
    assert_eq!(
        shard()["halt"],
        "OFFSETS_MOVED",
        "a dry run changes nothing"
    );
    let done = text(&adopt(&["--execute"]).stdout);
    assert!(done.contains("done:"), "{done}");
    assert_eq!(shard()["halt"], Value::Null);
    assert!(text(&adopt(&[]).stdout).contains("nothing to do"));

    deployment.simulate(&["--seed", "4", "--customers", "60", "--events", "500"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    until(LONG, || (shard()["lag_records"] == 0).then_some(())).expect("it runs");
    worker.stop();
    deployment.assert_fine_with_store();
}

#[test]
fn a_topic_that_was_deleted_is_created_anew_to_fit_those_that_are_left() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "refit", &Kafka::shared(&servers).bootstrap());
    deployment.client().delete(&deployment.topic("events"));
    let gone = || !deployment.asked(&["topics", "check"]).status.success();
    assert!(until(LONG, || gone().then_some(())).is_some(), "it is gone");
    let unfit = deployment.asked(&["topics", "create", "--partitions", "5"]);
    let told = text(&unfit.stderr);
    assert_eq!(unfit.status.code(), Some(1), "{told}");
    assert!(
        told.contains("refit.customer.changelog") && told.contains("wanted 5"),
        "{told}"
    );
    deployment.client().delete(&deployment.topic("events"));
    assert!(until(LONG, || gone().then_some(())).is_some(), "it is gone");
    deployment.create_topics();
}

#[test]
fn what_is_created_anew_fits_the_events_that_are_there() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "fitted", &Kafka::shared(&servers).bootstrap());
    let client = deployment.client();
    let month = [
        ("cleanup.policy", "delete"),
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "2592000000"),
        ("max.message.bytes", "1048576"),
    ];
    client.configure(&deployment.topic("events"), &month);
    let names = ["alerts", "deltas", "customer.changelog", "cohort.changelog"];
    for topic in names.map(|it| deployment.topic(it)) {
        client.delete(&topic);
    }
    let told = deployment.must(&["topics", "create"]);
    assert_eq!(told.matches(": created").count(), names.len(), "{told}");
    deployment.must(&["topics", "check"]);
    let changelog = deployment.topic("customer.changelog");
    assert_eq!(client.partitions(&changelog), SHARDS);

    client.delete(&changelog);
    let unfit = deployment.asked(&["topics", "create", "--partitions", "5"]);
    let told = text(&unfit.stderr);
    assert_eq!(unfit.status.code(), Some(1), "{told}");
    let wrong = "partitions is 5, wanted 3";
    assert!(told.contains(wrong) && told.contains(&changelog), "{told}");
}

/// The recipe of the runbook.
#[test]
fn a_deployment_that_begins_anew_tells_what_it_told() {
    let Some(deployment) = started("anew") else {
        return;
    };
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let client = deployment.client();
    let ids = || -> BTreeSet<String> {
        let told = client.ids(&deployment.topic("alerts"));
        told.into_iter().collect()
    };
    let before = ids();

    let topic = |of: &str| deployment.topic(of);
    for of in ["customer", "cohort"] {
        client.delete_group(&topic(of));
    }
    for of in ["customer.changelog", "cohort.changelog", "deltas"] {
        client.delete(&topic(of));
    }
    deployment.create_topics();
    let () = ::redis::cmd("FLUSHALL")
        .query(&mut deployment.redis())
        .unwrap();
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    assert!(before.len() > 20 && ids() == before, "{before:?}");
    let verdict = deployment.judged();
    for of in ["alerts", "deltas", "scores", "states"] {
        let wrong = ["lost", "different", "unknown"].map(|sort| &verdict[of][sort]);
        assert!(wrong.iter().all(|it| **it == 0), "{of}: {verdict:#}");
    }
    assert_eq!(verdict["alerts"]["doubled"], before.len(), "{verdict:#}");
    assert_eq!(verdict["deltas"]["doubled"], 0, "{verdict:#}");
}
