//! The changelog is compacted while it is copied, which is harmless; and a store that is too old for what compaction may
//! have removed is not completed but copied anew (rule T).
//!
//! Brokers compact as eagerly as they can here. Nobody waits for half a week: the store is made to look older.

use std::collections::HashSet;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use ::redis::Commands as _;
use rdkafka::Message as _;
use waymark::protocol::Checkpoint;
use waymark_engine::event::Timestamp;
use waymark_testkit::{Kafka, kafka, servers_or_skip};

use crate::deployment::{Deployment, LONG, Start};
use crate::records::minutes_from_now;

/// What delivery asks of a changelog; segments last as short as they may, and nothing of them is too fresh or too clean.
const EAGER: [(&str, &str); 7] = [
    ("cleanup.policy", "compact"),
    ("message.timestamp.type", "LogAppendTime"),
    ("max.message.bytes", "8000000"),
    ("delete.retention.ms", "604800000"),
    ("segment.ms", "100"),
    ("min.cleanable.dirty.ratio", "0.001"),
    ("file.delete.delay.ms", "100"),
];

#[test]
fn a_copy_of_a_changelog_that_is_being_compacted_is_right() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = kafka::Options {
        settings: vec![("log.cleaner.backoff.ms".to_owned(), "50".to_owned())],
        ..kafka::Options::default()
    };
    let kafka = Kafka::start(&servers, &options).unwrap();
    let deployment = Deployment::create(&servers, "compacted", &kafka.bootstrap());
    let (client, changelog) = (deployment.client(), deployment.topic("customer.changelog"));
    client.configure(&changelog, &EAGER);
    deployment.feed(40_000, 33_000, 311); // more than one chunk of 10,000 records for each shard
    let mut worker = deployment.start(0);
    deployment.caught_up();
    let mut stream = deployment.stream(300, 312);
    worker.stop();
    for chunk in 0..2 {
        deployment.redis.ask(&["flushall"]).unwrap();
        let mut worker = deployment.start_as(Start {
            failpoints: &format!("recover.5={chunk}*off->1*return(stop)->off"),
            settings: &["stages=customer"],
            ..Start::default()
        });
        worker.says("failpoint recover.5");
        sleep(Duration::from_secs(2)); // behind the first chunk, or the last of a shard, while the cleaner works
        worker.process.resume();
        worker.runs();
        worker.stop();
    }
    stream.terminate();
    stream.wait(LONG);
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.settle(vec![worker]);
    let written = client.ends(&changelog).iter().sum::<i64>();
    let written = usize::try_from(written).unwrap();
    let kept = client.read(&changelog);
    let keys: HashSet<_> = kept.iter().map(|it| (it.partition(), it.key())).collect();
    let (kept, keys) = (kept.len(), keys.len());
    let told = format!("{kept} records of {keys} keys, {written} written");
    assert!(kept < keys + 1_000 && written > kept + 1_000, "{told}");
}

#[test]
fn a_store_so_old_that_it_may_have_missed_deletions_is_copied_anew() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let mut deployment = Deployment::create(&servers, "too-old", &kafka.bootstrap());
    let work = |deployment: &Deployment, seed| {
        deployment.feed(500, 50, seed);
        let mut worker = deployment.start(0);
        deployment.caught_up();
        deployment.stored();
        worker.stop();
    };
    work(&deployment, 321);
    deployment.redis.ask(&["save"]).unwrap();
    let folder = deployment.redis.ask(&["config", "get", "dir"]).unwrap();
    let dump = format!("{}/dump.rdb", folder.lines().last().unwrap());
    let older = fs::read(&dump).unwrap();
    work(&deployment, 322);

    deployment.redis.kill();
    fs::write(&dump, older).unwrap();
    deployment.redis.restart().unwrap();
    let copies = || [0, 1, 2].map(|shard| Copy::of(&deployment, shard));
    let before = copies();
    let four_days = minutes_from_now(-4 * 24 * 60); // deletions are kept for a week: half of it is ours
    for copy in &before[1..] {
        copy.grow_old(four_days);
    }
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.settle(vec![worker]);
    let anew = before.iter().zip(copies());
    let anew: Vec<_> = anew
        .map(|(old, new)| old.checkpoint.copy != new.checkpoint.copy)
        .collect();
    assert_eq!(anew, [false, true, true]);
}

/// The copy of a shard in the store.
struct Copy {
    url: String,
    key: String,
    checkpoint: Checkpoint,
}

impl Copy {
    fn of(deployment: &Deployment, shard: i32) -> Self {
        let url = deployment.redis.url();
        let key = format!("{{{}.{shard}}}:cp", deployment.group());
        let bytes: Vec<u8> = redis(&url).get(&key).unwrap();
        let checkpoint = Checkpoint::decode(&bytes).unwrap();
        Self {
            url,
            key,
            checkpoint,
        }
    }

    /// Makes it look as if nobody had written to it since.
    fn grow_old(&self, as_of: Timestamp) {
        let mut older = self.checkpoint;
        older.as_of = as_of;
        let () = redis(&self.url).set(&self.key, older.encode()).unwrap();
    }
}

fn redis(url: &str) -> ::redis::Connection {
    let client = ::redis::Client::open(url).unwrap();
    client.get_connection().unwrap()
}
