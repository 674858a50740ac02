//! A process at work: the workers of its stages, each on a thread of its own, until somebody says stop.
//!
//! | chapter  | what it holds                                        |
//! | -------- | ---------------------------------------------------- |
//! | `topics` | what the start learns of the topics                  |
//! | `forms`  | how what is published is written                     |
//! | `stages` | what the workers of each stage share                 |
//!
//! Workers share nothing but what they report. If one ends by itself, the others are stopped too: whoever supervises the
//! process starts it anew, and recovery is cheap.

mod forms;
mod stages;
mod topics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{error, info, warn};
use waymark_engine::definition::Definition;

use super::stage::{Schemas, Stage};
use super::vigil::Vigil;
use super::worker::{Shared, Worker, WorkerError};
use crate::clock::{Stopwatch, TimeOfDay};
use crate::config::{self, Assumption, Config, StageName};
use crate::kafka::admin::AdminError;
use crate::registry::RegistryError;
use crate::store::{MemoryStore, RedisSettings, RedisStore, Store};
use crate::telemetry::{Metrics, Status};
use crate::trace::Tracer;

pub use topics::Topics;

/// How long workers may take to stop. A client may hang on a cluster that is gone; a supervisor would kill us anyway.
const FAREWELL: Duration = Duration::from_secs(8);
/// How often we look whether a worker has ended.
const LOOK: Duration = Duration::from_millis(50);

/// What a process needs besides its settings.
#[derive(Debug)]
pub struct Work {
    /// The definition in force.
    pub definition: Definition,
    /// What Avro events may be written with.
    pub schemas: Schemas,
    /// What the topics are like.
    pub topics: Topics,
    /// Where to count.
    pub metrics: Metrics,
    /// Where to say how shards are.
    pub status: Status,
    /// What makes spans of steps.
    pub tracer: Tracer,
    /// What time it is for customers.
    pub time: TimeOfDay,
}

/// Why a process ends before it was told to, or can't begin.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A topic is missing.
    #[error("topic {0} does not exist: `waymark topics create` makes it")]
    NoTopic(String),
    /// There is nothing to do for some workers.
    #[error(
        "{workers} workers of the {stage} stage in this process, and only {partitions} partitions: have fewer threads"
    )]
    TooManyWorkers {
        /// Which stage.
        stage: &'static str,
        /// Its workers in this process.
        workers: u32,
        /// Partitions of the source.
        partitions: u32,
    },
    /// A worker has ended.
    #[error("worker {slot} has ended")]
    Worker {
        /// Which one.
        slot: String,
        /// Why.
        source: WorkerFailure,
    },
    /// The cluster does not answer.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The registry does not take a schema of ours.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The system gives no thread.
    #[error("no thread for a worker")]
    Thread(#[source] std::io::Error),
}

/// Why a worker has ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerFailure {
    /// It is of no use any more.
    #[error(transparent)]
    Ended(Box<dyn std::error::Error + Send + Sync>),
    /// It has panicked: a bug of ours.
    #[error("it panicked, which is a bug: please report it with the log")]
    Panicked,
}

/// Works until `stop` is set, or a worker ends by itself.
///
/// # Errors
/// [`LiveError`].
pub fn run(config: &Config, work: &Work, stop: &Arc<AtomicBool>) -> Result<(), LiveError> {
    let vigil = Vigil::default();
    vigil.keep(config, stop).map_err(LiveError::Thread)?;
    let Some(forms) = forms::learn(config, &work.status, stop)? else {
        return Ok(()); // told to stop while waiting
    };
    let mut crew = Crew {
        config,
        stop,
        workers: Vec::new(),
    };
    let runs = |stage| config.stages.contains(&stage);
    let customers =
        runs(StageName::Customer).then(|| stages::customer(config, work, forms, &vigil));
    let cohorts = runs(StageName::Cohort).then(|| stages::cohort(config, work, forms, &vigil));
    if let Some(None) = cohorts {
        info!("the definition keeps no score of cohorts, so there is no cohort stage");
    }
    let customers = customers.map(|it| slotted(config, it, config.workers.threads));
    let cohorts = cohorts
        .flatten()
        .map(|it| slotted(config, it, config.workers.cohort_threads));
    // Nobody is hired before every stage is known to have work for all.
    let (customers, cohorts) = (customers.transpose()?, cohorts.transpose()?);
    customers.map_or(Ok(()), |(shared, slots)| crew.hire(shared, slots))?;
    cohorts.map_or(Ok(()), |(shared, slots)| crew.hire(shared, slots))?;
    let failed = wait(&mut crew.workers, stop);
    stop.store(true, Ordering::Relaxed);
    part(crew.workers);
    failed
}

/// All workers of this process.
struct Crew<'a> {
    config: &'a Config,
    stop: &'a Arc<AtomicBool>,
    workers: Running,
}

impl Crew<'_> {
    fn hire<S: Stage>(&mut self, shared: Shared<S>, slots: Vec<String>) -> Result<(), LiveError> {
        shared.foretell();
        let shared = Arc::new(shared);
        for slot in slots {
            let worker = spawn(self.config, &shared, slot.clone(), self.stop)?;
            self.workers.push((slot, worker));
        }
        Ok(())
    }
}

/// Gives this process's workers of a stage their names: the same after a restart.
fn slotted<S: Stage>(
    config: &Config,
    shared: Shared<S>,
    threads: u32,
) -> Result<(Shared<S>, Vec<String>), LiveError> {
    let ordinal = config.workers.ordinal.as_ref();
    let ordinal = ordinal.map_or(0, |ordinal| ordinal.number);
    let (first, partitions) = (ordinal * threads, shared.partitions);
    if threads > partitions {
        return Err(LiveError::TooManyWorkers {
            stage: S::NAME,
            workers: threads,
            partitions,
        });
    }
    if first + threads > partitions {
        warn!(
            stage = S::NAME,
            first, threads, partitions, "some workers will have nothing to do"
        );
    }
    let slots = (first..first + threads).map(|slot| format!("{}-{slot}", shared.group));
    let slots = slots.collect();
    Ok((shared, slots))
}

fn spawn<S: Stage>(
    config: &Config,
    shared: &Arc<Shared<S>>,
    slot: String,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), WorkerError>>, LiveError> {
    let (shared, stop, config) = (Arc::clone(shared), Arc::clone(stop), config.clone());
    let name = slot.clone();
    let work = move || {
        let store = store(&config, &shared.group);
        info!(slot, "worker joins");
        Worker::join(shared, &config.kafka, &slot, store, stop)?.run()
    };
    thread::Builder::new()
        .name(name)
        .spawn(work)
        .map_err(LiveError::Thread)
}

fn store(config: &Config, group: &str) -> Box<dyn Store> {
    match &config.store {
        config::Store::Memory => Box::new(MemoryStore::default()),
        config::Store::Redis(redis) => {
            let redis = redis.clone();
            let trusted = config.assume.contains(&Assumption::RedisNoeviction);
            let access = move || RedisSettings::of(&redis, trusted);
            Box::new(RedisStore::new(group, Box::new(access)))
        }
    }
}

type Running = Vec<(String, JoinHandle<Result<(), WorkerError>>)>;

fn wait(workers: &mut Running, stop: &AtomicBool) -> Result<(), LiveError> {
    while !stop.load(Ordering::Relaxed) {
        if let Some(place) = workers.iter().position(|(_, worker)| worker.is_finished()) {
            let (slot, worker) = workers.swap_remove(place);
            let source = match worker.join() {
                Ok(Ok(())) => continue, // told to stop a moment ago
                Ok(Err(error)) => WorkerFailure::Ended(Box::new(error)),
                Err(_) => WorkerFailure::Panicked,
            };
            error!(slot, %source, "a worker has ended, stopping the others");
            return Err(LiveError::Worker { slot, source });
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Gives workers time to flush and leave. One that hangs is left behind: it ends with the process, and its unfinished
/// step is done again by whoever comes next.
fn part(workers: Running) {
    let since = Stopwatch::start();
    for (slot, worker) in workers {
        while !worker.is_finished() && since.elapsed() < FAREWELL {
            thread::sleep(LOOK);
        }
        if !worker.is_finished() {
            warn!(slot, "the worker hangs and is left behind");
        }
    }
}
