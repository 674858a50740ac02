//! Somebody moves offsets, empties the changelog, cuts the source or places keys elsewhere. One shard halts by name, which
//! the log, the metric and the probe all tell; the others go on.

use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use waymark_testkit::{Kafka, Servers, servers_or_skip};

use crate::client::Plain;
use crate::deployment::{Deployment, Worker};

/// The shard that is hurt.
const HURT: i32 = 1;

#[test]
fn offsets_moved_by_a_tool_halt_the_shard() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = stopped(&servers, "offsets-moved", 81);
    let (group, events) = (deployment.group(), deployment.topic("events"));
    let client = deployment.client();
    let position = client.committed(&group, &events)[1];
    client.move_offset(&group, &events, HURT, 5);
    let mut worker = deployment.start(0);
    halts(&mut worker, "OFFSETS_MOVED");
    let both = format!("the group's committed offset is 5, the changelog says {position}");
    worker.says(&both);
    others_go_on(&deployment);
    worker.stop();
    client.move_offset(&group, &events, HURT, position); // what `shard adopt` will do
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.settle(vec![worker]);
}

#[test]
fn a_changelog_that_was_deleted_and_created_anew_halts_every_shard() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = stopped(&servers, "changelog-emptied", 82);
    let changelog = deployment.topic("customer.changelog");
    deployment.client().delete(&changelog);
    deployment.create_topics();
    let mut worker = deployment.start(0);
    for shard in 0..3 {
        halted(&mut worker, shard, "CHANGELOG_MISSING");
    }
    deployment.feed(500, 100, 99);
    worker.stop();
    let ends = deployment.client().ends(&changelog);
    assert_eq!(ends, [0, 0, 0], "a halted shard writes nothing");
}

#[test]
fn a_state_that_neither_store_nor_changelog_can_show_halts_the_shard() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = stopped(&servers, "state-unreadable", 89);
    let (client, changelog) = (deployment.client(), deployment.topic("customer.changelog"));
    let told = client.read(&changelog);
    let is_state = |it: &&OwnedMessage| it.partition() == HURT && it.key().unwrap()[0] == 1;
    let last = told.iter().rfind(is_state).unwrap();
    let altered = [last.payload().unwrap(), b"x"].concat();
    let customer = String::from_utf8(last.key().unwrap()[1..].to_vec()).unwrap();
    let record = Plain {
        partition: HURT,
        key: last.key().map(<[u8]>::to_vec),
        value: Some(altered),
        headers: None,
    };
    client.send(&changelog, &[record]);
    let keys = format!("*.customer.{HURT}}}:*:s:{customer}");
    let key = deployment.redis.ask(&["keys", &keys]).unwrap();
    deployment.redis.ask(&["append", key.trim(), "x"]).unwrap();
    let mut worker = deployment.start(0);
    worker.runs();
    let event = format!(
        r#"{{"event_id":"e-1","customer_id":"{customer}","occurred_at":"2026-05-02T12:00:00Z","source":"web","body":{{"type":"digital.logged_in"}}}}"#
    );
    let event = Plain {
        partition: HURT,
        value: Some(event.into_bytes()),
        ..Plain::default()
    };
    client.send(&deployment.topic("events"), &[event]);
    halts(&mut worker, "FOREIGN_CHANGELOG");
    worker.says("in the changelog cannot be read");
    others_go_on(&deployment);
    worker.stop();
}

#[test]
fn a_source_that_was_cut_above_our_position_halts_the_shard() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = stopped(&servers, "source-cut", 83);
    let (group, events) = (deployment.group(), deployment.topic("events"));
    let client = deployment.client();
    let position = client.committed(&group, &events)[1];
    deployment.feed(500, 100, 84);
    client.cut(&events, HURT, position + 1);
    let mut worker = deployment.start(0);
    halts(&mut worker, "SOURCE_GAP");
    others_go_on(&deployment);
    worker.stop();
}

#[test]
fn producers_that_place_keys_elsewhere_halt_the_shard() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = stopped(&servers, "wrong-partitioner", 85);
    let event = |number: usize| {
        format!(
            r#"{{"event_id":"e-{number}","customer_id":"X{number}","occurred_at":"2026-05-02T12:00:00Z","source":"web","body":{{"type":"digital.logged_in"}}}}"#
        )
    };
    let records: Vec<_> = (0..1_000)
        .map(|number| Plain {
            partition: HURT, // wherever the key belongs: two in three do not belong here
            key: Some(format!("X{number}").into_bytes()),
            value: Some(event(number).into_bytes()),
            headers: None,
        })
        .collect();
    deployment
        .client()
        .send(&deployment.topic("events"), &records);
    let mut worker = deployment.start(0);
    halts(&mut worker, "WRONG_PARTITIONER");
    others_go_on(&deployment);
    worker.stop();
    let (status, _, told) = deployment.verdict(&[]);
    assert_eq!(status, Some(0), "{told}");
}

/// A deployment that has worked and stands still.
fn stopped(servers: &Servers, name: &str, seed: u32) -> Deployment {
    let kafka = Kafka::shared(servers);
    let deployment = Deployment::create(servers, name, &kafka.bootstrap());
    deployment.feed(1_500, 100, seed);
    let mut worker = deployment.start(0);
    deployment.caught_up();
    worker.runs();
    worker.stop();
    deployment
}

/// Waits until the hurt shard has halted; the others run.
fn halts(worker: &mut Worker, name: &str) {
    halted(worker, HURT, name);
    worker.shows("/readyz?verbose", "[+]shard customer/0 running");
    worker.shows("/readyz?verbose", "[+]shard customer/2 running");
}

/// Waits until a shard has halted, and looks everywhere where that must be told.
fn halted(worker: &mut Worker, shard: i32, name: &str) {
    worker.says(&format!("halt=\"{name}\""));
    let line = format!("[-]shard customer/{shard} halted: {name}: ");
    worker.shows("/readyz?verbose", &line);
    worker.shows("/readyz", "HTTP/1.1 503");
    worker.shows("/livez", "HTTP/1.1 200");
    let row = format!("waymark_halted{{halt=\"{name}\",shard=\"{shard}\",stage=\"customer\"}} 1");
    worker.shows("/metrics", &row);
}

/// The other shards take what comes now.
fn others_go_on(deployment: &Deployment) {
    deployment.feed(500, 100, 99);
    let (client, events) = (deployment.client(), deployment.topic("events"));
    let ends = client.ends(&events);
    let there = waymark_testkit::until(crate::deployment::LONG, || {
        let at = client.committed(&deployment.group(), &events);
        (at.len() == ends.len() && at[0] == ends[0] && at[2] == ends[2]).then_some(())
    });
    assert!(there.is_some(), "the other shards stand still");
}
