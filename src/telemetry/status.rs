//! How the shards and worker loops of this process are doing: written by workers, read by probes.
//!
//! A halted shard does not stop the process, so somebody has to be told of it: readiness names it, and a metric does. A
//! loop that no longer turns can't tell anything itself: it is noticed by its silence. Kafka's health plays no part in
//! that: restarting a worker mends no broker. But a worker from which the group has taken its shards is not ready.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Metrics;
use crate::clock::Stopwatch;

/// What a shard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardState {
    /// It can't go on yet.
    Waiting {
        /// For what.
        why: String,
    },
    /// It is being brought to where its changelog stands.
    Recovering,
    /// It takes steps.
    Running,
    /// It takes no more steps until somebody acts.
    Halted {
        /// The name of the halt, as in the runbook.
        code: &'static str,
        /// What was found.
        text: String,
    },
}

/// The state of all shards and loops of a process. Clones share it.
#[derive(Debug, Clone)]
pub struct Status {
    metrics: Metrics,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    shards: BTreeMap<(&'static str, u32), ShardState>,
    /// What is to be said of shards besides.
    notes: BTreeMap<(&'static str, u32), String>,
    workers: BTreeMap<String, Weak<Beat>>,
    waits_for: Option<String>,
}

/// The sign of life of one worker loop. The loop is forgotten when this is dropped.
#[derive(Debug)]
pub struct Pulse(Arc<Beat>);

#[derive(Debug)]
struct Beat {
    since_last: Mutex<Stopwatch>,
    joined: AtomicBool,
}

/// All that probes want to know, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the process waits for before its workers join, and why.
    pub waits_for: Option<String>,
    /// Worker loops by name.
    pub workers: Vec<WorkerReport>,
    /// Shards by stage and number.
    pub shards: Vec<ShardReport>,
}

/// How one worker loop is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerReport {
    /// Name of the worker: its `transactional.id`.
    pub name: String,
    /// Time since its last turn.
    pub silent_for: Duration,
    /// Whether the group has told it its shards, be it none, and has not taken them back since.
    pub joined: bool,
}

/// How one shard is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardReport {
    /// Its stage.
    pub stage: &'static str,
    /// Its number.
    pub shard: u32,
    /// What it is doing.
    pub state: ShardState,
    /// What is to be said besides, though it changes nothing of the state.
    pub note: Option<String>,
}

impl Status {
    /// Begins without shards and workers.
    pub fn new(metrics: &Metrics) -> Self {
        Self {
            metrics: metrics.clone(),
            inner: Arc::default(),
        }
    }

    /// Says for what the process waits before its workers join, or that it waits no more.
    pub fn wait_for(&self, what: Option<String>) {
        self.lock().waits_for = what;
    }

    /// Adds a worker loop, which has just turned.
    pub fn worker(&self, name: &str) -> Pulse {
        let beat = Arc::new(Beat {
            since_last: Mutex::new(Stopwatch::start()),
            joined: AtomicBool::new(false),
        });
        let weak = Arc::downgrade(&beat);
        self.lock().workers.insert(name.to_owned(), weak);
        Pulse(beat)
    }

    /// Says what a shard is doing from now on.
    pub fn set(&self, stage: &'static str, shard: u32, now: ShardState) {
        let (metrics, name) = (&self.metrics, now.name());
        let halt = match &now {
            ShardState::Halted { code, .. } => Some(*code),
            _ => None,
        };
        let before = self.lock().shards.insert((stage, shard), now);
        if let Some(ShardState::Halted { code, .. }) = before {
            metrics.show_halt(stage, shard, code, false);
        }
        if let Some(code) = halt {
            metrics.show_halt(stage, shard, code, true);
        }
        metrics.show_state(stage, shard, &STATES, Some(name));
    }

    /// Says something of a shard besides its state, or that there is nothing to say any more.
    pub fn note(&self, stage: &'static str, shard: u32, note: Option<String>) {
        let mut inner = self.lock();
        match note {
            Some(note) => inner.notes.insert((stage, shard), note),
            None => inner.notes.remove(&(stage, shard)),
        };
    }

    /// Says that a shard is no longer ours, and removes its rows from the metrics.
    pub fn forget(&self, stage: &'static str, shard: u32) {
        self.note(stage, shard, None);
        let before = self.lock().shards.remove(&(stage, shard));
        if let Some(ShardState::Halted { code, .. }) = before {
            self.metrics.show_halt(stage, shard, code, false);
        }
        self.metrics.show_state(stage, shard, &STATES, None);
        self.metrics.forget(stage, shard);
    }

    /// Returns how everything is at this moment.
    pub fn report(&self) -> Report {
        let mut inner = self.lock();
        inner.workers.retain(|_, beat| beat.strong_count() > 0);
        let workers = inner.workers.iter().filter_map(|(name, beat)| {
            let beat = beat.upgrade()?;
            Some(WorkerReport {
                name: name.clone(),
                silent_for: lock(&beat.since_last).elapsed(),
                joined: beat.joined.load(Ordering::Relaxed),
            })
        });
        let workers = workers.collect();
        let shards = inner.shards.iter();
        let shards = shards.map(|((stage, shard), state)| ShardReport {
            stage,
            shard: *shard,
            state: state.clone(),
            note: inner.notes.get(&(*stage, *shard)).cloned(),
        });
        Report {
            waits_for: inner.waits_for.clone(),
            workers,
            shards: shards.collect(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

/// Nothing here is ever left half changed, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pulse {
    /// Says that the loop turns. Costs two uncontended atomic operations: call it at every turn.
    pub fn beat(&self) {
        *lock(&self.0.since_last) = Stopwatch::start();
    }

    /// Says that the worker has been assigned its shards, be it none.
    pub fn joined(&self) {
        self.0.joined.store(true, Ordering::Relaxed);
    }

    /// Says that it has let go of its shards: it waits to be told which ones are its own.
    pub fn left(&self) {
        self.0.joined.store(false, Ordering::Relaxed);
    }
}

const STATES: [&str; 4] = ["waiting", "recovering", "running", "halted"];

impl ShardState {
    /// Returns the name of the state, a label of metrics.
    pub fn name(&self) -> &'static str {
        let [waiting, recovering, running, halted] = STATES;
        match self {
            Self::Waiting { .. } => waiting,
            Self::Recovering => recovering,
            Self::Running => running,
            Self::Halted { .. } => halted,
        }
    }
}

impl fmt::Display for ShardState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { why } => write!(f, "waiting: {why}"),
            Self::Recovering | Self::Running => f.write_str(self.name()),
            Self::Halted { code, text } => write!(f, "halted: {code}: {text}"),
        }
    }
}

impl Report {
    /// Returns whether every worker loop has turned within this time. Without loops there is nothing that could hang.
    pub fn is_live(&self, silence_max: Duration) -> bool {
        let mut workers = self.workers.iter();
        workers.all(|worker| worker.silent_for <= silence_max)
    }

    /// Returns whether every worker has its shards and all of them run.
    pub fn is_ready(&self) -> bool {
        !self.workers.is_empty()
            && self.workers.iter().all(|worker| worker.joined)
            && self
                .shards
                .iter()
                .all(|shard| shard.state == ShardState::Running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(1);

    #[test]
    fn a_process_is_ready_when_every_worker_has_its_shards_and_all_of_them_run() {
        let status = Status::new(&Metrics::new());
        assert!(!status.report().is_ready(), "nothing has begun");
        let pulse = status.worker("d.customer-0");
        assert!(!status.report().is_ready(), "no shards yet");
        pulse.joined();
        assert!(status.report().is_ready(), "more workers than shards");
        status.set("customer", 3, ShardState::Recovering);
        assert!(!status.report().is_ready());
        status.set("customer", 3, ShardState::Running);
        assert!(status.report().is_ready());
        let (code, text) = (
            "SOURCE_GAP",
            "position 7 is below the log start 9".to_owned(),
        );
        status.set("customer", 4, ShardState::Halted { code, text });
        assert!(!status.report().is_ready());
        status.forget("customer", 4);
        assert!(status.report().is_ready());
    }

    #[test]
    fn a_worker_that_has_lost_its_shards_is_not_ready_until_it_is_told_which_are_its_own() {
        let status = Status::new(&Metrics::new());
        let pulse = status.worker("d.customer-0");
        pulse.joined();
        status.set("customer", 3, ShardState::Running);
        status.forget("customer", 3);
        pulse.left();
        assert!(!status.report().is_ready(), "brokers may be away");
        pulse.joined();
        assert!(status.report().is_ready());
    }

    #[test]
    fn a_loop_that_does_not_turn_is_noticed() {
        let silent = |seconds| WorkerReport {
            name: "d.customer-0".to_owned(),
            silent_for: Duration::from_secs(seconds),
            joined: true,
        };
        let report = |workers| Report {
            waits_for: None,
            workers,
            shards: Vec::new(),
        };
        assert!(report(vec![silent(60), silent(1)]).is_live(LIMIT));
        assert!(!report(vec![silent(61), silent(1)]).is_live(LIMIT));
        assert!(report(Vec::new()).is_live(LIMIT));
    }

    #[test]
    fn a_beat_ends_the_silence_and_a_loop_that_has_ended_is_forgotten() {
        let status = Status::new(&Metrics::new());
        let pulse = status.worker("d.customer-0");
        let silence = || status.report().workers[0].silent_for;
        std::thread::sleep(Duration::from_millis(20));
        let before = silence();
        pulse.beat();
        assert!(before >= Duration::from_millis(20) && silence() < before);
        drop(pulse);
        assert!(status.report().workers.is_empty());
    }

    #[test]
    fn metrics_show_one_state_of_a_shard_and_its_halt_by_name() {
        let metrics = Metrics::new();
        let status = Status::new(&metrics);
        let (code, text) = ("SOURCE_GAP", String::new());
        status.set("customer", 3, ShardState::Halted { code, text });
        let page = metrics.page();
        let halted = "waymark_halted{halt=\"SOURCE_GAP\",shard=\"3\",stage=\"customer\"} 1";
        assert!(page.contains(halted), "{page}");
        let state = |state, is| {
            format!("waymark_shard_state{{shard=\"3\",stage=\"customer\",state=\"{state}\"}} {is}")
        };
        assert!(page.contains(&state("halted", 1)), "{page}");
        assert!(page.contains(&state("running", 0)), "{page}");

        status.set("customer", 3, ShardState::Running);
        let page = metrics.page();
        assert!(!page.contains("SOURCE_GAP"), "{page}");
        assert!(page.contains(&state("running", 1)), "{page}");

        status.forget("customer", 3);
        assert!(!metrics.page().contains("shard=\"3\""));
    }
}
