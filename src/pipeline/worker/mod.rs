//! A worker: one thread, one member of the group, one producer, one connection to the store. It owns whole shards.
//!
//! One turn, written only here:
//!
//! | part    | if we stop right after it                                          |
//! | ------- | ------------------------------------------------------------------ |
//! | collect | nothing happened; the records are delivered again                  |
//! | load    | nothing happened                                                   |
//! | decide  | nothing happened; decisions lived in memory only                   |
//! | commit  | the steps stand, or not; the next owner sees which                 |
//! | flush   | the store is up to date, or the next owner copies what it misses   |
//!
//! | chapter    | what it holds                                                       |
//! | ---------- | ------------------------------------------------------------------- |
//! | `owned`    | a shard that is ours                                                |
//! | `unflushed` | what the store does not hold yet                                   |
//! | `collect`  | the records of a step                                               |
//! | `load`     | the states they concern, and the steps of all shards                |
//! | `decide`   | what a step means: pure                                             |
//! | `poison`   | records that can't be taken: found and set aside                    |
//! | `commit`   | the transaction                                                     |
//! | `flush`    | committed values into the store                                     |
//! | `idle`     | shards without input: looks and ticks                               |
//! | `observe`  | what the world is told                                              |
//! | `takeover` | shards on their way to us, one after the other                      |
//! | `recover`  | one shard, from getting it to reading its first record              |

mod collect;
mod commit;
mod decide;
#[cfg(test)]
mod fixture;
mod flush;
mod idle;
mod load;
mod observe;
mod owned;
mod poison;
mod recover;
mod takeover;
mod unflushed;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use tracing::{error, info, warn};
use waymark_engine::event::WriterSchemas;
use waymark_engine::rules::Rules;

use crate::changelog::ChangelogReader;
use crate::clock::Stopwatch;
use crate::config::{self, FlushLimits, StartAt, StepLimits};
use crate::failpoint;
use crate::kafka::{ClientError, Watermarks};
use crate::pipeline::vigil::Vigil;
use crate::protocol::{Halt, ShardId, Step};
use crate::publish::{PublishDoubt, Transactions};
use crate::source::{KafkaSource, Polled, Rebalanced};
use crate::store::Store;
use crate::telemetry::{Metrics, Pulse, ShardState, StageMetrics, Status};

use collect::{Collected, Uncollected, collect};
use commit::Doubt;
use decide::Decided;
use owned::OwnedShard;
use takeover::Candidate;

pub(crate) use commit::{Outputs, Topic};

/// The stage that workers run.
const CUSTOMER: &str = "customer";
/// How long to wait for the first record of a step.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How long to wait before trying again what somebody else could not answer.
const PAUSE: Duration = Duration::from_millis(250);
/// Expelled twice within this time, we are one of two processes with the same slot.
const EXPELLED_AGAIN: Duration = Duration::from_mins(2);

/// What a worker needs to know of its stage.
pub(crate) struct Stage {
    pub(crate) rules: Arc<Rules>,
    /// Hash of the definition.
    pub(crate) rules_hash: String,
    /// Writer schemas of Avro events.
    pub(crate) schemas: WriterSchemas,
    pub(crate) group: String,
    pub(crate) source_topic: String,
    pub(crate) outputs: Outputs,
    /// Partitions of the source, hence shards.
    pub(crate) partitions: u32,
    /// Of the changelog.
    pub(crate) delete_retention: Duration,
    /// The largest state that the changelog takes.
    pub(crate) state_bytes_max: usize,
    pub(crate) step: StepLimits,
    pub(crate) flush: FlushLimits,
    pub(crate) max_skew: Duration,
    pub(crate) tick_resume: Duration,
    /// Where a shard without history begins.
    pub(crate) start: StartAt,
    pub(crate) metrics: Metrics,
    pub(crate) status: Status,
    pub(crate) vigil: Vigil,
}

/// A worker of the customer stage.
pub(crate) struct Worker {
    stage: Arc<Stage>,
    kafka: config::Kafka,
    slot: String,
    /// Shared with the records of a step, which live in its memory.
    source: Rc<KafkaSource>,
    transactions: Transactions,
    reader: ChangelogReader,
    watermarks: Watermarks,
    store: Box<dyn Store>,
    stop: Arc<AtomicBool>,
    /// Who we are in the group, as captured by the last rebalance. Never asked for later.
    membership: Option<ConsumerGroupMetadata>,
    /// Shards that run.
    running: BTreeMap<ShardId, OwnedShard>,
    /// Shards that are ours and not yet recovered.
    candidates: BTreeMap<ShardId, Candidate>,
    /// Shards that stand still until somebody acts.
    halted: BTreeMap<ShardId, Halt>,
    /// The steps of a transaction in doubt, until recovery has shown what became of them.
    in_doubt: Vec<(ShardId, Step)>,
    observed: Observed,
    /// Since the group expelled us, if it has.
    expelled: Option<Stopwatch>,
    /// Whether the last turn had to be tried again.
    stalled: bool,
}

/// What a worker tells the world with.
struct Observed {
    metrics: StageMetrics,
    status: Status,
    pulse: Pulse,
    /// Since the lags were looked at.
    looked: Stopwatch,
}

/// Why a worker ends before it was told to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// Another process has taken our place in the group: two run with the same slot.
    #[error(
        "this worker is no longer a member of its group: {0}; does another process run with the same ordinal?"
    )]
    Expelled(String),
    /// A client can't be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The client refuses what it must always take.
    #[error("the client of kafka refuses an assignment")]
    Assign(#[from] KafkaError),
}

/// What to do about something that went wrong in a turn.
#[derive(Debug)]
enum Reaction {
    /// The group has decided something: nothing is ours until the next turn has looked at it.
    StartAnew,
    /// Nothing has happened: drop what was collected and, after a pause, read it again.
    Again(String),
    /// Forget what we know of a shard and recover it.
    Recover(ShardId, String),
    /// The same for all shards: it is not known which one it concerns.
    RecoverAll(String),
    /// The outcome of a transaction is in doubt: forget everything, take a new producer, recover all shards.
    Recycle(Doubt),
    /// A shard must stand still.
    Halt(ShardId, Halt),
    /// The group says that we are no member of it.
    Expelled(String),
    /// This worker is of no use any more.
    End(WorkerError),
}

impl Worker {
    /// Joins the group.
    ///
    /// # Errors
    /// [`WorkerError`] if a setting of a client is wrong.
    pub(crate) fn join(
        stage: Arc<Stage>,
        kafka: &config::Kafka,
        slot: &str,
        store: Box<dyn Store>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, WorkerError> {
        let source = KafkaSource::join(kafka, &stage.source_topic, &stage.group, slot)?;
        let reader = ChangelogReader::open(kafka, &stage.group, &stage.outputs.changelog)?;
        let observed = Observed {
            metrics: stage.metrics.stage(CUSTOMER),
            status: stage.status.clone(),
            pulse: stage.status.worker(slot),
            looked: Stopwatch::start(),
        };
        Ok(Self {
            source: Rc::new(source),
            transactions: Transactions::new(kafka, slot),
            reader,
            watermarks: Watermarks::open(kafka)?,
            store,
            stop,
            stage,
            membership: None,
            running: BTreeMap::new(),
            candidates: BTreeMap::new(),
            halted: BTreeMap::new(),
            in_doubt: Vec::new(),
            observed,
            expelled: None,
            stalled: false,
            kafka: kafka.clone(),
            slot: slot.to_owned(),
        })
    }

    /// Works until told to stop; then flushes once what is committed.
    ///
    /// # Errors
    /// [`WorkerError`] if it has to end before.
    pub(crate) fn run(mut self) -> Result<(), WorkerError> {
        while !self.stop.load(Ordering::Relaxed) {
            self.observed.pulse.beat();
            self.observe();
            match self.turn() {
                Ok(()) => self.show_going_on(),
                Err(reaction) => self.react(reaction)?,
            }
        }
        self.flush_once();
        Ok(())
    }

    fn turn(&mut self) -> Result<(), Reaction> {
        if let Some(why) = self.source.fatal() {
            return Err(Reaction::Expelled(why));
        }
        if let Some(rebalanced) = self.source.rebalanced() {
            self.start_anew(rebalanced);
        }
        if let Some(violation) = self.stage.vigil.violation() {
            self.halt_all(&violation)?;
        }
        if !self.transactions.is_ready() {
            self.transactions
                .recycle()
                .map_err(|error| Reaction::Again(told(&error)))?;
        }
        failpoint::here("recover.2");
        self.take_over()?;
        // Nothing new while the store can't take what waits: memory is bounded.
        self.flush_what_is_due()?;
        let turn = Stopwatch::start();
        let source = Rc::clone(&self.source);
        let collected = collect(&source, &self.stage.schemas, &self.stage.step, FIRST_WAIT)?;
        let steps = self.decide_all(&collected)?;
        if !steps.is_empty() {
            self.commit(steps, &collected, turn)?;
        }
        drop(collected);
        self.sweep();
        Ok(())
    }

    /// Commits steps; they count from here on, or are in doubt.
    fn commit(
        &mut self,
        mut steps: Vec<Decided>,
        collected: &Collected<'_>,
        turn: Stopwatch,
    ) -> Result<(), Reaction> {
        let commit = Stopwatch::start();
        let membership = self.membership.as_ref().ok_or(Reaction::StartAnew)?;
        self.in_doubt = steps
            .iter()
            .map(|it| (it.progress.shard, it.progress.step))
            .collect();
        let outputs = &self.stage.outputs;
        let committed = outputs.commit(
            &self.transactions,
            &self.source,
            membership,
            &mut steps,
            collected,
        );
        let receipts = committed.map_err(Reaction::Recycle)?;
        self.in_doubt.clear();
        self.observed.metrics.step(turn.elapsed(), commit.elapsed());
        failpoint::here("step.9");
        let mut cut = false;
        for (step, receipt) in steps.into_iter().zip(receipts) {
            cut |= step.cut;
            self.count(&step);
            let shard = self.running.get_mut(&step.progress.shard);
            shard
                .expect("only running shards make steps")
                .committed(step, receipt);
        }
        if cut {
            self.read_on()
        } else {
            self.halt_wrong_partitioners()
        }
    }

    /// Whatever is ours now starts from nothing, also what comes straight back.
    fn start_anew(&mut self, rebalanced: Rebalanced) {
        let shards: Vec<i32> = rebalanced.shards.iter().map(|shard| shard.0).collect();
        info!(?shards, "the group has decided which shards are ours");
        self.observed.metrics.rebalanced(rebalanced.event());
        self.flush_once();
        self.hide_all();
        self.forget_all();
        self.halted.clear();
        self.in_doubt.clear();
        self.membership = rebalanced.membership;
        let candidates = rebalanced.shards.into_iter();
        self.candidates = candidates
            .map(|shard| (shard, Candidate::default()))
            .collect();
        for shard in self.candidates.keys() {
            self.show(*shard, ShardState::Recovering);
        }
        self.observed.pulse.joined();
        failpoint::here("recover.1");
    }

    fn react(&mut self, reaction: Reaction) -> Result<(), WorkerError> {
        match reaction {
            Reaction::StartAnew => {}
            Reaction::Again(cause) => {
                warn!(cause, "trying again");
                self.show_stalled(&cause);
                self.pause()?;
            }
            Reaction::Recover(shard, cause) => {
                warn!(%shard, cause, "recovering a shard");
                failpoint::here("step.12");
                self.running.remove(&shard);
                self.candidates.insert(shard, Candidate::default());
                self.show(shard, ShardState::Recovering);
            }
            Reaction::RecoverAll(cause) => {
                warn!(cause, "recovering all shards");
                self.forget_all_and_recover();
            }
            Reaction::Recycle(doubt) => {
                self.observed.metrics.recycled(doubt.cause());
                warn!(
                    cause = told(&doubt),
                    "a transaction is in doubt, taking a new producer"
                );
                self.transactions.discard();
                self.forget_all_and_recover();
                failpoint::here("step.10");
            }
            Reaction::Halt(shard, halt) => {
                self.halt(shard, halt);
                if let Err(reaction) = self.read_on() {
                    warn!(?reaction, "reading on after a halt");
                    self.pause()?;
                }
            }
            Reaction::Expelled(why) => self.rejoin(why)?,
            Reaction::End(error) => return Err(error),
        }
        Ok(())
    }

    /// Joins the group anew, once. After an outage the coordinator may have taken two requests of ours for two members.
    /// If another process has our slot it is expelled now, does the same, and the one that is expelled twice ends.
    fn rejoin(&mut self, why: String) -> Result<(), WorkerError> {
        let again = self
            .expelled
            .is_some_and(|since| since.elapsed() < EXPELLED_AGAIN);
        self.expelled = Some(Stopwatch::start());
        if again {
            return Err(WorkerError::Expelled(why));
        }
        warn!(why, "the group has expelled us, joining anew");
        self.hide_all();
        self.forget_all();
        self.halted.clear();
        self.in_doubt.clear();
        self.membership = None;
        let (stage, slot) = (&self.stage, &self.slot);
        let source = KafkaSource::join(&self.kafka, &stage.source_topic, &stage.group, slot)?;
        self.source = Rc::new(source);
        Ok(())
    }

    fn halt_all(&mut self, halt: &Halt) -> Result<(), Reaction> {
        let ours = self.running.keys().chain(self.candidates.keys());
        let ours: Vec<_> = ours.copied().collect();
        for shard in &ours {
            self.halt(*shard, halt.clone());
        }
        if ours.is_empty() {
            Ok(())
        } else {
            self.read_on()
        }
    }

    fn halt(&mut self, shard: ShardId, halt: Halt) {
        error!(%shard, halt = halt.code(), "{halt}");
        self.show_halt(shard, &halt);
        self.running.remove(&shard);
        self.candidates.remove(&shard);
        self.halted.insert(shard, halt);
    }

    fn halt_wrong_partitioners(&mut self) -> Result<(), Reaction> {
        let wrong = self.running.values().find_map(|shard| {
            let halt = shard.misplaced.too_many()?;
            Some((shard.id, halt))
        });
        wrong.map_or(Ok(()), |(shard, halt)| Err(Reaction::Halt(shard, halt)))
    }

    /// Keeps polling while nothing can be done: the group must not take us for dead.
    fn pause(&mut self) -> Result<(), WorkerError> {
        self.source.assign(&[])?;
        let since = Stopwatch::start();
        while since.elapsed() < PAUSE && !self.stop.load(Ordering::Relaxed) {
            match self.source.poll(PAUSE) {
                Polled::Nothing if self.source.is_rebalanced() => return Ok(()),
                Polled::Record(_) | Polled::Nothing | Polled::OutOfRange | Polled::Hitch(_) => {}
            }
        }
        if self.source.is_rebalanced() {
            return Ok(());
        }
        self.read_on().or_else(|reaction| match reaction {
            Reaction::End(error) => Err(error),
            _ => Ok(()),
        })
    }

    /// Reads every running shard from its V on: what was collected and not committed is read again.
    fn read_on(&mut self) -> Result<(), Reaction> {
        let positions: Vec<_> = self
            .running
            .values()
            .map(|shard| (shard.id, shard.progress.position))
            .collect();
        self.source
            .assign(&positions)
            .map_err(|error| Reaction::End(error.into()))
    }

    fn hide_all(&self) {
        let ours = self.running.keys().chain(self.candidates.keys());
        for shard in ours.chain(self.halted.keys()) {
            self.hide(*shard);
        }
    }

    fn forget_all(&mut self) {
        self.running.clear();
        self.candidates.clear();
    }

    fn forget_all_and_recover(&mut self) {
        let shards: Vec<_> = self.running.keys().copied().collect();
        self.running.clear();
        for shard in shards {
            self.candidates.insert(shard, Candidate::default());
            self.show(shard, ShardState::Recovering);
        }
    }
}

impl From<Uncollected> for Reaction {
    fn from(why: Uncollected) -> Self {
        match why {
            Uncollected::Rebalanced => Reaction::StartAnew,
            Uncollected::OutOfRange => {
                Reaction::RecoverAll("the source does not hold a position of ours".into())
            }
        }
    }
}

impl From<PublishDoubt> for Reaction {
    fn from(doubt: PublishDoubt) -> Self {
        Reaction::Recycle(doubt.into())
    }
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
