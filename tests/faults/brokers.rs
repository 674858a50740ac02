//! Brokers die, hang and hand over what they lead; somebody else's transaction stays open. Clocks rest meanwhile, for the
//! silence of a broker is not the silence of customers; then work goes on and nobody acts.

use std::thread::sleep;
use std::time::Duration;

use rdkafka::producer::Producer as _;
use waymark_testkit::{Kafka, kafka, servers_or_skip, until};

use crate::client::Plain;
use crate::deployment::{Deployment, LONG, SHARDS, Start, Worker};

const TICKS: &str = "waymark_ticks_total";
const RECEIVED: &str = "waymark_records_received_total";

#[test]
fn a_broker_that_is_killed_is_waited_for() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = Kafka::start(&servers, &kafka::Options::default()).unwrap();
    let deployment = Deployment::create(&servers, "broker-killed", &kafka.bootstrap());
    deployment.feed(5_000, 200, 101);
    let mut worker = deployment.start(0);
    worker.runs();
    for seed in [102, 103] {
        let mut stream = deployment.stream(200, seed);
        sleep(Duration::from_secs(2));
        kafka.kill(1);
        sleep(Duration::from_secs(1));
        kafka.restart(1).unwrap();
        stream.terminate();
        stream.wait(LONG);
    }
    deployment.feed(500, 200, 104);
    deployment.settle(vec![worker]);
}

#[test]
fn a_broker_that_hangs_moves_no_clock_and_keeps_nobody_from_stopping() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = Kafka::start(&servers, &kafka::Options::default()).unwrap();
    let deployment = Deployment::create(&servers, "broker-hangs", &kafka.bootstrap());
    deployment.feed_of_last_year(1_000, 105);
    let mut worker = deployment.start(0);
    ticking(&worker);

    kafka.pause(1);
    sleep(Duration::from_secs(2)); // an answer may have been on its way
    let before = worker.metric(TICKS, "");
    sleep(Duration::from_secs(16)); // 18 s: three sessions
    assert_eq!(worker.metric(TICKS, "").to_bits(), before.to_bits());
    worker.shows("/livez", "HTTP/1.1 200");
    kafka.resume(1);
    worker.runs();
    ticking(&worker);

    kafka.pause(1);
    sleep(Duration::from_secs(1));
    worker.stop();
    kafka.resume(1);
    let worker = deployment.start(0);
    deployment.feed(500, 100, 106);
    deployment.settle(vec![worker]);
}

#[test]
fn an_open_transaction_upstream_stops_the_clocks_until_it_ends() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "hanging", &kafka.bootstrap());
    deployment.feed_of_last_year(1_000, 107);
    let worker = deployment.start(0);
    deployment.caught_up();
    ticking(&worker);
    let received = worker.metric(RECEIVED, "");

    let upstream = deployment.client().transactional("somebody-upstream");
    upstream.begin_transaction().unwrap();
    for partition in 0..SHARDS {
        let record = Plain {
            partition,
            value: Some(b"of an open transaction".to_vec()),
            ..Plain::default()
        };
        record.send(&upstream, &deployment.topic("events"));
    }
    upstream.flush(LONG).unwrap();
    let behind = || worker.metric("waymark_source_lag_records", "high_watermark") > 2.5;
    assert!(until(LONG, || behind().then_some(())).is_some());
    let before = worker.metric(TICKS, "");
    sleep(Duration::from_secs(4));
    assert_eq!(worker.metric(TICKS, "").to_bits(), before.to_bits());
    assert_eq!(worker.metric(RECEIVED, "").to_bits(), received.to_bits());

    upstream.commit_transaction(LONG).unwrap();
    ticking(&worker);
    assert!((worker.metric(RECEIVED, "") - received - 3.0).abs() < 0.5);
    deployment.settle(vec![worker]);
}

#[test]
fn a_worker_without_work_is_ready_and_one_that_has_lost_its_shards_is_not() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = Kafka::start(&servers, &kafka::Options::default()).unwrap();
    let deployment = Deployment::create(&servers, "lost", &kafka.bootstrap());
    deployment.feed(500, 100, 110);
    let mut workers: Vec<Worker> = (0..=SHARDS.unsigned_abs())
        .map(|ordinal| deployment.start(ordinal))
        .collect();
    for worker in &mut workers {
        worker.runs();
    }
    deployment.caught_up();
    let mut last = workers.pop().unwrap();
    for mut worker in workers {
        worker.stop();
    }
    last.shows("/readyz?verbose", "shard customer/2 running");

    kafka.pause(1);
    last.shows("/readyz?verbose", "waits for its shards");
    last.shows("/readyz", "HTTP/1.1 503");
    kafka.resume(1);
    last.runs();
    deployment.settle(vec![last]);
}

/// A step is made while the clocks rest, so the record that the second process finds is young.
#[test]
fn clocks_go_on_resting_after_an_outage_whoever_takes_the_shards_over() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = Kafka::start(&servers, &kafka::Options::default()).unwrap();
    let deployment = Deployment::create(&servers, "rest", &kafka.bootstrap());
    let start = |ordinal| {
        deployment.start_as(Start {
            ordinal,
            settings: &["time.tick_resume=60s"],
            ..Start::default()
        })
    };
    deployment.feed_of_last_year(1_000, 108);
    let mut first = start(0);
    ticking(&first);
    kafka.pause(1);
    sleep(Duration::from_secs(12)); // two sessions
    kafka.resume(1);
    first.runs();
    deployment.feed_of_last_year(300, 109);
    deployment.caught_up();

    let mut second = start(1);
    second.shows("/metrics", "state=\"running\"} 1");
    second.runs();
    for _ in 0..20 {
        let ticks = second.metric(TICKS, "");
        assert!(ticks < 0.5, "{ticks} ticks{}", second.process.tail());
        sleep(Duration::from_millis(500));
    }
    ticking(&second);
    deployment.settle(vec![first, second]);
}

/// Waits until the clocks of idle shards move.
fn ticking(worker: &Worker) {
    let ticks = || worker.page("/metrics").map(|_| worker.metric(TICKS, ""));
    let before = until(LONG, ticks).expect("it serves metrics");
    let move_on = until(LONG, || (ticks()? > before + 5.0).then_some(()));
    assert!(move_on.is_some(), "no ticks{}", worker.process.tail());
}
