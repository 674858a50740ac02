//! Where a group stands in a topic, asked of its coordinator without joining it.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::client::{ClientError, Quiet, reader_settings};
use super::patience::patiently;
use crate::config;
use crate::protocol::{Offset, ShardId};

/// How long the coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The offsets of a group in one topic.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct GroupOffsets {
    consumer: BaseConsumer<Quiet>,
    topic: String,
}

impl GroupOffsets {
    /// Opens a handle that speaks in the name of the group. It connects when it is asked something.
    ///
    /// # Errors
    /// [`ClientError`] if a setting of the client is wrong.
    pub fn open(kafka: &config::Kafka, group: &str, topic: &str) -> Result<Self, ClientError> {
        let mut settings = reader_settings(kafka, group, "read_committed")?;
        settings.set("group.id", group); // asked about, never joined: nothing is subscribed
        Ok(Self {
            consumer: settings.create_with_context(Quiet::default())?,
            topic: topic.to_owned(),
        })
    }

    /// Returns the offsets that the group has committed, for the shards that have any. Waits for pending ones.
    ///
    /// # Errors
    /// [`KafkaError`] if the coordinator does not answer.
    pub fn committed(&self, shards: &[ShardId]) -> Result<BTreeMap<ShardId, Offset>, KafkaError> {
        patiently(|| committed(&self.consumer, &self.topic, shards))
    }

    /// Commits an offset of one shard. The coordinator takes it only while the group has no members.
    ///
    /// # Errors
    /// [`KafkaError`] if it refuses or does not answer.
    pub fn commit(&self, shard: ShardId, offset: Offset) -> Result<(), KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, shard.0, rdkafka::Offset::Offset(offset.0))?;
        self.consumer.commit(&list, CommitMode::Sync)
    }
}

/// Asks once for the offsets that the group of a consumer has committed, for the shards that have any.
///
/// # Errors
/// [`KafkaError`] if the coordinator does not answer within 10 s.
pub(crate) fn committed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    shards: &[ShardId],
) -> Result<BTreeMap<ShardId, Offset>, KafkaError> {
    let mut list = TopicPartitionList::new();
    for shard in shards {
        list.add_partition(topic, shard.0);
    }
    let list = consumer.committed_offsets(list, PATIENCE)?;
    for element in list.elements() {
        element.error()?;
    }
    Ok(known(&list))
}

/// Returns the offsets of a list, for the shards that have one.
pub(crate) fn known(list: &TopicPartitionList) -> BTreeMap<ShardId, Offset> {
    let known = list
        .elements()
        .into_iter()
        .filter_map(|element| match element.offset() {
            rdkafka::Offset::Offset(offset) => Some((ShardId(element.partition()), Offset(offset))),
            _ => None,
        });
    known.collect()
}
