//! The request that ends a transaction loses its answer, or arrives late: it ends that transaction or none.

use std::thread::sleep;
use std::time::Duration;

use waymark_testkit::{Kafka, kafka, servers_or_skip, until};

use crate::deployment::{Deployment, LONG, SHARDS, Start, Worker};
use crate::wire::{Trick, Wire};

/// What a broker says to a producer whose epoch is over: `INVALID_PRODUCER_EPOCH`, or `PRODUCER_FENCED` since 2.7.
const FENCED: [i16; 2] = [47, 90];

/// A broker behind a wire.
fn behind(wire: &Wire, servers: &waymark_testkit::Servers) -> Kafka {
    let advertised = format!("PLAINTEXT://{}", wire.address());
    let options = kafka::Options {
        settings: vec![("advertised.listeners".to_owned(), advertised)],
        ..kafka::Options::default()
    };
    let kafka = Kafka::start(servers, &options).unwrap();
    wire.lead_to(&kafka.bootstrap());
    kafka
}

#[test]
fn a_copy_of_a_request_that_comes_late_ends_no_later_transaction() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let wire = Wire::listen();
    let _kafka = behind(&wire, &servers);
    let deployment = Deployment::create(&servers, "late-copy", &wire.address());
    deployment.feed(2_000, 100, 301);
    let mut stream = deployment.stream(200, 302);
    let mut worker = deployment.start(0);
    worker.runs();
    let recycles = |worker: &Worker| {
        let of = |stage| worker.metric_of(stage, "waymark_recycles_total", "");
        of("customer") + of("cohort")
    };
    for _ in 0..3 {
        let before = recycles(&worker);
        wire.play(Trick::LoseAnswer);
        let doubted = until(LONG, || (recycles(&worker) > before + 0.5).then_some(()));
        assert!(doubted.is_some(), "{}", worker.process.tail());
        worker.runs();
        sleep(Duration::from_millis(500)); // transactions begin and end all the time
        let answer = wire.deliver();
        assert!(FENCED.contains(&answer), "{answer}");
    }
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(vec![worker]);
}

#[test]
fn a_new_owner_waits_for_a_commit_that_is_still_on_its_way() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let wire = Wire::listen();
    let _kafka = behind(&wire, &servers);
    let deployment = Deployment::create(&servers, "late-commit", &wire.address());
    deployment.feed(2_000, 100, 303);
    let mut stream = deployment.stream(200, 304);
    let start = |ordinal| {
        deployment.start_as(Start {
            ordinal,
            settings: &[
                "kafka.producer.transaction.timeout.ms=15000",
                "stages=customer",
            ],
            ..Start::default()
        })
    };
    let mut first = start(0);
    first.runs();
    wire.play(Trick::Hold);
    first.process.kill();
    let mut second = start(1);
    second.shows(
        "/readyz?verbose",
        "somebody else's transaction on the changelog has not ended",
    );
    assert_eq!(wire.deliver(), 0, "it commits what it was sent for");
    second.runs();
    for shard in 0..SHARDS {
        second.shows(
            "/metrics",
            &format!("shard=\"{shard}\",stage=\"customer\",state=\"running\"}} 1"),
        );
    }
    stream.terminate();
    stream.wait(LONG);
    deployment.caught_up();
    second.stop();
    let mut third = deployment.start(0); // both stages: what was told is heard
    third.runs();
    deployment.settle(vec![third]);
}
