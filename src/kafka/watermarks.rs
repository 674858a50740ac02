//! Where partitions begin and end, asked of the broker that leads them.
//!
//! Two handles, because the answer depends on who asks: one that reads uncommitted records is told the high watermark,
//! one that reads committed records the last stable offset, where an open transaction stops it.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{ClientError, Quiet, reader_settings};
use crate::config;
use crate::protocol::{Offset, Range, ShardId};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks where partitions begin and end.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Watermarks {
    uncommitted: BaseConsumer<Quiet>,
    committed: BaseConsumer<Quiet>,
}

impl Watermarks {
    /// Opens both handles. They connect when they are first asked.
    ///
    /// # Errors
    /// [`ClientError`] if a setting of the client is wrong.
    pub fn open(kafka: &config::Kafka) -> Result<Self, ClientError> {
        let open = |isolation| -> Result<_, ClientError> {
            let mut settings = reader_settings(kafka, "", isolation)?;
            settings.remove("group.id"); // without a group a client only asks
            settings.remove("enable.partition.eof");
            Ok(settings.create_with_context(Quiet::default())?)
        };
        Ok(Self {
            uncommitted: open("read_uncommitted")?,
            committed: open("read_committed")?,
        })
    }

    /// Returns from where to where a partition holds records, the open transactions included.
    ///
    /// # Errors
    /// [`KafkaError`] if the leader does not answer.
    pub fn range(&self, topic: &str, shard: ShardId) -> Result<Range, KafkaError> {
        range(&self.uncommitted, topic, shard)
    }

    /// Returns the last stable offset, where readers of committed records stop.
    ///
    /// # Errors
    /// [`KafkaError`] if the leader does not answer.
    pub fn stable_end(&self, topic: &str, shard: ShardId) -> Result<Offset, KafkaError> {
        Ok(range(&self.committed, topic, shard)?.end)
    }

    /// Returns how many partitions a topic has; 0 if it does not exist.
    ///
    /// # Errors
    /// [`KafkaError`] if no broker answers.
    pub fn partitions(&self, topic: &str) -> Result<u32, KafkaError> {
        let metadata = self.uncommitted.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata
            .topics()
            .iter()
            .filter(|found| found.name() == topic && found.error().is_none())
            .map(|found| found.partitions().len())
            .sum::<usize>();
        Ok(u32::try_from(partitions).expect("Kafka numbers partitions in 31 bits"))
    }
}

/// A broker that comes back may answer before it knows who leads what. A client that has been told so believes it for
/// minutes, unless it is made to ask again.
fn range(handle: &BaseConsumer<Quiet>, topic: &str, shard: ShardId) -> Result<Range, KafkaError> {
    let asked = handle
        .fetch_watermarks(topic, shard.0, PATIENCE)
        .or_else(|error| {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::UnknownPartition) {
                return Err(error);
            }
            handle.fetch_metadata(Some(topic), PATIENCE)?;
            handle.fetch_watermarks(topic, shard.0, PATIENCE)
        });
    let (start, end) = asked?;
    Ok(Range {
        start: Offset(start),
        end: Offset(end),
    })
}
