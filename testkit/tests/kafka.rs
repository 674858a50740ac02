//! Kafka clusters: their start, their deaths, their return.
//!
//! The kit has no Kafka client, so topics are made and listed with bytes written here by hand.

mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use waymark_testkit::kafka::{Broker, Options};
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::support::runs;

/// A broker that stopped answering is given up after 4 s.
const SOON: Duration = Duration::from_mins(1);

#[test]
fn a_killed_broker_comes_back_with_its_topics() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = Kafka::start(&servers, &Options::default()).unwrap();
    let address = kafka.bootstrap();
    create_topic(kafka.broker(1), "a-topic-of-the-kit");
    await_topic(kafka.broker(1), "a-topic-of-the-kit");

    kafka.kill(1);
    assert!(kafka.broker(1).known().is_err());
    kafka.restart(1).unwrap();

    assert_eq!(kafka.bootstrap(), address);
    await_topic(kafka.broker(1), "a-topic-of-the-kit");
    kafka.stop(1).unwrap();
    assert!(kafka.broker(1).known().is_err());
}

#[test]
fn three_brokers_are_one_cluster_that_loses_and_regains_a_member() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        brokers: 3,
        ..Options::default()
    };
    let mut kafka = Kafka::start(&servers, &options).unwrap();
    assert_eq!(kafka.bootstrap().split(',').count(), 3);
    for broker in kafka.brokers() {
        assert_eq!(broker.known().unwrap(), BTreeSet::from([1, 2, 3]));
    }

    kafka.kill(2);
    await_known(&kafka, 1, &[1, 3]);
    kafka.restart(2).unwrap();
    await_known(&kafka, 1, &[1, 2, 3]);

    kafka.pause(3);
    await_known(&kafka, 1, &[1, 2]);
    kafka.resume(3);
    await_known(&kafka, 1, &[1, 2, 3]);

    kafka.kill_all();
    kafka.restart_all().unwrap();
    let ids: Vec<_> = kafka
        .brokers()
        .iter()
        .filter_map(Broker::process_id)
        .collect();
    assert_eq!(ids.len(), 3);
    drop(kafka);
    assert!(!ids.into_iter().any(runs));
}

#[test]
fn clusters_started_side_by_side_keep_apart() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let start = || Kafka::start(&servers, &Options::default()).unwrap();
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(start);
        (start(), other.join().unwrap())
    });
    create_topic(one.broker(1), "only-in-one");
    await_topic(one.broker(1), "only-in-one");
    assert!(!topics(other.broker(1)).contains("only-in-one"));
}

#[test]
fn all_tests_of_a_process_share_one_broker() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let one = Kafka::shared(&servers).broker(1).process_id();
    assert_eq!(Kafka::shared(&servers).broker(1).process_id(), one);
    assert!(runs(one.unwrap()));
}

#[test]
fn a_broker_that_can_not_start_shows_its_log() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let settings = vec![("num.io.threads".to_owned(), "many".to_owned())];
    let told = Kafka::start(
        &servers,
        &Options {
            settings,
            ..Options::default()
        },
    )
    .unwrap_err();
    assert!(told.to_string().contains("num.io.threads"), "{told}");
}

#[test]
fn a_cluster_of_two_is_refused() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let options = Options {
        brokers: 2,
        ..Options::default()
    };
    let told = Kafka::start(&servers, &options).unwrap_err().to_string();
    assert_eq!(told, "a cluster has 1 or 3 brokers, not 2");
}

fn await_known(kafka: &Kafka, at: i32, expected: &[i32]) {
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    let mut last = None;
    let known = until(SOON, || {
        last = kafka.broker(at).known().ok();
        (last.as_ref() == Some(&expected)).then_some(())
    });
    assert!(
        known.is_some(),
        "broker {at} knows {last:?}, not {expected:?}"
    );
}

/// A topic is made when the controller says so; brokers hear of it a moment later.
fn await_topic(broker: &Broker, name: &str) {
    let told = until(SOON, || topics(broker).contains(name).then_some(()));
    assert!(told.is_some(), "no topic {name} in {:?}", topics(broker));
}

/// `CreateTopics`, version 2: one topic of one partition, one copy; waits for at most 30 s.
fn create_topic(broker: &Broker, name: &str) {
    let length = u16::try_from(name.len())
        .expect("a short name")
        .to_be_bytes();
    let topics = [&[0, 0, 0, 1][..], &length, name.as_bytes()].concat();
    let rest = b"\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\x75\x30\0"; // counts, no assignment, no settings, time, not a trial
    let answer = ask(broker, [19, 2], &[&topics[..], rest].concat());
    let error = &answer[14 + name.len()..][..2]; // after correlation, throttle time, count and name
    assert_eq!(error, [0, 0], "{}", String::from_utf8_lossy(&answer));
}

/// Metadata, version 1, of all topics: their names stand in the answer.
fn topics(broker: &Broker) -> String {
    String::from_utf8_lossy(&ask(broker, [3, 1], &[0xff; 4])).into_owned()
}

/// Sends one request and returns the answer without its size.
fn ask(broker: &Broker, [key, version]: [u8; 2], body: &[u8]) -> Vec<u8> {
    let header = [0, key, 0, version, 0, 0, 0, 7, 0xff, 0xff]; // correlation 7, no client id
    let size = u32::try_from(header.len() + body.len()).expect("a short request");
    let mut stream = TcpStream::connect(broker.address()).expect("the broker listens");
    stream.set_read_timeout(Some(SOON)).expect("not zero");
    stream
        .write_all(&[&size.to_be_bytes()[..], &header, body].concat())
        .expect("the broker reads");
    let mut size = [0; 4];
    stream.read_exact(&mut size).expect("the broker answers");
    let mut answer = vec![0; u32::from_be_bytes(size) as usize];
    stream
        .read_exact(&mut answer)
        .expect("the broker answers in full");
    answer
}
