//! The whole path over a backlog: from the start of the customer stage until the last event is committed, and until the
//! cohort stage, in a process of its own that has been waiting, has committed the last delta.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;
use waymark_testkit::Process;

use crate::arrange::{Deployment, alive, wait_for};
use crate::kafka::{Held, Reader};
use crate::usage::{cpu_seconds, peak_bytes};

/// A backlog takes seconds; a machine under load takes longer.
const LIMIT: Duration = Duration::from_mins(15);

/// What it took, and what came out.
#[derive(Debug, Serialize)]
pub(crate) struct Backlog {
    pub(crate) events: u64,
    /// From the start of the process to the last commit.
    pub(crate) seconds: f64,
    /// From the start of the process to the first commit.
    pub(crate) seconds_to_first_commit: f64,
    /// From the first commit to the last.
    pub(crate) events_per_second: f64,
    /// Of the process, its start included.
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) changelog: Held,
    pub(crate) alerts: Held,
    pub(crate) deltas: Held,
    pub(crate) cohorts: Cohorts,
}

/// What the cohort stage took for the deltas of this backlog.
#[derive(Debug, Serialize)]
pub(crate) struct Cohorts {
    /// Of the process, from the start of the customer stage on.
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) peak_memory_bytes: u64,
}

/// Runs until all is committed, and stops.
pub(crate) fn measure(deployment: &Deployment<'_>) -> Result<Backlog> {
    let group = deployment.topic("customer");
    let bootstrap = deployment.stage.kafka.bootstrap();
    let source = Reader::open(&bootstrap, &deployment.topic("events"), &group)?;
    let ends = source.ends()?;
    let waiting = Waiting::start(deployment)?;
    let begun = Instant::now();
    let mut run = deployment.run_stages("customer")?;
    let mut first: Option<(Duration, i64)> = None;
    wait_for("the backlog", LIMIT, || {
        alive(&mut run)?;
        let positions = source.positions()?;
        let sum: i64 = positions.iter().sum();
        if sum > 0 && first.is_none() {
            first = Some((begun.elapsed(), sum));
        }
        Ok(positions
            .iter()
            .zip(&ends)
            .all(|(position, end)| position >= end))
    })?;
    let took = begun.elapsed();
    let cpu = cpu_seconds(&run.id().to_string())?;
    let peak_memory_bytes = peak_bytes(run.id())?;
    Deployment::stop(run)?;
    let cohorts = waiting.finish()?;
    let held = |topic: &str| Reader::open(&bootstrap, &deployment.topic(topic), &group)?.held();
    let deltas = held("deltas")?;
    let events: i64 = ends.iter().sum();
    let (to_first, at_first) = first.unwrap_or((took, 0));
    Ok(Backlog {
        events: u64::try_from(events)?,
        seconds: took.as_secs_f64(),
        seconds_to_first_commit: to_first.as_secs_f64(),
        events_per_second: (events - at_first) as f64 / took.saturating_sub(to_first).as_secs_f64(),
        cpu_seconds_per_million: cpu * 1e6 / events as f64,
        peak_memory_bytes,
        changelog: held("customer.changelog")?,
        alerts: held("alerts")?,
        deltas,
        cohorts: Cohorts {
            cpu_seconds_per_million: cohorts.cpu_seconds * 1e6 / deltas.records as f64,
            peak_memory_bytes: cohorts.peak_memory_bytes,
        },
    })
}

/// A cohort stage that has started and has nothing to do yet.
struct Waiting {
    run: Process,
    deltas: Reader,
    cpu: f64,
}

/// What a process has used.
struct Used {
    cpu_seconds: f64,
    peak_memory_bytes: u64,
}

impl Waiting {
    fn start(deployment: &Deployment<'_>) -> Result<Self> {
        let bootstrap = deployment.stage.kafka.bootstrap();
        let open = |topic: &str| {
            let group = deployment.topic("cohort");
            Reader::open(&bootstrap, &deployment.topic(topic), &group)
        };
        let (deltas, changelog) = (open("deltas")?, open("cohort.changelog")?);
        let mut run = deployment.run_stages("cohort")?;
        // The first start of a shard commits an empty step.
        wait_for("the cohort stage", LIMIT, || {
            alive(&mut run)?;
            Ok(changelog.ends()?.iter().all(|end| *end > 0))
        })?;
        let cpu = cpu_seconds(&run.id().to_string())?;
        Ok(Self { run, deltas, cpu })
    }

    /// Waits until it has taken everything, and stops it.
    fn finish(mut self) -> Result<Used> {
        let ends = self.deltas.ends()?;
        wait_for("the cohort stage", LIMIT, || {
            alive(&mut self.run)?;
            let positions = self.deltas.positions()?;
            // The last place may be the mark of a transaction, which nobody reads.
            Ok(positions.iter().zip(&ends).all(|(at, end)| *at >= end - 1))
        })?;
        let cpu = cpu_seconds(&self.run.id().to_string())? - self.cpu;
        let used = Used {
            cpu_seconds: cpu,
            peak_memory_bytes: peak_bytes(self.run.id())?,
        };
        Deployment::stop(self.run)?;
        Ok(used)
    }
}
