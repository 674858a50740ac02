//! Processes come and go: killed at random, two in one slot, a storm of joining and leaving, more and fewer of them.

use std::thread::sleep;
use std::time::Duration;

use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::deployment::{COHORT_SHARDS, Deployment, LONG, SHARDS, Start, Worker};

#[test]
fn random_kills_under_load_lose_and_double_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "kills", &kafka.bootstrap());
    deployment.feed(10_000, 300, 11);
    let mut stream = deployment.stream(500, 12);
    // The moments are a fixed list; where in the protocol they fall is chance enough.
    for after in [900, 1_300, 700, 2_100, 1_100, 1_700, 500, 2_900, 1_500, 800] {
        let mut worker = deployment.start(0);
        sleep(Duration::from_millis(after));
        worker.process.kill();
    }
    let worker = deployment.start(0);
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(vec![worker]);
}

#[test]
fn of_two_processes_with_one_slot_one_ends_loudly_and_the_other_goes_on() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "one-slot", &kafka.bootstrap());
    deployment.feed(2_000, 100, 21);
    let mut stream = deployment.stream(200, 22);
    let mut older = deployment.start(0);
    older.runs();
    let mut newer = deployment.start(0);
    let mut ended = older.process.wait(LONG);
    let (loser, mut winner) = if ended.is_some() {
        (older, newer)
    } else {
        ended = newer.process.wait(Duration::ZERO);
        (newer, older)
    };
    let status = ended.unwrap_or_else(|| panic!("both run{}", winner.process.tail()));
    assert_eq!(status.code(), Some(1), "{}", loser.process.tail());
    let said = loser.process.stdout() + &loser.process.stderr();
    let why = "does another process run with the same ordinal?";
    assert!(said.contains(why), "{said}");
    winner.runs();
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(vec![winner]);
}

#[test]
fn timers_that_a_backlog_brings_are_shown_until_they_have_fired() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "timers", &kafka.bootstrap());
    deployment.feed(20_000, 300, 15);
    let mut worker = deployment.start_as(Start {
        settings: &["workers.step.records=100"],
        ..Start::default()
    });
    worker.shows("/metrics", "waymark_timers_due");
    let due = || worker.metric("waymark_timers_due", "");
    until(LONG, || (due() > 0.5).then_some(())).expect("the backlog is longer than any limit");
    deployment.caught_up();
    until(LONG, || (due() < 0.5).then_some(())).expect("they have fired");
    deployment.settle(vec![worker]);
}

#[test]
fn a_storm_of_rebalances_loses_and_doubles_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "storm", &kafka.bootstrap());
    deployment.feed(5_000, 200, 31);
    let mut stream = deployment.stream(300, 32);
    let mut there: Vec<Worker> = vec![deployment.start(0)];
    for round in 0..8 {
        sleep(Duration::from_secs(2));
        if there.len() < 3 {
            there.push(deployment.start(1 + round));
        } else {
            there.remove(1).stop();
        }
    }
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(there);
}

#[test]
fn one_process_then_three_then_one_under_load() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "one-three-one", &kafka.bootstrap());
    deployment.feed(5_000, 200, 41);
    let mut stream = deployment.stream(500, 42);
    let mut first = deployment.start(0);
    first.runs();
    let [mut second, mut third] = [1, 2].map(|it| deployment.start(it));
    let owned = |stage| [&first, &second, &third].map(|it| it.running(stage));
    let shared = until(LONG, || {
        let (customers, mut cohorts) = (owned("customer"), owned("cohort"));
        cohorts.sort_unstable();
        (customers == [1, 1, 1] && cohorts == [1, 1, 2]).then_some(())
    });
    let told = || format!("{:?} {:?}", owned("customer"), owned("cohort"));
    assert!(shared.is_some(), "{}{}", told(), first.process.tail());
    sleep(Duration::from_secs(2));
    second.stop();
    third.process.kill(); // one goes in peace, one does not
    let all = until(LONG, || {
        let owned = ["customer", "cohort"].map(|it| first.running(it));
        (owned == [SHARDS, COHORT_SHARDS]).then_some(())
    });
    assert!(all.is_some(), "{}", first.process.tail());
    stream.terminate();
    stream.wait(LONG);
    let verdict = deployment.settle(vec![first]);
    let scores = verdict["scores"]["expected"].as_u64();
    assert!(scores > Some(0), "{verdict}");
}
