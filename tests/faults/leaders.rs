//! Of three brokers one dies and stays dead, whatever it led: work goes on without it. Or all die at once.

use std::thread::sleep;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use waymark_testkit::{Kafka, Servers, kafka, servers_or_skip, until};

use crate::deployment::{Deployment, LONG};

const ANSWER: Duration = Duration::from_secs(5);

#[test]
fn the_leader_of_a_changelog_may_stay_dead() {
    work_goes_on_without("no-changelog-leader", 109, |deployment| {
        (deployment.topic("customer.changelog"), 0)
    });
}

#[test]
fn the_coordinator_of_the_group_may_stay_dead() {
    work_goes_on_without("no-group-coordinator", 110, |deployment| {
        let partition = coordinated_by(&deployment.group());
        ("__consumer_offsets".to_owned(), partition)
    });
}

#[test]
fn the_coordinator_of_the_transactions_may_stay_dead() {
    work_goes_on_without("no-transaction-coordinator", 111, |deployment| {
        let partition = coordinated_by(&format!("{}-0", deployment.group()));
        ("__transaction_state".to_owned(), partition)
    });
}

/// Then the markers of transactions that were ending have nowhere to go: the brokers must not forget them.
#[test]
fn all_brokers_may_die_at_once_and_come_back_after_three_sessions() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = cluster(&servers);
    let deployment = Deployment::create(&servers, "no-brokers", &kafka.bootstrap());
    deployment.feed(5_000, 200, 112);
    let mut worker = deployment.start(0);
    worker.runs();
    let mut stream = deployment.stream(200, 1_120);
    sleep(Duration::from_secs(2));

    kafka.kill_all();

    sleep(Duration::from_secs(25)); // a session is 8 s
    worker.shows("/livez", "HTTP/1.1 200");
    kafka.restart_all().unwrap();
    stream.terminate();
    stream.wait(LONG);
    deployment.feed(600, 200, 113);
    deployment.settle(vec![worker]);
}

/// Three brokers, with three copies of everything.
fn cluster(servers: &Servers) -> Kafka {
    let options = kafka::Options {
        brokers: 3,
        ..kafka::Options::default()
    };
    Kafka::start(servers, &options).unwrap()
}

/// Kills the leader of what `role` names under load; all events must be taken while it is dead, and all be well at the end.
fn work_goes_on_without(name: &str, seed: u32, role: impl Fn(&Deployment) -> (String, i32)) {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut kafka = cluster(&servers);
    let deployment = Deployment::create(&servers, name, &kafka.bootstrap());
    deployment.feed(2_000, 200, seed);
    let mut worker = deployment.start(0);
    worker.runs();
    let (topic, partition) = role(&deployment);
    let leader = leader(&deployment, &topic, partition).expect("it has a leader");
    let mut stream = deployment.stream(200, 10 * seed);
    sleep(Duration::from_secs(1));

    kafka.kill(leader);

    until(LONG, || {
        self::leader(&deployment, &topic, partition).filter(|new| *new != leader)
    })
    .expect("another broker takes over");
    stream.terminate(); // it may have given up a record with its broker, and ended
    stream.wait(LONG);
    deployment.feed(600, 200, seed + 100);
    deployment.caught_up(); // while the broker is dead
    kafka.restart(leader).unwrap();
    deployment.settle(vec![worker]);
}

/// Returns who leads a partition, as the brokers tell now.
fn leader(deployment: &Deployment, topic: &str, partition: i32) -> Option<i32> {
    let consumer = deployment.client().consumer("stranger");
    let found = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
    let partitions = found.topics().first()?.partitions();
    let found = partitions.iter().find(|it| it.id() == partition)?;
    Some(found.leader()).filter(|leader| *leader >= 0)
}

/// Returns the partition of a coordinator's topic that a name belongs to: Java's hash, over the four that our brokers have.
fn coordinated_by(name: &str) -> i32 {
    let hash = name.bytes().fold(0_i32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(byte.into())
    });
    (hash & i32::MAX) % 4
}
