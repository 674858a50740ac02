//! `waymark inspect` and `waymark shard adopt`, as an operator meets them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::process::Output;

use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use rdkafka::producer::Producer as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use waymark::changelog::{ChangelogReader, CopyError, Copying};
use waymark::config::{Config, Environment};
use waymark::protocol::{Checkpoint, CopyId, Lineage, Offset, RandomIds, Range, ShardId, StepEnd};
use waymark::store::{Flushed, MemoryStore, Store as _};
use waymark_engine::event::Timestamp;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::{Client, Plain};
use crate::deployment::{Deployment, LONG, SHARDS, text};
use crate::nervous::nervous_default;

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

/// Held against a reader that knows of Waymark only what `docs` say.
#[test]
fn an_alert_shows_where_its_transitions_stand_and_what_it_rests_on() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "evidence", &Kafka::shared(&servers).bootstrap());
    deployment.define(&nervous_default());
    deployment.simulate(&["--seed", "3", "--customers", "60", "--events", "3000"]);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let client = deployment.client();
    let published = published(&client, &deployment.topic("alerts"));
    let told = told(&client, &deployment.topic("events"));
    let rests_on = |alert: &Published, that: &dyn Fn(&Vec<Value>) -> bool| {
        let mut hashes = alert.iter().flat_map(|(_, _, alert)| hashes(alert));
        hashes.any(|hash| that(&told[&hash]))
    };
    let of_a_kind: [&dyn Fn(&Published) -> bool; 3] = [
        &|it| it.len() > 1,
        &|it| it[0].2["kind"] == "nps_shift" && it[0].2["cohort"].is_object(),
        &|it| rests_on(it, &|places| places.len() == 2), // sent twice
    ];
    let inspected = of_a_kind.map(|is_one| {
        let (id, transitions) = published.iter().find(|(_, it)| is_one(it)).unwrap();
        let shown = deployment.must(&["inspect", "alert", id, "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_transitions(&shown, transitions, &deployment.topic("alerts"));
        let mut evidence: Vec<_> = transitions.iter().flat_map(|(.., it)| hashes(it)).collect();
        let mut seen = BTreeSet::new();
        evidence.retain(|hash| seen.insert(hash.clone()));
        let named = shown["evidence"].as_array().unwrap();
        assert!(
            !named.is_empty() && named.len() == evidence.len(),
            "{shown:#}"
        );
        for (named, hash) in named.iter().zip(evidence) {
            assert_eq!(named["event_hash"], hash);
            assert_eq!(named["at"], json!(told[&hash]), "{hash}");
        }
        id
    });

    let ends = client.ends(&deployment.topic("events"));
    for (partition, end) in (0..).zip(ends) {
        client.cut(&deployment.topic("events"), partition, end);
    }
    for id in inspected {
        let shown = deployment.must(&["inspect", "alert", id, "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let evidence = shown["evidence"].as_array().unwrap();
        assert!(evidence.iter().all(|it| it["at"] == json!([])), "{shown:#}");
        let shown = deployment.must(&["inspect", "alert", id]);
        let gone = shown.matches(": gone from the source").count();
        assert_eq!(gone, evidence.len(), "{shown}");
    }
}

/// The transitions of an alert in the order of their sequences, each with its partition and offset.
type Published = Vec<(i32, i64, Value)>;

fn published(client: &Client, topic: &str) -> BTreeMap<String, Published> {
    let mut published: BTreeMap<String, Published> = BTreeMap::new();
    for record in client.read(topic) {
        let alert: Value = serde_json::from_slice(record.payload().unwrap()).unwrap();
        let id = alert["alert_id"].as_str().unwrap().to_owned();
        let transition = (record.partition(), record.offset(), alert);
        published.entry(id).or_default().push(transition);
    }
    for transitions in published.values_mut() {
        transitions.sort_by_key(|(_, _, alert)| alert["sequence"].as_u64());
    }
    published
}

/// Where each event stands, by the hash of its id.
fn told(client: &Client, topic: &str) -> BTreeMap<String, Vec<Value>> {
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut records = client.read(topic);
    records.sort_by_key(|it| (it.partition(), it.offset()));
    let id = |record: &OwnedMessage| -> Option<String> {
        let event: Value = serde_json::from_slice(record.payload()?).ok()?;
        Some(event["event_id"].as_str()?.to_owned())
    };
    for record in &records {
        let Some(id) = id(record) else {
            continue; // one that makes no sense
        };
        let hash = Sha256::digest(id.as_bytes());
        let hash = hash[..8].iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").unwrap();
            hash
        });
        let (partition, offset) = (record.partition(), record.offset());
        let place = json!({"topic": topic, "partition": partition, "offset": offset});
        told.entry(hash).or_default().push(place);
    }
    told
}

fn hashes(alert: &Value) -> Vec<String> {
    let evidence = alert["evidence"].as_array().unwrap().iter();
    evidence
        .map(|it| it["event_hash"].as_str().unwrap().to_owned())
        .collect()
}

fn assert_transitions(shown: &Value, published: &Published, topic: &str) {
    let shown = shown["transitions"].as_array().unwrap();
    assert_eq!(shown.len(), published.len());
    for ((shown, (partition, offset, alert)), sequence) in shown.iter().zip(published).zip(1..) {
        assert_eq!(shown["alert"], *alert);
        assert_eq!(shown["alert"]["sequence"], sequence);
        assert_eq!(shown["topic"], topic);
        assert_eq!(
            (&shown["partition"], &shown["offset"]),
            (&json!(partition), &json!(offset))
        );
    }
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

/// As a large step leaves it that was cut off: first open, then aborted.
#[test]
fn a_shard_can_be_looked_at_over_thousands_of_records_that_were_not_committed() {
    let Some(deployment) = started("cut-off") else {
        return;
    };
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let step = || {
        let shard = &deployment.shards()[1];
        (shard["step"].clone(), shard["next_owner"].clone())
    };
    let before = step();
    let changelog = deployment.topic("customer.changelog");
    let cut_off = deployment.client().transactional("somebody");
    cut_off.begin_transaction().unwrap();
    for number in 0..3_000 {
        let key = format!("\u{1}C-{number}");
        Plain {
            partition: 1,
            key: Some(key.into()),
            value: Some(b"x".to_vec()),
            headers: None,
        }
        .send(&cut_off, &changelog);
    }
    cut_off.flush(LONG).unwrap();
    let fine = |output: &Output| {
        let told = text(&output.stdout);
        output.status.success() && told.contains("shards know version 2026.1 as it is")
    };
    let open = deployment.asked(&["doctor"]);
    assert!(fine(&open), "{}", text(&open.stdout));
    assert_eq!(step().0, before.0);
    cut_off.abort_transaction(LONG).unwrap();
    let aborted = deployment.asked(&["doctor"]);
    assert!(fine(&aborted), "{}", text(&aborted.stdout));
    assert_eq!(step(), before);

    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    deployment.assert_fine_with_store();
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

/// As a leader does that was elected a moment ago and does not know yet how far the one before it had come.
#[test]
fn a_copy_of_a_changelog_that_ends_too_early_is_none() {
    let Some(deployment) = started("early") else {
        return;
    };
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let file = deployment.folder().join("waymark.yaml");
    let config = Config::load(Some(&file), &Environment::default(), &[]).unwrap();
    let topic = deployment.topic("customer.changelog");
    let reader = ChangelogReader::open(&config.kafka, "early.customer", &topic).unwrap();
    let shard = ShardId(0);
    let log = Range {
        start: Offset(0),
        end: Offset(deployment.client().ends(&topic)[0]),
    };
    let mut go_on = || ControlFlow::Continue(());
    let last = reader.last_progress(shard, log, &mut go_on).unwrap();
    let last = last.and_then(|last| last.step_end()).unwrap();
    let mut copied = |from: Offset, last: &StepEnd| {
        let mut store = MemoryStore::default();
        let mut checkpoint = Checkpoint::begin_copy(
            Lineage::new(&mut One),
            CopyId::new(&mut One),
            Timestamp::MIN,
        );
        checkpoint.position = from;
        let made = store.new_copy(shard, None, &checkpoint);
        assert_eq!(made.unwrap(), Flushed::Done);
        let copying = Copying {
            reader: &reader,
            store: &mut store,
            due_of: &|_, _| Ok(None),
            go_on: &mut go_on,
            in_time: &|_| true,
        };
        copying.copy(shard, checkpoint, last)
    };
    let whole = copied(Offset(0), &last).unwrap().unwrap();
    assert_eq!(whole.checkpoint.position, last.position());
    let beyond = StepEnd {
        step: last.step.next(),
        offset: Offset(last.offset.0 + 10),
        ..last
    };
    // Some steps before the end are seen, or none: compaction takes the older ones away.
    for from in [Offset(0), last.position()] {
        let early = copied(from, &beyond);
        assert!(matches!(early, Err(CopyError::Moved(_))), "{early:?}");
    }
}

struct One;

impl RandomIds for One {
    fn bits(&mut self) -> u128 {
        1
    }
}
