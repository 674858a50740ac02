//! Recovery: what a worker does between getting a shard and reading its first record.
//!
//! ```text
//! wait until all transactions before us have ended ─► look: progress, positions, checkpoint ─► decide
//!        │ first start: commit an empty step, look again                                        │
//!        └── run ◄── copy the changelog into the store ◄────────────────────────────────────────┘
//! ```
//!
//! The numbers in the comments are those of section 4 of `docs/delivery.md`.

use std::ops::ControlFlow;
use std::time::Duration;

use rdkafka::error::KafkaError;
use tracing::{info, warn};
use waymark_engine::event::Timestamp;

use super::commit::Doubt;
use super::observe::number;
use super::owned::OwnedShard;
use crate::changelog::{ChangelogReader, CopyError, Copying, DueOf, ReadError};
use crate::clock::{self, Stopwatch};
use crate::config::StartAt;
use crate::failpoint;
use crate::kafka::Watermarks;
use crate::pipeline::stage::Stage;
use crate::protocol::rules::{Signs, may_recover, ticks_wait, too_old};
use crate::protocol::{
    Checkpoint, CopyId, CopyStatus, Found, FoundProgress, Halt, Identity, Lineage, Offset,
    Progress, RandomIds, Retention, Ruling, ShardId, StoredCheckpoint, decide,
};
use crate::source::KafkaSource;
use crate::store::{Flushed, Store, StoreError};
use crate::telemetry::{Copied, Metrics, StageMetrics};

/// Everything recovery works with.
pub(super) struct Recovery<'a, S> {
    pub(super) stage: &'a S,
    pub(super) source: &'a KafkaSource,
    pub(super) reader: &'a ChangelogReader,
    pub(super) watermarks: &'a Watermarks,
    pub(super) store: &'a mut dyn Store,
    pub(super) source_topic: &'a str,
    pub(super) changelog_topic: &'a str,
    pub(super) group: &'a str,
    pub(super) partitions: u32,
    pub(super) delete_retention: Duration,
    pub(super) tick_resume: Duration,
    /// Since a broker last left us without an answer.
    pub(super) unanswered: Option<Stopwatch>,
    pub(super) start: StartAt,
    pub(super) metrics: &'a Metrics,
    pub(super) stage_metrics: &'a StageMetrics,
    /// Polls the source meanwhile; breaks off when the group has decided something, or we are to stop.
    pub(super) go_on: &'a mut dyn FnMut() -> ControlFlow<()>,
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Recovered {
    /// The shard may run.
    Running(Box<OwnedShard>),
    /// Its first start: commit an empty step with this progress, then look again.
    Begin(Box<Progress>),
    /// A transaction before us has not ended: it lies below this high watermark of when the shard became ours.
    Waiting(Offset),
}

/// Why a shard could not be recovered this time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unrecovered {
    /// The shard must stand still until somebody acts.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// The group has decided something, or we are to stop.
    #[error("recovery was interrupted")]
    Interrupted,
    /// A broker does not answer.
    #[error("kafka does not answer")]
    Kafka(#[from] KafkaError),
    /// The changelog can't be read.
    #[error(transparent)]
    Read(ReadError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The opening step of a shard is in doubt.
    #[error(transparent)]
    Doubt(Doubt),
    /// Somebody else wrote to the store, or the copy took too long: look again.
    #[error("{0}")]
    Again(String),
}

impl Unrecovered {
    /// Returns whether a broker has left us without an answer.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            Self::Kafka(_) | Self::Read(_) => true,
            Self::Halt(_)
            | Self::Interrupted
            | Self::Store(_)
            | Self::Doubt(_)
            | Self::Again(_) => false,
        }
    }
}

impl<S: Stage> Recovery<'_, S> {
    /// Tries to recover a shard. `since` is the high watermark found by an earlier attempt.
    ///
    /// # Errors
    /// [`Unrecovered`]; nothing is lost by trying again.
    pub(super) fn attempt(
        &mut self,
        shard: ShardId,
        since: Option<Offset>,
    ) -> Result<Recovered, Unrecovered> {
        let log = self.watermarks.range(self.changelog_topic, shard)?; // 3
        let high_watermark = since.unwrap_or(log.end);
        let stable = self.watermarks.stable_end(self.changelog_topic, shard)?;
        if !may_recover(stable, high_watermark) {
            return Ok(Recovered::Waiting(high_watermark));
        }
        failpoint::here("recover.3");
        let (found, bytes) = self.look(shard)?; // 4
        failpoint::here("recover.4");
        let retention = self.retention();
        let identity = Identity {
            group: self.group.to_owned(),
            shard,
            partitions: self.partitions,
        };
        let ruling = decide(&identity, &found, &retention)?;
        if found.offsets_expired() {
            warn!(%shard, "the group's offset has expired, going on from the changelog's position");
        }
        let Some(last) = &found.progress else {
            return Ok(self.begin(shard, &found));
        };
        let (took, stage) = (Stopwatch::start(), self.stage);
        let due_of = |key: &str, state: &[u8]| stage.due_of(key, state);
        // What could not be read in the store may be no better in the changelog: then the copy must end here, or the shard
        // would copy for ever what it can't read afterwards. A copy that goes on may be one that began so.
        let due_of_whole = |key: &str, state: &[u8]| Ok(stage.read(key, state)?.due);
        let (copied, checkpoint) = match (ruling, found.checkpoint) {
            (Ruling::Begin, _) => return Ok(self.begin(shard, &found)),
            (Ruling::Run { checkpoint }, _) => (Copied::Nothing, checkpoint),
            (Ruling::Copy { .. }, StoredCheckpoint::Present(checkpoint)) => {
                let due_of: DueOf<'_> = match checkpoint.status {
                    CopyStatus::Complete => &due_of,
                    CopyStatus::Restoring | CopyStatus::Damaged => &due_of_whole,
                };
                (Copied::Part, self.copy(shard, checkpoint, last, due_of)?) // 5
            }
            (Ruling::Copy { .. } | Ruling::NewCopy, _) => {
                let fresh = self.new_copy(shard, bytes.as_deref(), last)?;
                let due_of: DueOf<'_> = if found.checkpoint.is_damaged() {
                    &due_of_whole
                } else {
                    &due_of
                };
                (Copied::Whole, self.copy(shard, fresh, last, due_of)?)
            }
        };
        failpoint::here("recover.6");
        self.stage_metrics.recovered(copied, took.elapsed());
        let mut shard = self.own(shard, last, checkpoint);
        shard.rubbish = copied == Copied::Whole;
        Ok(Recovered::Running(Box::new(shard)))
    }

    /// Looks at everything that the decision table asks for, and at the checkpoint's very bytes.
    fn look(&mut self, shard: ShardId) -> Result<(Found, Option<Vec<u8>>), Unrecovered> {
        let committed = self.source.committed(&[shard])?;
        let bytes = self.store.open(shard)?;
        let checkpoint = StoredCheckpoint::read(bytes.as_deref());
        let log = self.watermarks.range(self.changelog_topic, shard)?;
        let progress = self
            .reader
            .last_progress(shard, log, self.go_on)
            .map_err(unread)?;
        let found = Found {
            progress,
            changelog: log,
            committed: committed.get(&shard).copied(),
            source: self.watermarks.range(self.source_topic, shard)?,
            checkpoint,
        };
        Ok((found, bytes))
    }

    fn begin(&self, shard: ShardId, found: &Found) -> Recovered {
        let position = match self.start {
            StartAt::Earliest => found.source.start,
            StartAt::Latest => found.source.end,
        };
        info!(%shard, %position, "first start of a shard");
        let lineage = Lineage::new(&mut OsRandom);
        let mut progress = Progress::begin(lineage, self.group, shard, self.partitions, position);
        let gate = self.stage.gate(&progress);
        self.stage.leave(gate, &mut progress);
        Recovered::Begin(Box::new(progress))
    }

    /// Throws the present copy away: one atomic change of the checkpoint.
    fn new_copy(
        &mut self,
        shard: ShardId,
        expected: Option<&[u8]>,
        last: &FoundProgress,
    ) -> Result<Checkpoint, Unrecovered> {
        let lineage = progress_of(last).lineage;
        let next = Checkpoint::begin_copy(lineage, CopyId::new(&mut OsRandom), clock::now());
        match self.store.new_copy(shard, expected, &next)? {
            Flushed::Done => Ok(next),
            Flushed::Refused => Err(refused(shard)),
        }
    }

    fn copy(
        &mut self,
        shard: ShardId,
        from: Checkpoint,
        last: &FoundProgress,
        due_of: DueOf<'_>,
    ) -> Result<Checkpoint, Unrecovered> {
        let end = last.step_end().expect("the table has read the record");
        let took = Stopwatch::start();
        let retention = |now| Retention {
            now,
            delete_retention: self.delete_retention,
        };
        let in_time = |as_of| !too_old(as_of, &retention(clock::now()));
        let copying = Copying {
            reader: self.reader,
            store: self.store,
            due_of,
            go_on: self.go_on,
            in_time: &in_time,
        };
        match copying.copy(shard, from, &end) {
            Ok(Some(copied)) => {
                let (records, took) = (copied.records, took.elapsed());
                info!(%shard, records, ?took, "changelog copied into the store");
                Ok(copied.checkpoint)
            }
            Ok(None) => Err(Unrecovered::Again(
                "the copy took too long, a new one is needed".into(),
            )),
            Err(CopyError::Read(error)) => Err(unread(error)),
            Err(CopyError::Store(error)) => Err(error.into()),
            Err(again @ (CopyError::Refused(_) | CopyError::Moved(_))) => {
                Err(Unrecovered::Again(again.to_string()))
            }
            Err(state @ CopyError::State { .. }) => Err(Halt::ForeignChangelog {
                fact: state.to_string(),
            }
            .into()),
        }
    }

    fn own(&self, shard: ShardId, last: &FoundProgress, checkpoint: Checkpoint) -> OwnedShard {
        let end = last.step_end().expect("the table has read the record");
        let progress = progress_of(last).clone();
        let wait = self.ticks_wait(&progress, end.appended_at);
        let metrics = self.metrics.shard(S::NAME, number(shard));
        OwnedShard::new(shard, progress, end, checkpoint, wait, metrics)
    }

    fn ticks_wait(&self, progress: &Progress, stepped_at: Timestamp) -> Duration {
        if !S::HAS_OWN_CLOCK {
            return Duration::ZERO; // it makes none
        }
        let signs = Signs {
            unanswered: self.unanswered.map(|since| since.elapsed()),
            stepped_at,
            ticks_rest_until: progress.ticks_rest_until,
        };
        ticks_wait(&signs, clock::now(), self.tick_resume)
    }

    fn retention(&self) -> Retention {
        Retention {
            now: clock::now(),
            delete_retention: self.delete_retention,
        }
    }
}

/// Chance of the operating system: identities that no other process will ever have.
struct OsRandom;

impl RandomIds for OsRandom {
    fn bits(&mut self) -> u128 {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("every system we run on has a source of chance");
        u128::from_be_bytes(bytes)
    }
}

fn progress_of(last: &FoundProgress) -> &Progress {
    last.record.as_ref().expect("the table has read the record")
}

fn refused(shard: ShardId) -> Unrecovered {
    Unrecovered::Again(format!(
        "the store of shard {shard} was written by somebody else"
    ))
}

pub(super) fn unread(error: ReadError) -> Unrecovered {
    match error {
        ReadError::Interrupted => Unrecovered::Interrupted,
        ReadError::Foreign { .. } => Halt::ForeignChangelog {
            fact: error.to_string(),
        }
        .into(),
        other @ ReadError::Kafka(_) => Unrecovered::Read(other),
    }
}
