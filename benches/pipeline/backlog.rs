//! The whole path over a backlog: from the start of the customer stage until the last event is committed; then, in a
//! process of its own, from the start of the cohort stage until the last delta is.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

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
    /// From the start of the process to the last commit.
    pub(crate) seconds: f64,
    /// Of the process, its start included.
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) peak_memory_bytes: u64,
}

/// Runs until all is committed, and stops.
pub(crate) fn measure(deployment: &Deployment<'_>) -> Result<Backlog> {
    let group = deployment.topic("customer");
    let bootstrap = deployment.stage.kafka.bootstrap();
    let source = Reader::open(&bootstrap, &deployment.topic("events"), &group)?;
    let ends = source.ends()?;
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
        cohorts: cohorts(deployment, deltas.records as f64)?,
        deltas,
    })
}

/// The cohort stage over the deltas that are there.
fn cohorts(deployment: &Deployment<'_>, count: f64) -> Result<Cohorts> {
    let bootstrap = deployment.stage.kafka.bootstrap();
    let group = deployment.topic("cohort");
    let deltas = Reader::open(&bootstrap, &deployment.topic("deltas"), &group)?;
    let ends = deltas.ends()?;
    let begun = Instant::now();
    let mut run = deployment.run_stages("cohort")?;
    wait_for("the cohort stage", LIMIT, || {
        alive(&mut run)?;
        let positions = deltas.positions()?;
        // The last place may be the mark of a transaction, which nobody reads.
        Ok(positions.iter().zip(&ends).all(|(at, end)| *at >= end - 1))
    })?;
    let took = begun.elapsed();
    let cohorts = Cohorts {
        seconds: took.as_secs_f64(),
        cpu_seconds_per_million: cpu_seconds(&run.id().to_string())? * 1e6 / count,
        peak_memory_bytes: peak_bytes(run.id())?,
    };
    Deployment::stop(run)?;
    Ok(cohorts)
}
