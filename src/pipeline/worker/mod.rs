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
//! | chapter      | what it holds                                                     |
//! | ------------ | ----------------------------------------------------------------- |
//! | `membership` | which shards are ours, as the group decides                       |
//! | `takeover`   | shards on their way to us, one after the other                    |
//! | `recover`    | one shard, from getting it to reading its first record            |
//! | `owned`      | a shard that is ours                                              |
//! | `unflushed`  | what the store does not hold yet                                  |
//! | `collect`    | the records of a step                                             |
//! | `load`       | the states they concern, and the steps of all shards              |
//! | `decide`     | what a step means: pure                                           |
//! | `poison`     | records that can't be taken: found and set aside                  |
//! | `commit`     | the transaction                                                   |
//! | `flush`      | committed values into the store                                   |
//! | `idle`       | shards without input: looks and ticks                             |
//! | `deaf`       | a client that delivers nothing although records wait              |
//! | `react`      | what to do about what went wrong                                  |
//! | `observe`    | what the world is told                                            |

mod collect;
mod commit;
mod deaf;
mod decide;
#[cfg(test)]
mod fixture;
mod flush;
mod idle;
mod load;
mod membership;
mod observe;
mod owned;
mod poison;
mod react;
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
use waymark_engine::definition::Edition;

use crate::changelog::ChangelogReader;
use crate::clock::{Stopwatch, TimeOfDay};
use crate::config::{self, FlushLimits, StartAt, StepLimits};
use crate::failpoint;
use crate::kafka::{ClientError, Watermarks};
use crate::pipeline::error::told;
use crate::pipeline::stage::Stage;
use crate::pipeline::vigil::Vigil;
use crate::protocol::{Halt, ShardId, Step};
use crate::publish::{PublishDoubt, Receipt, Transactions};
use crate::source::KafkaSource;
use crate::store::Store;
use crate::telemetry::{Metrics, Pulse, StageMetrics, Status};
use crate::trace::{StepSpan, Taking, Tracer};

use collect::{Collected, collect};
use commit::Doubt;
use decide::Decided;
use observe::Round;
use owned::OwnedShard;
use react::Reaction;
use takeover::Candidate;

use membership::Undecided;

pub(crate) use commit::{Outputs, Topic};

/// How long to wait for the first record of a step.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// What all workers of a stage share.
pub(crate) struct Shared<S> {
    pub(crate) stage: S,
    /// The definition in force.
    pub(crate) edition: Edition,
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
    pub(crate) tick_resume: Duration,
    /// Where a shard without history begins.
    pub(crate) start: StartAt,
    pub(crate) metrics: Metrics,
    pub(crate) status: Status,
    pub(crate) tracer: Tracer,
    pub(crate) vigil: Vigil,
    pub(crate) time: TimeOfDay,
}

/// A worker of a stage.
pub(crate) struct Worker<S> {
    shared: Arc<Shared<S>>,
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
    membership: Option<Arc<ConsumerGroupMetadata>>,
    /// Shards that run.
    running: BTreeMap<ShardId, OwnedShard>,
    /// Shards that are ours and not yet recovered.
    candidates: BTreeMap<ShardId, Candidate>,
    /// Shards that stand still until somebody acts.
    halted: BTreeMap<ShardId, Halt>,
    /// The steps of a transaction in doubt, until recovery has shown what became of them.
    in_doubt: Vec<(ShardId, Step)>,
    observed: Observed,
    /// Since records were last collected.
    collected: Option<Stopwatch>,
    /// Since the group expelled us, each time of late.
    expelled: Vec<Stopwatch>,
    undecided: Undecided,
    /// Why the last turn has to be tried again, if it has.
    stalled: Option<String>,
    /// The longest silence of a shard that has records to read, as of the last look.
    deaf: (Duration, ShardId),
    /// Since a client that delivered nothing was assigned anew.
    assigned_anew: Option<Stopwatch>,
    /// Since a client that delivered nothing was replaced.
    replaced: Option<Stopwatch>,
    /// Since a broker last left us without an answer: feeds may have a backlog to deliver, whichever shards are ours.
    unanswered: Option<Stopwatch>,
}

/// What a worker tells the world with.
struct Observed {
    metrics: StageMetrics,
    status: Status,
    pulse: Pulse,
    /// Since the lags were looked at.
    looked: Stopwatch,
    /// Whose lag is looked at next.
    round: Round,
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
    /// The client hangs again and again.
    #[error("this worker's producers hang; a new process has new ones")]
    Stuck(#[source] PublishDoubt),
    /// The client refuses what it must always take.
    #[error("the client of kafka refuses an assignment")]
    Assign(#[from] KafkaError),
}

impl<S: Stage> Worker<S> {
    /// Joins the group.
    ///
    /// # Errors
    /// [`WorkerError`] if a setting of a client is wrong.
    pub(crate) fn join(
        shared: Arc<Shared<S>>,
        kafka: &config::Kafka,
        slot: &str,
        store: Box<dyn Store>,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, WorkerError> {
        let source = KafkaSource::join(kafka, &shared.source_topic, &shared.group, slot)?;
        let reader = ChangelogReader::open(kafka, &shared.group, &shared.outputs.changelog)?;
        let observed = Observed {
            metrics: shared.metrics.stage(S::NAME),
            status: shared.status.clone(),
            pulse: shared.status.worker(slot),
            looked: Stopwatch::start(),
            round: Round::default(),
        };
        Ok(Self {
            source: Rc::new(source),
            transactions: Transactions::new(kafka, slot),
            reader,
            watermarks: Watermarks::open(kafka)?,
            store,
            stop,
            shared,
            membership: None,
            running: BTreeMap::new(),
            candidates: BTreeMap::new(),
            halted: BTreeMap::new(),
            in_doubt: Vec::new(),
            observed,
            collected: None,
            expelled: Vec::new(),
            undecided: Undecided::default(),
            stalled: None,
            deaf: (Duration::ZERO, ShardId(0)),
            assigned_anew: None,
            replaced: None,
            unanswered: None,
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
        if let Some(violation) = self.shared.vigil.violation() {
            self.halt_all(&violation)?;
        }
        if !self.transactions.is_ready() {
            self.take_producer()?;
        }
        failpoint::here("recover.2");
        self.press_for_decision()?;
        self.mend_hearing()?;
        self.take_over()?;
        // Nothing new while the store can't take what waits: memory is bounded.
        self.flush_what_is_due()?;
        let turn = Stopwatch::start();
        let source = Rc::clone(&self.source);
        let shared = Arc::clone(&self.shared);
        let collected = collect(
            &source,
            &shared.stage,
            &shared.step,
            self.collected,
            FIRST_WAIT,
        )?;
        if !collected.is_empty() {
            self.collected = Some(Stopwatch::start());
        }
        let span = (!collected.is_empty()).then(|| self.begin_span(&collected));
        let steps = self.decide_all(&collected)?;
        if !steps.is_empty() {
            // A step of time alone is known only now.
            let span = span.unwrap_or_else(|| self.begin_span(&collected));
            self.commit(steps, &collected, turn, span)?;
        }
        let unreadable = collected.unreadable.as_ref().map(|error| told(error));
        drop(collected);
        self.sweep();
        unreadable.map_or(Ok(()), |cause| Err(Reaction::Again(cause)))
    }

    fn take_producer(&mut self) -> Result<(), Reaction> {
        self.transactions.recycle().map_err(|doubt| {
            if let PublishDoubt::Request(_, _) = doubt {
                self.unanswered = Some(Stopwatch::start());
            }
            match doubt {
                PublishDoubt::Stuck(_) => Reaction::End(WorkerError::Stuck(doubt)),
                doubt => Reaction::Again(told(&doubt)),
            }
        })
    }

    /// Begins to tell of the steps of a turn.
    fn begin_span(&self, collected: &Collected<'_, S::Input>) -> StepSpan {
        let taking = Taking {
            topic: &self.shared.source_topic,
            group: &self.shared.group,
            records: collected.records().count(),
        };
        self.shared.tracer.step(&taking, collected.records())
    }

    /// Commits steps; they count from here on, or are in doubt.
    fn commit(
        &mut self,
        mut steps: Vec<Decided>,
        collected: &Collected<'_, S::Input>,
        turn: Stopwatch,
        mut span: StepSpan,
    ) -> Result<(), Reaction> {
        let commit = Stopwatch::start();
        let membership = self.membership.as_ref().ok_or(Reaction::StartAnew)?;
        self.in_doubt = steps
            .iter()
            .map(|it| (it.progress.shard, it.progress.step))
            .collect();
        let set_aside = steps.iter().filter(|step| !step.set_aside.is_empty());
        let set_aside: Vec<_> = set_aside.map(|step| step.progress.shard).collect();
        let outputs = &self.shared.outputs;
        let committed = outputs.commit(
            &self.transactions,
            &self.source,
            membership,
            &mut steps,
            collected,
            &mut span,
        );
        match &committed {
            Ok(_) => self.transactions.committed(&set_aside),
            Err(Doubt::Publish(doubt)) => self.transactions.doubted(doubt, &set_aside),
            Err(Doubt::Slow(_) | Doubt::NoReceipt(_)) => {}
        }
        // A repeated request may be acknowledged without a place, and the client then counts from -1.
        let rises = |(step, receipt): (&Decided, &Receipt)| {
            let shard = step.progress.shard;
            let end = self.running[&shard].end.offset;
            (receipt.offset > end)
                .then_some(())
                .ok_or(Doubt::NoReceipt(shard))
        };
        let committed = committed.and_then(|receipts| {
            steps.iter().zip(&receipts).try_for_each(rises)?;
            Ok(receipts)
        });
        let receipts = committed.map_err(|doubt| {
            span.doubted(doubt.cause().label());
            Reaction::Recycle(doubt)
        })?;
        span.committed();
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
        self.halt_wrong_partitioners()?; // which reads on, too
        if cut { self.read_on() } else { Ok(()) }
    }
}
