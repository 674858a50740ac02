//! A process is stopped at every numbered line of the protocol: killed for good, or frozen until somebody else has its
//! shards. The numbers are those of `docs/delivery.md`, sections 4 and 5.

use std::os::unix::process::ExitStatusExt as _;
use std::thread::{self, sleep};
use std::time::Duration;

use waymark_testkit::{Kafka, Servers, servers_or_skip};

use crate::deployment::{Deployment, LONG, SHARDS, Start, Worker};

const SIGKILL: i32 = 9;

/// Lines that every process passes as it takes shards over and works. Each is met at its first and at later visits.
const ALWAYS: [&str; 17] = [
    "recover.1",
    "recover.2",
    "recover.3",
    "recover.4",
    "recover.6",
    "recover.7",
    "step.1",
    "step.2",
    "step.3",
    "step.4",
    "step.5",
    "step.6",
    "step.7",
    "step.8",
    "step.9",
    "step.11",
    "step.11.flushed",
];

/// Lines between the first record that a step publishes and the flush behind its commit.
const BETWEEN: [&str; 6] = [
    "step.5",
    "step.7",
    "step.8",
    "step.9",
    "step.11",
    "step.11.flushed",
];

const BOTH: Start<'_> = only(&[]);
const COHORTS: Start<'_> = only(&["stages=cohort"]);
const CUSTOMERS: Start<'_> = only(&["stages=customer"]);

#[test]
fn a_kill_at_any_line_loses_and_doubles_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "kill-lines", &kafka.bootstrap());
    deployment.feed(3_000, 100, 1);
    let mut stream = deployment.stream(300, 2);
    for line in ALWAYS {
        kill_at(&deployment, line, 0);
    }
    for line in ALWAYS.into_iter().filter(|line| line.starts_with("step")) {
        kill_at(&deployment, line, 3);
    }
    stream.terminate();
    stream.wait(LONG);
    let worker = deployment.start(0);
    deployment.settle(vec![worker]);
}

#[test]
fn a_kill_while_a_fault_is_mended_loses_and_doubles_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "kill-mending", &kafka.bootstrap());
    deployment.feed(3_000, 100, 3);
    let mut stream = deployment.stream(200, 4);
    let mut worker = deployment.start(0);
    worker.runs();
    deployment.stored();
    worker.process.kill();

    // 4.5: as the copy of the first, second and third shard is written.
    for visits in [0, 1, 2] {
        deployment.redis.ask(&["flushall"]).unwrap();
        kill_at(&deployment, "recover.5", visits);
    }
    // 5.12: a flush was refused.
    let mut worker = start_armed(&deployment, BOTH, "step.12", 0);
    worker.runs();
    deployment.redis.ask(&["flushall"]).unwrap();
    dies(&mut worker, "step.12");
    // 5.10: somebody else has our transactional id.
    let mut worker = start_armed(&deployment, BOTH, "step.10", 0);
    worker.runs();
    let slot = format!("{}-0", deployment.group());
    drop(deployment.client().transactional(&slot));
    dies(&mut worker, "step.10");

    stream.terminate();
    stream.wait(LONG);
    let worker = deployment.start(0);
    deployment.settle(vec![worker]);
}

/// What one stage has committed, the other has not heard yet, or has heard and not committed: whichever dies goes on.
#[test]
fn a_kill_of_either_stage_while_the_other_works_loses_and_doubles_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers);
    let deployment = Deployment::create(&servers, "kill-between", &kafka.bootstrap());
    deployment.feed(3_000, 100, 7);
    let mut stream = deployment.stream(300, 8);
    for (dying, living) in [COHORTS, CUSTOMERS].iter().zip([CUSTOMERS, COHORTS]) {
        let mut other = deployment.start_as(living);
        other.runs();
        for line in BETWEEN {
            dies(&mut start_armed(&deployment, *dying, line, 2), line);
        }
        other.stop();
    }
    stream.terminate();
    stream.wait(LONG);
    let mut worker = deployment.start(0);
    worker.runs();
    let verdict = deployment.settle(vec![worker]);
    let scores = verdict["scores"]["expected"].as_u64();
    assert!(scores > Some(0), "{verdict}");
}

/// The waits of the lines overlap, for they are long: the frozen one's session, then its transaction.
#[test]
fn a_process_that_freezes_at_any_line_while_another_takes_over_harms_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let kafka = Kafka::shared(&servers).bootstrap();
    thread::scope(|scope| {
        for line in ["step.5", "step.6", "step.7", "step.8", "step.11"] {
            let (servers, kafka) = (&servers, &kafka);
            scope.spawn(move || freeze_at(servers, kafka, line));
        }
    });
}

fn freeze_at(servers: &Servers, kafka: &str, line: &str) {
    let name = format!("freeze-{}", line.replace('.', "-"));
    let deployment = Deployment::create(servers, &name, kafka);
    deployment.feed(2_000, 100, 5);
    let mut stream = deployment.stream(100, 6);
    let mut frozen = deployment.start_as(Start {
        failpoints: &format!("{line}=20*off->1*return(stop)->off"),
        ..Start::default()
    });
    frozen.says(&format!("failpoint {line}"));
    let mut other = deployment.start(1);
    for shard in 0..SHARDS {
        other.shows("/metrics", &running(shard));
    }
    frozen.process.resume();
    sleep(Duration::from_secs(1));
    frozen.runs();
    other.runs();
    stream.terminate();
    stream.wait(LONG);
    deployment.settle(vec![frozen, other]);
}

/// The metric that says that this shard runs.
fn running(shard: i32) -> String {
    format!("waymark_shard_state{{shard=\"{shard}\",stage=\"customer\",state=\"running\"}} 1")
}

fn kill_at(deployment: &Deployment, line: &str, visits: u32) {
    let mut worker = start_armed(deployment, BOTH, line, visits);
    dies(&mut worker, line);
}

/// Starts a process that dies after so many visits of a line.
fn start_armed(deployment: &Deployment, start: Start<'_>, line: &str, visits: u32) -> Worker {
    let failpoints = match visits {
        0 => format!("{line}=return(kill)"),
        visits => format!("{line}={visits}*off->return(kill)"),
    };
    deployment.start_as(Start {
        failpoints: &failpoints,
        ..start
    })
}

/// The first process of some stages.
const fn only(settings: &'static [&'static str]) -> Start<'static> {
    Start {
        ordinal: 0,
        failpoints: "",
        settings,
    }
}

fn dies(worker: &mut Worker, line: &str) {
    let Some(status) = worker.process.wait(LONG) else {
        panic!("{line} was not met{}", worker.process.tail());
    };
    let died = status.signal() == Some(SIGKILL);
    assert!(died, "{line}: {status}{}", worker.process.tail());
}
