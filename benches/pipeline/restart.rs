//! From `kill -9` to the first output, with few customers and with many: a restart must not cost more when there is more.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::arrange::{Deployment, Stage, wait_for};
use crate::kafka::Reader;

/// How often a process is killed.
const KILLS: u32 = 5;
/// Events a second meanwhile, so that there is something to do at once.
const RATE: u32 = 500;
/// More events than are sent before the stream is stopped.
const ENOUGH: u64 = 10_000_000;
/// How long it runs before it is killed.
const ALIVE: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_mins(15);

/// How long restarts took.
#[derive(Debug, Serialize)]
pub(crate) struct Restart {
    pub(crate) customers: u32,
    /// Each from the start of the new process to the first record of its own that a reader of committed records sees.
    pub(crate) seconds: Vec<f64>,
}

impl Restart {
    pub(crate) fn worst(&self) -> f64 {
        self.seconds.iter().copied().fold(0.0, f64::max)
    }
}

/// Kills and restarts a few times.
pub(crate) fn measure(stage: &Stage, customers: u32) -> Result<Restart> {
    let deployment = Deployment::create(stage, &format!("restart-{customers}"))?;
    deployment.fill(u64::from(customers), customers)?;
    let (bootstrap, group) = (stage.kafka.bootstrap(), deployment.topic("customer"));
    let source = Reader::open(&bootstrap, &deployment.topic("events"), &group)?;
    let ends = source.ends()?;
    let mut run = deployment.run()?;
    wait_for("the backlog", LIMIT, || {
        let positions = source.positions()?;
        Ok(positions.iter().zip(&ends).all(|(at, end)| at >= end))
    })?;
    let stream = deployment.stream(RATE, ENOUGH, customers)?;
    let mut seconds = Vec::new();
    for _ in 0..KILLS {
        thread::sleep(ALIVE);
        run.kill();
        // Whatever it has sent is there, and what it has not committed will never be read.
        let changelog = Reader::open(&bootstrap, &deployment.topic("customer.changelog"), &group)?;
        changelog.begin_at(&changelog.ends()?)?;
        let begun = Instant::now();
        run = deployment.run()?;
        while changelog.next(Duration::from_millis(100)).is_none() {
            ensure!(
                begun.elapsed() < LIMIT,
                "no output after a restart{}",
                run.tail()
            );
        }
        seconds.push(begun.elapsed().as_secs_f64());
    }
    drop(stream);
    Deployment::stop(run)?;
    Ok(Restart { customers, seconds })
}
