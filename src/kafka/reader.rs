//! Reads one partition from a place up to its end, as readers of committed records see it.
//!
//! It belongs to no group and is told where to begin. Whoever reads says in between whether to go on: a long read must
//! let a worker poll its source, or the group takes it for dead.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode as Code;
use waymark_engine::event::Timestamp;

use super::client::{ClientError, Quiet, leave_behind, reader_settings};
use crate::clock::Stopwatch;
use crate::config;
use crate::protocol::{Offset, ShardId};

/// How long the end may stay away without a single record before we ask whoever waits.
const SLICE: Duration = Duration::from_millis(50);
/// How long the broker may be silent. Then the client is replaced: after an outage one may never fetch again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How often whoever waits is asked during a long read, in records.
const ASK_EVERY: u32 = 5_000;

/// Reads partitions of a topic.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct PartitionReader {
    settings: ClientConfig,
    consumer: RefCell<Rc<BaseConsumer<Quiet>>>,
    topic: String,
    /// Whether the client knows who leads the topic's partitions.
    acquainted: Cell<bool>,
}

/// Why a partition can't be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Whoever waits has asked to stop.
    #[error("reading was interrupted")]
    Interrupted,
    /// The client says so.
    #[error("partition {partition} of {topic} cannot be read")]
    Kafka {
        /// Of which topic.
        topic: String,
        /// Which one.
        partition: ShardId,
        /// What the client says.
        source: KafkaError,
    },
    /// Nothing comes.
    #[error("partition {partition} of {topic} was silent for {PATIENCE:?}")]
    Silent {
        /// Of which topic.
        topic: String,
        /// Which one.
        partition: ShardId,
    },
}

impl PartitionReader {
    /// Opens a reader of a topic. It connects when it first reads.
    ///
    /// # Errors
    /// [`ClientError`] if a setting of the client is wrong.
    pub fn open(kafka: &config::Kafka, group: &str, topic: &str) -> Result<Self, ClientError> {
        let settings = reader_settings(kafka, group, "read_committed")?;
        let consumer = settings.create_with_context(Quiet::default())?;
        Ok(Self {
            settings,
            consumer: RefCell::new(Rc::new(consumer)),
            topic: topic.to_owned(),
            acquainted: Cell::new(false),
        })
    }

    /// Hands over each record from an offset on, up to the last stable offset or until `take` has seen enough.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Interrupted`] if `go_on` breaks off.
    pub fn read(
        &self,
        partition: ShardId,
        from: Offset,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let consumer = Rc::clone(&self.consumer.borrow());
        self.get_acquainted(&consumer);
        let read = || {
            let mut list = TopicPartitionList::new();
            let from = rdkafka::Offset::Offset(from.0);
            list.add_partition_offset(&self.topic, partition.0, from)?;
            consumer.assign(&list)
        };
        read().map_err(|source| self.failed(partition, source))?;
        let read = self.read_assigned(&consumer, partition, go_on, take);
        if let Err(ReadError::Silent { .. }) = read {
            self.replace()
                .map_err(|source| self.failed(partition, source))?;
            if let Some(silent) = Rc::into_inner(consumer) {
                leave_behind(silent);
            }
            return read;
        }
        let let_go = consumer.unassign();
        read.and(let_go.map_err(|source| self.failed(partition, source)))
    }

    fn replace(&self) -> Result<(), KafkaError> {
        let fresh = self.settings.create_with_context(Quiet::default())?;
        self.consumer.replace(Rc::new(fresh));
        self.acquainted.set(false);
        Ok(())
    }

    /// Returns when the broker appended the first record from an offset on, if there is one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn appended_at(
        &self,
        partition: ShardId,
        from: Offset,
    ) -> Result<Option<Timestamp>, ReadError> {
        let mut appended = None;
        let mut go_on = || ControlFlow::Continue(());
        self.read(partition, from, &mut go_on, &mut |record| {
            appended = Some(appended_at(record));
            ControlFlow::Break(())
        })?;
        Ok(appended)
    }

    /// Asks who leads the partitions before the first one is assigned: a client that has to find out by itself does so
    /// once a second. Whatever comes of it, the reading will tell.
    fn get_acquainted(&self, consumer: &BaseConsumer<Quiet>) {
        if !self.acquainted.get() {
            let known = consumer.fetch_metadata(Some(&self.topic), ANSWER);
            self.acquainted.set(known.is_ok());
        }
    }

    fn read_assigned(
        &self,
        consumer: &BaseConsumer<Quiet>,
        partition: ShardId,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut silence = Stopwatch::start();
        let mut unasked = 0;
        loop {
            match consumer.poll(SLICE) {
                Some(Ok(record)) if record.partition() == partition.0 => {
                    silence = Stopwatch::start();
                    unasked += 1;
                    if take(&record).is_break() {
                        return Ok(());
                    }
                }
                Some(Err(KafkaError::PartitionEOF(ended))) if ended == partition.0 => return Ok(()),
                // What was fetched for another partition before, or a hitch that the client mends by itself.
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) if is_final(&error) => return Err(self.failed(partition, error)),
                Some(Err(_)) | None => unasked = ASK_EVERY,
            }
            if unasked >= ASK_EVERY {
                unasked = 0;
                if go_on().is_break() {
                    return Err(ReadError::Interrupted);
                }
            }
            if silence.elapsed() > PATIENCE {
                let topic = self.topic.clone();
                return Err(ReadError::Silent { topic, partition });
            }
        }
    }

    fn failed(&self, partition: ShardId, source: KafkaError) -> ReadError {
        ReadError::Kafka {
            topic: self.topic.clone(),
            partition,
            source,
        }
    }
}

/// Returns when the broker appended a record.
pub fn appended_at(record: &impl Message) -> Timestamp {
    let millis = record.timestamp().to_millis().unwrap_or_default();
    Timestamp::from_millis(millis).unwrap_or(Timestamp::MIN)
}

/// Whether the client can't take a batch apart: it may come again for ever, or be passed over.
pub fn is_garbled(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BadMessage
                | Code::BadCompression
                | Code::NotImplemented
                | Code::MessageSizeTooLarge
        )
    )
}

/// Whether waiting will not help.
fn is_final(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(
                Code::AutoOffsetReset
                    | Code::OffsetOutOfRange
                    | Code::UnknownTopicOrPartition
                    | Code::TopicAuthorizationFailed
            )
        )
        || is_garbled(error)
}
