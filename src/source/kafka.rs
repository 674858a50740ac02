//! The source of a stage in Kafka: one member of its group, records as they were delivered, rebalances as values.
//!
//! Assignment is eager and in our hands. Whatever the group decides, the callback lets go of every partition, keeps the
//! group metadata of that moment and notes the shards; recovery then says from where to read, with [`KafkaSource::assign`].
//!
//! ```text
//! poll ─► callback: assign nothing, keep metadata, note shards ─► rebalanced() ─► … recovery … ─► assign(shard, V)
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use tracing::warn;

use crate::config;
use crate::kafka::{ClientError, Quiet, committed, consumer_settings, is_garbled, known};
use crate::protocol::{Offset, ShardId};
use crate::telemetry::Rebalance;

/// A member of the group of a stage.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct KafkaSource {
    consumer: BaseConsumer<Rebalances>,
    topic: String,
}

/// What the group has decided.
#[expect(missing_debug_implementations, reason = "group metadata has none")]
pub struct Rebalanced {
    /// What sort of decision it was. An assignment may be one of no shards at all.
    pub event: Rebalance,
    /// The shards that are ours now; none if all were taken away.
    pub shards: Vec<ShardId>,
    /// Who we are in the group, as of this decision. The fence of every transaction until the next one.
    pub membership: Option<Arc<ConsumerGroupMetadata>>,
}

/// What a poll brought.
#[expect(missing_debug_implementations, reason = "records have none")]
pub enum Polled<'a> {
    /// The next record of some shard.
    Record(BorrowedMessage<'a>),
    /// Nothing within the time; a rebalance may have happened.
    Nothing,
    /// The source no longer holds what we want to read next: some shard must look at its position again.
    OutOfRange,
    /// A batch that the client can't take apart: it may come again for ever, or be passed over.
    Unreadable(KafkaError),
    /// A hitch that the client mends by itself.
    Hitch(KafkaError),
}

impl KafkaSource {
    /// Joins the group of a stage.
    ///
    /// # Errors
    /// [`ClientError`] if a setting of the client is wrong. The cluster need not be there yet.
    pub fn join(
        kafka: &config::Kafka,
        topic: &str,
        group: &str,
        slot: &str,
    ) -> Result<Self, ClientError> {
        let settings = consumer_settings(kafka, group, slot)?;
        let consumer: BaseConsumer<Rebalances> =
            settings.create_with_context(Rebalances::default())?;
        consumer.subscribe(&[topic])?;
        Ok(Self {
            consumer,
            topic: topic.to_owned(),
        })
    }

    /// Waits for the next record. Rebalances happen in here and nowhere else.
    pub fn poll(&self, patience: Duration) -> Polled<'_> {
        match self.consumer.poll(whole_millis(patience)) {
            None => Polled::Nothing,
            Some(Ok(record)) => Polled::Record(record),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    Polled::OutOfRange
                }
                _ if is_garbled(&error) => Polled::Unreadable(error),
                _ => Polled::Hitch(error),
            },
        }
    }

    /// Returns what the group has decided since the last call.
    pub fn rebalanced(&self) -> Option<Rebalanced> {
        self.consumer
            .context()
            .decided
            .lock()
            .expect("no holder panics")
            .take()
    }

    /// Returns whether the group has decided something that nobody has looked at.
    pub fn is_rebalanced(&self) -> bool {
        self.consumer
            .context()
            .decided
            .lock()
            .expect("no holder panics")
            .is_some()
    }

    /// Reads these shards from here on, and no others.
    ///
    /// # Errors
    /// [`KafkaError`] if the client refuses.
    pub fn assign(&self, shards: &[(ShardId, Offset)]) -> Result<(), KafkaError> {
        self.consumer.assign(&self.list(shards)?)
    }

    /// Returns the place of the next record of each shard that has one: it has passed what was aborted, and the markers
    /// of transactions.
    ///
    /// # Errors
    /// [`KafkaError`] if the client refuses.
    pub fn positions(&self) -> Result<BTreeMap<ShardId, Offset>, KafkaError> {
        Ok(known(&self.consumer.position()?))
    }

    /// Returns the offsets that the group has committed, for the shards that have any. Waits for pending ones.
    ///
    /// # Errors
    /// [`KafkaError`] if the coordinator does not answer.
    pub fn committed(&self, shards: &[ShardId]) -> Result<BTreeMap<ShardId, Offset>, KafkaError> {
        committed(&self.consumer, &self.topic, shards)
    }

    /// Makes a list of positions for a transaction.
    ///
    /// # Errors
    /// [`KafkaError`] if an offset is none.
    pub fn list(&self, shards: &[(ShardId, Offset)]) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::with_capacity(shards.len());
        for (shard, offset) in shards {
            list.add_partition_offset(&self.topic, shard.0, rdkafka::Offset::from_raw(offset.0))?;
        }
        Ok(list)
    }

    /// Returns why this client is of no use any more, as when another one has taken its place in the group.
    pub fn fatal(&self) -> Option<String> {
        let (_, reason) = self.consumer.client().fatal_error()?;
        Some(reason)
    }
}

/// The client counts in whole milliseconds, and spins through what is left of the last one.
fn whole_millis(patience: Duration) -> Duration {
    let millis = patience.as_micros().div_ceil(1_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

fn shards_of(list: &TopicPartitionList) -> Vec<ShardId> {
    let elements = list.elements();
    elements
        .iter()
        .map(|element| ShardId(element.partition()))
        .collect()
}

/// Takes down what the group decides. Runs inside of a poll, hence never while a transaction is open.
#[derive(Default)]
struct Rebalances {
    decided: Mutex<Option<Rebalanced>>,
    log: Quiet,
}

impl ConsumerContext for Rebalances {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        // The client waits for one call of the right sort before the group can go on: `assign` answers what was given,
        // `unassign` what was taken. Whatever else is told, nothing is ours until the next assignment.
        let given = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let let_go = if given {
            consumer.assign(&TopicPartitionList::new())
        } else {
            consumer.unassign()
        };
        if let Err(error) = let_go {
            warn!(%error, "letting go of all partitions was refused");
        }
        let (event, shards) = if given {
            (Rebalance::Assigned, shards_of(partitions))
        } else {
            (Rebalance::Revoked, Vec::new())
        };
        *self.decided.lock().expect("no holder panics") = Some(Rebalanced {
            event,
            membership: (!shards.is_empty())
                .then(|| consumer.group_metadata())
                .flatten()
                .map(Arc::new),
            shards,
        });
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        self.log.log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}
