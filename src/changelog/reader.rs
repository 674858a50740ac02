//! Reads one partition of a changelog up to its end, and tells apart what stands in it.
//!
//! Whoever reads says in between whether to go on: a long read must let the worker poll its source, or the group takes
//! it for dead.

use std::ops::ControlFlow;

use rdkafka::message::Message;

use crate::config;
use crate::kafka::{self, ClientError, PartitionReader, appended_at};
use crate::protocol::{CHANGE_KEY, FoundProgress, Offset, PROGRESS_KEY, Progress, Range, ShardId};

/// Records before the end among which the last progress record is nearly always found: only markers and what was aborted
/// follow it.
const TAIL: i64 = 100;
/// How much farther back each further look begins.
const STRIDE: i64 = 10;

/// Reads changelogs.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct ChangelogReader {
    partitions: PartitionReader,
}

/// A record of a changelog.
#[derive(Debug)]
pub enum Seen<'a> {
    /// The last record of a step.
    Progress(Box<FoundProgress>),
    /// A state as a step left it.
    Change(Change<'a>),
}

/// A state as a step left it.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// Where the record stands.
    pub offset: Offset,
    /// Whose state.
    pub key: &'a str,
    /// Its stored form; none if it was deleted.
    pub value: Option<&'a [u8]>,
}

/// Why a changelog can't be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Whoever waits has asked to stop.
    #[error("reading the changelog was interrupted")]
    Interrupted,
    /// The broker does not give it.
    #[error("the changelog cannot be read")]
    Kafka(#[source] kafka::ReadError),
    /// A record that we would never write.
    #[error("record {offset} of the changelog of shard {shard} is not ours")]
    Foreign {
        /// The shard.
        shard: ShardId,
        /// The record.
        offset: Offset,
    },
}

impl From<kafka::ReadError> for ReadError {
    fn from(error: kafka::ReadError) -> Self {
        match error {
            kafka::ReadError::Interrupted => ReadError::Interrupted,
            other @ (kafka::ReadError::Kafka { .. } | kafka::ReadError::Silent { .. }) => {
                ReadError::Kafka(other)
            }
        }
    }
}

impl ChangelogReader {
    /// Opens a reader of a topic. It connects when it first reads.
    ///
    /// # Errors
    /// [`ClientError`] if a setting of the client is wrong.
    pub fn open(kafka: &config::Kafka, group: &str, topic: &str) -> Result<Self, ClientError> {
        let partitions = PartitionReader::open(kafka, group, topic)?;
        Ok(Self { partitions })
    }

    /// Finds the last progress record. `log` ends at the last stable offset: whoever begins behind it waits in vain.
    ///
    /// It looks at the tail first, and farther and farther back as long as it finds nothing there: a transaction that was
    /// aborted may have left records by the ten thousand.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn last_progress(
        &self,
        shard: ShardId,
        log: Range,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<Option<FoundProgress>, ReadError> {
        let mut stride = TAIL;
        loop {
            let begin = Offset(log.end.0.saturating_sub(stride)).max(log.start);
            let mut last = None;
            self.read(shard, begin, go_on, &mut |seen| {
                if let Seen::Progress(progress) = seen {
                    last = Some(*progress);
                }
                ControlFlow::Continue(())
            })?;
            if last.is_some() || begin == log.start {
                return Ok(last);
            }
            stride = stride.saturating_mul(STRIDE);
        }
    }

    /// Reads from an offset up to the last stable offset and hands over each record, until told to break off.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Interrupted`] if `go_on` or `take` breaks off.
    pub fn read(
        &self,
        shard: ShardId,
        from: Offset,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(Seen<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut failed = None;
        self.partitions.read(shard, from, go_on, &mut |record| {
            let seen = seen(shard, record);
            let taken = seen.and_then(|seen| match take(seen) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(ReadError::Interrupted),
            });
            failed = taken.err();
            match failed {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        })?;
        failed.map_or(Ok(()), Err)
    }
}

fn seen(shard: ShardId, record: &impl Message) -> Result<Seen<'_>, ReadError> {
    let offset = Offset(record.offset());
    let foreign = ReadError::Foreign { shard, offset };
    match record.key() {
        Some(PROGRESS_KEY) => {
            let value = record.payload().unwrap_or_default();
            Ok(Seen::Progress(Box::new(FoundProgress {
                record: Progress::decode(value),
                offset,
                appended_at: appended_at(record),
            })))
        }
        Some([CHANGE_KEY, key @ ..]) if !key.is_empty() => {
            let key = str::from_utf8(key).map_err(|_| foreign)?;
            let value = record.payload();
            Ok(Seen::Change(Change { offset, key, value }))
        }
        _ => Err(foreign),
    }
}
