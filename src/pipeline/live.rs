//! A process at work: its workers, each on a thread of its own, until somebody says stop.
//!
//! Workers share nothing but what they report. If one ends by itself, the others are stopped too: whoever supervises the
//! process starts it anew, and recovery is cheap.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::{error, info, warn};
use waymark_engine::definition::Definition;
use waymark_engine::event::WriterSchemas;
use waymark_engine::rules::Rules;

use super::vigil::Vigil;
use super::worker::{Outputs, Stage, Topic, Worker, WorkerError};
use crate::clock::Stopwatch;
use crate::config::{self, Assumption, Config};
use crate::kafka::admin::{Admin, AdminError};
use crate::publish::Origin;
use crate::store::{MemoryStore, RedisSettings, RedisStore, Store};
use crate::telemetry::{Metrics, Status};

/// The stage that this process runs.
const CUSTOMER: &str = "customer";
/// How long workers may take to stop. A client may hang on a cluster that is gone; a supervisor would kill us anyway.
const FAREWELL: Duration = Duration::from_secs(8);
/// How often we look whether a worker has ended.
const LOOK: Duration = Duration::from_millis(50);

/// What a process needs besides its settings.
#[derive(Debug)]
pub struct Work {
    /// The definition in force.
    pub definition: Definition,
    /// Hash of its file: written into every progress record.
    pub rules_hash: String,
    /// Writer schemas of Avro events.
    pub schemas: WriterSchemas,
    /// What the topics are like.
    pub topics: Topics,
    /// Where to count.
    pub metrics: Metrics,
    /// Where to say how shards are.
    pub status: Status,
}

/// What the start has learnt of the topics.
#[derive(Debug, Clone)]
pub struct Topics {
    /// Partitions by topic.
    pub partitions: BTreeMap<String, u32>,
    /// The largest record by topic, in bytes.
    pub bytes_max: BTreeMap<String, usize>,
    /// `delete.retention.ms` of the changelog.
    pub delete_retention: Duration,
}

/// Why a process ends before it was told to, or can't begin.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A topic is missing.
    #[error("topic {0} does not exist: `waymark topics create` makes it")]
    NoTopic(String),
    /// There is nothing to do for some workers.
    #[error(
        "{workers} workers up to this process, and only {partitions} partitions: set workers.threads lower"
    )]
    TooManyWorkers {
        /// Workers up to and with those of this process.
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

impl Topics {
    /// Learns from the brokers how many partitions the topics have, and how large their records may be.
    ///
    /// # Errors
    /// [`LiveError`] if one is missing, or the cluster does not answer.
    pub fn learn(config: &Config) -> Result<Self, LiveError> {
        let names = names(&config.deployment);
        let found = Admin::new(&config.kafka)?.topics(&names)?;
        let missing = names.iter().find(|name| !found.contains_key(*name));
        if let Some(name) = missing {
            return Err(LiveError::NoTopic(name.clone()));
        }
        let number = |name: &String, setting: &str| -> Option<u64> {
            found[name]
                .settings
                .as_ref()
                .ok()?
                .get(setting)?
                .parse()
                .ok()
        };
        let bytes_max = |name: &String| {
            let bytes = number(name, "max.message.bytes");
            bytes
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(DEFAULT_BYTES_MAX)
        };
        let changelog = config.deployment.changelog(CUSTOMER);
        let retention = number(&changelog, "delete.retention.ms").map(Duration::from_millis);
        Ok(Self {
            partitions: names
                .iter()
                .map(|name| (name.clone(), found[name].partitions))
                .collect(),
            bytes_max: names
                .iter()
                .map(|name| (name.clone(), bytes_max(name)))
                .collect(),
            delete_retention: retention.unwrap_or(DEFAULT_DELETE_RETENTION),
        })
    }

    fn partitions(&self, topic: &str) -> u32 {
        self.partitions[topic]
    }
}

/// Topics that the customer stage reads and writes.
fn names(deployment: &config::Deployment) -> [String; 6] {
    [
        deployment.events(),
        deployment.alerts(),
        deployment.deltas(),
        deployment.dead_letter(),
        deployment.late(),
        deployment.changelog(CUSTOMER),
    ]
}

/// Works until `stop` is set, or a worker ends by itself.
///
/// # Errors
/// [`LiveError`].
pub fn run(config: &Config, work: Work, stop: &Arc<AtomicBool>) -> Result<(), LiveError> {
    let stage = Arc::new(stage(config, work));
    stage.vigil.keep(config, stop).map_err(LiveError::Thread)?;
    let slots = slots(config, &stage)?;
    let mut workers = Vec::new();
    for slot in slots {
        workers.push((slot.clone(), spawn(config, &stage, slot, stop)?));
    }
    let failed = wait(&mut workers, stop);
    stop.store(true, Ordering::Relaxed);
    part(workers);
    failed
}

fn stage(config: &Config, work: Work) -> Stage {
    let deployment = &config.deployment;
    let topic = |name: String| Topic {
        partitions: work.topics.partitions(&name),
        bytes_max: work
            .topics
            .bytes_max
            .get(&name)
            .copied()
            .unwrap_or(DEFAULT_BYTES_MAX),
        name,
    };
    Stage {
        outputs: Outputs {
            alerts: topic(deployment.alerts()),
            deltas: topic(deployment.deltas()),
            dead_letter: topic(deployment.dead_letter()),
            late: topic(deployment.late()),
            changelog: deployment.changelog(CUSTOMER),
            origin: Origin::new(deployment.as_str(), CUSTOMER),
        },
        group: deployment.group(CUSTOMER),
        source_topic: deployment.events(),
        partitions: work.topics.partitions(&deployment.events()),
        state_bytes_max: topic(deployment.changelog(CUSTOMER)).bytes_max - RECORD_OVERHEAD,
        delete_retention: work.topics.delete_retention,
        rules: Arc::new(Rules::new(work.definition)),
        rules_hash: work.rules_hash,
        schemas: work.schemas,
        step: config.workers.step,
        flush: config.workers.flush,
        max_skew: config.time.max_skew,
        tick_resume: config.time.tick_resume,
        start: config.time.start,
        metrics: work.metrics,
        status: work.status,
        vigil: Vigil::default(),
    }
}

/// What brokers take unless told otherwise.
const DEFAULT_BYTES_MAX: usize = 1_048_588;
/// What brokers keep deletions for unless told otherwise.
const DEFAULT_DELETE_RETENTION: Duration = Duration::from_hours(24);
/// Bytes of a record beside its value: key, headers, framing.
const RECORD_OVERHEAD: usize = 4 * 1024;

/// Names of this process's workers: the same after a restart.
fn slots(config: &Config, stage: &Stage) -> Result<Vec<String>, LiveError> {
    let threads = config.workers.threads;
    let ordinal = config
        .workers
        .ordinal
        .as_ref()
        .map_or(0, |ordinal| ordinal.number);
    let first = ordinal * threads;
    if first + threads > stage.partitions {
        warn!(
            first,
            threads,
            partitions = stage.partitions,
            "some workers will have nothing to do"
        );
    }
    if threads > stage.partitions {
        return Err(LiveError::TooManyWorkers {
            workers: threads,
            partitions: stage.partitions,
        });
    }
    let group = &stage.group;
    Ok((first..first + threads)
        .map(|slot| format!("{group}-{slot}"))
        .collect())
}

fn spawn(
    config: &Config,
    stage: &Arc<Stage>,
    slot: String,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<Result<(), WorkerError>>, LiveError> {
    let (stage, stop, config) = (Arc::clone(stage), Arc::clone(stop), config.clone());
    let name = slot.clone();
    let work = move || {
        let store = store(&config, &stage.group);
        info!(slot, "worker joins");
        Worker::join(stage, &config.kafka, &slot, store, stop)?.run()
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
