//! The store is lost, rolled back, full, busy, loading, a replica, or altered by hand. Nobody acts: what is wrong is copied from the
//! changelog, and what does not serve is waited for. Only one that may lose states one by one halts.

use std::thread::{self, sleep};
use std::time::Duration;

use waymark_testkit::{Kafka, Redis, redis, servers_or_skip, until};

use crate::deployment::{Deployment, LONG, SHARDS};

#[test]
fn a_redis_that_is_emptied_or_rolled_back_is_copied_anew() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let mut deployment = Deployment::create(&servers, "redis-lost", &kafka.bootstrap());
    deployment.feed(3_000, 150, 51);
    let mut stream = deployment.stream(200, 52);
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.stored();

    deployment.redis.kill();
    sleep(Duration::from_secs(1));
    deployment.redis.restart_empty().unwrap();
    deployment.stored();
    worker.runs();

    deployment.redis.ask(&["flushall"]).unwrap();
    deployment.stored();
    worker.runs();

    let dump = deployment.folder().join("older");
    let port = deployment.redis.port().to_string();
    deployment.redis.ask(&["save"]).unwrap();
    let folder = deployment.redis.ask(&["config", "get", "dir"]).unwrap();
    let folder = folder.lines().last().unwrap().to_owned();
    std::fs::copy(format!("{folder}/dump.rdb"), &dump).unwrap();
    sleep(Duration::from_secs(2)); // the deployment works on, the dump grows old
    deployment.redis.kill();
    std::fs::copy(&dump, format!("{folder}/dump.rdb")).unwrap();
    deployment.redis.restart().unwrap();
    assert_eq!(deployment.redis.port().to_string(), port);
    sleep(Duration::from_secs(1));
    worker.runs();

    stream.terminate();
    stream.wait(LONG);
    assert!(worker.metric("waymark_recovery_duration_seconds_count", "") > f64::from(SHARDS));
    deployment.settle(vec![worker]);
}

#[test]
fn a_redis_without_room_stalls_the_deployment_until_it_has_some() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "redis-full", &kafka.bootstrap());
    let redis = |words: &[&str]| deployment.redis.ask(words).unwrap();
    redis(&["config", "set", "maxmemory", "1"]);
    deployment.feed(3_000, 150, 61);
    let mut worker = deployment.start(0);
    worker.says("OOM");
    deployment
        .redis
        .ask(&["config", "set", "maxmemory", "0"])
        .unwrap();
    deployment.stored();
    worker.runs();
    // Once more, with copies that are complete.
    deployment
        .redis
        .ask(&["config", "set", "maxmemory", "1"])
        .unwrap();
    deployment.feed(500, 150, 62);
    deployment.caught_up(); // states wait in memory: the store is not asked for them
    deployment
        .redis
        .ask(&["config", "set", "maxmemory", "0"])
        .unwrap();
    worker.runs();
    deployment.settle(vec![worker]);
}

#[test]
fn a_redis_that_is_busy_or_became_a_replica_is_waited_for() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "redis-busy", &kafka.bootstrap());
    deployment.feed(3_000, 150, 81);
    let mut worker = deployment.start(0);
    deployment.stored();
    worker.runs();

    let redis = |words: &[&str]| deployment.redis.ask(words);
    redis(&["config", "set", "busy-reply-threshold", "100"]).unwrap();
    thread::scope(|scope| {
        let script = scope.spawn(|| redis(&["eval", "while true do end", "0"]));
        deployment.feed(500, 150, 82);
        worker.says("BUSY");
        redis(&["script", "kill"]).unwrap();
        script.join().unwrap().unwrap_err();
    });
    worker.runs();

    redis(&["replicaof", "127.0.0.1", "1"]).unwrap(); // nobody is there: it keeps what it has, and takes nothing
    deployment.feed(500, 150, 83);
    worker.says("the server is a replica");
    redis(&["replicaof", "no", "one"]).unwrap();
    worker.runs();
    deployment.settle(vec![worker]);
}

#[test]
fn a_redis_that_loads_its_data_is_waited_for() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    // As slow as with much more data: each key takes 30 ms, and clients are answered meanwhile.
    let slow = [
        ("key-load-delay", "30000"),
        ("loading-process-events-interval-bytes", "1024"),
    ];
    let options = redis::Options {
        settings: slow
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..redis::Options::default()
    };
    let redis = Redis::start(&servers, &options).unwrap();
    let mut deployment = Deployment::over(redis, "redis-loading", &kafka.bootstrap());
    deployment.feed(3_000, 300, 86);
    let mut stream = deployment.stream(50, 87); // a worker without work asks Redis for nothing
    let mut worker = deployment.start(0);
    let states = || deployment.redis.ask(&["keys", "*.customer.*:s:*"]).unwrap();
    let many = || (states().lines().count() >= 300).then_some(());
    until(LONG, many).unwrap_or_else(|| panic!("states: {}", states()));
    worker.runs();

    deployment.redis.ask(&["save"]).unwrap();
    deployment.redis.kill();
    deployment.redis.restart().unwrap(); // ten seconds
    worker.says("Redis is loading the dataset");
    worker.runs();
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(vec![worker]);
}

#[test]
fn a_redis_that_is_told_to_evict_halts_every_shard_until_it_is_told_not_to() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "redis-evicts", &kafka.bootstrap());
    deployment.feed(1_000, 100, 57);
    let mut worker = deployment.start(0);
    deployment.caught_up();
    worker.runs();

    let policy = |policy| {
        let set = ["config", "set", "maxmemory-policy", policy];
        deployment.redis.ask(&set).unwrap();
    };
    policy("allkeys-lru"); // connections that stand go on as if nothing had been
    worker.says("halt=\"SETTING_CHANGED\"");
    worker.says("redis: maxmemory-policy is allkeys-lru, must be noeviction");
    for shard in 0..SHARDS {
        let line = format!("[-]shard customer/{shard} halted: SETTING_CHANGED: redis: ");
        worker.shows("/readyz?verbose", &line);
    }
    worker.stop();

    policy("noeviction");
    deployment.feed(500, 100, 58);
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.settle(vec![worker]);
}

#[test]
fn a_state_altered_by_hand_is_noticed_and_mended() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "redis-altered", &kafka.bootstrap());
    deployment.feed(2_000, 60, 71);
    let worker = deployment.start(0);
    deployment.stored();
    deployment.settle(vec![worker]);

    let keys = deployment.redis.ask(&["keys", "*:s:*"]).unwrap();
    let mut keys = keys.lines();
    let (altered, deleted) = (keys.next().unwrap(), keys.next().unwrap());
    deployment.redis.ask(&["append", altered, "x"]).unwrap();
    deployment.redis.ask(&["del", deleted]).unwrap();
    let (status, verdict, told) = deployment.verdict(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert_eq!(verdict["store"]["different"], 1, "{told}");
    assert_eq!(verdict["store"]["lost"], 1, "{told}");
    assert_eq!(verdict["states"]["different"], 0, "{told}");

    let (status, ..) = deployment.verdict(&["--mark-damaged"]);
    assert_eq!(status, Some(1), "it tells what it found, and then marks it");
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.settle(vec![worker]);
}

#[test]
fn a_state_that_can_not_be_read_any_more_is_copied_anew_by_its_worker() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "redis-unreadable", &kafka.bootstrap());
    deployment.feed(2_000, 60, 76);
    let worker = deployment.start(0);
    deployment.settle(vec![worker]); // which has left everything in the store

    let keys = deployment
        .redis
        .ask(&["keys", "*.customer.1}:*:s:*"])
        .unwrap();
    assert!(keys.lines().count() > 1, "{keys}");
    for altered in keys.lines() {
        deployment.redis.ask(&["append", altered, "x"]).unwrap();
    }
    deployment.feed(500, 60, 77);
    let mut worker = deployment.start(0);
    worker.says("cannot be read");
    worker.runs();
    deployment.settle(vec![worker]);
}
