//! Two stages, one behind the other, in processes of their own: what one tells is heard once.

use std::thread::sleep;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::Plain;
use crate::deployment::{COHORT_SHARDS, Deployment, LONG, Start, Worker, text};

#[test]
fn each_stage_may_run_in_processes_of_its_own_and_be_killed() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "apart", &kafka.bootstrap());
    let customers_start = || start(&deployment, "stages=customer", 0);
    let cohorts_start = || start(&deployment, "stages=cohort", 0);
    deployment.feed(10_000, 200, 201);
    let mut stream = deployment.stream(300, 202);
    let mut customers = customers_start();
    let mut cohorts = cohorts_start();
    customers.runs();
    cohorts.runs();
    for _ in 0..2 {
        sleep(Duration::from_secs(2));
        cohorts.process.kill();
        sleep(Duration::from_secs(1));
        customers.process.kill();
        cohorts = cohorts_start();
        customers = customers_start();
    }
    customers.runs();
    cohorts.runs();
    stream.terminate();
    stream.wait(LONG);
    deployment.caught_up();
    customers.stop();
    deployment.cohorts_caught_up();
    cohorts.stop();
    let verdict = deployment.verify();
    assert!(
        verdict["scores"]["expected"].as_u64() > Some(0),
        "{verdict}"
    );
}

#[test]
fn a_stage_that_lags_by_all_there_is_tells_the_same() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "lagging", &kafka.bootstrap());
    deployment.feed(10_000, 200, 205);
    let mut customers = start(&deployment, "stages=customer", 0);
    deployment.caught_up();
    customers.stop();
    let scores = || deployment.client().read(&deployment.topic("scores")).len();
    assert_eq!(scores(), 0, "nobody has listened yet");
    let mut cohorts = start(&deployment, "stages=cohort", 0);
    deployment.cohorts_caught_up();
    cohorts.stop();
    let verdict = deployment.verify();
    assert_eq!(verdict["scores"]["expected"], scores(), "{verdict}");
    assert!(scores() > 0);
}

#[test]
fn cohorts_in_one_process_then_three_then_one_under_load() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "cohorts-one-three-one", &kafka.bootstrap());
    deployment.feed(10_000, 200, 206);
    let mut stream = deployment.stream(500, 207);
    let customers = start(&deployment, "stages=customer", 0);
    let mut first = start(&deployment, "stages=cohort", 0);
    first.runs();
    let [mut second, mut third] = [1, 2].map(|it| start(&deployment, "stages=cohort", it));
    let shared = until(LONG, || {
        let mut owned = [&first, &second, &third].map(|it| it.running("cohort"));
        owned.sort_unstable();
        (owned == [1, 1, 2]).then_some(())
    });
    assert!(shared.is_some(), "{}", first.process.tail());
    sleep(Duration::from_secs(2));
    second.stop();
    third.process.kill(); // one goes in peace, one does not
    let all = until(LONG, || {
        (first.running("cohort") == COHORT_SHARDS).then_some(())
    });
    assert!(all.is_some(), "{}", first.process.tail());
    stream.terminate();
    stream.wait(LONG);
    let verdict = deployment.settle(vec![customers, first]);
    let expected = verdict["scores"]["expected"].as_u64();
    assert!(expected > Some(0), "{verdict}");
}

#[test]
fn numbers_that_repeat_or_are_left_out_are_noticed() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "numbers", &kafka.bootstrap());
    deployment.feed(2_000, 100, 211);
    let mut worker = deployment.start(0);
    deployment.caught_up();
    deployment.cohorts_caught_up();
    worker.stop();
    let clock = |number: u32| {
        let told = format!(
            r#"{{"upstream_shard":1,"number":{number},"type":"clock","position":1,
                "stream_time":"2026-01-05T00:00:00Z","tick":false}}"#
        );
        Plain {
            partition: 2,
            value: Some(told.into_bytes()),
            ..Plain::default()
        }
    };
    let (client, deltas) = (deployment.client(), deployment.topic("deltas"));
    let told = client.read(&deltas);
    let a_delta = |it: &&OwnedMessage| text(it.payload().unwrap()).contains(r#""type":"delta""#);
    let again = told.iter().find(a_delta).map(|it| Plain {
        partition: it.partition(),
        key: it.key().map(Into::into),
        value: it.payload().map(Into::into),
        ..Plain::default()
    });
    client.send(&deltas, &[again.expect("somebody has replied"), clock(1)]);
    client.send(&deltas, &[clock(1_000_000), clock(1_000_010)]);

    let mut worker = deployment.start(0);
    worker.runs();
    let of_cohorts = |name, labels| worker.metric_of("cohort", name, labels);
    let noticed = until(LONG, || {
        let repeats = of_cohorts("waymark_records_total", "duplicate");
        let missing = of_cohorts("waymark_upstream_missing_total", "");
        (repeats > 1.5 && missing > 900_000.0).then_some(())
    });
    assert!(noticed.is_some(), "{}", worker.process.tail());
    let (status, verdict, told) = deployment.verdict(&[]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("of the stage before never came"), "{told}");
    for unharmed in ["states", "scores"] {
        let [different, doubled] = ["different", "doubled"].map(|it| &verdict[unharmed][it]);
        assert_eq!((different, doubled), (&0.into(), &0.into()), "{told}");
    }
}

/// Starts a process of one stage alone.
fn start(deployment: &Deployment, stage: &str, ordinal: u32) -> Worker {
    deployment.start_as(Start {
        ordinal,
        settings: &[stage],
        ..Start::default()
    })
}
