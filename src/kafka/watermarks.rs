//! Where partitions begin and end, asked of the broker that leads them.
//!
//! Two handles, because the answer depends on who asks: one that reads uncommitted records is told the high watermark,
//! one that reads committed records the last stable offset, where an open transaction stops it. A handle that gets no
//! answer for a while is replaced: after an outage one was seen never to connect again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{ClientError, Quiet, leave_behind, reader_settings};
use crate::clock::Stopwatch;
use crate::config;
use crate::protocol::{Offset, Range, ShardId};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a handle may get no answer before it is replaced.
const REPLACE_AFTER: Duration = Duration::from_secs(10);

/// Asks where partitions begin and end.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Watermarks {
    uncommitted: Handle,
    committed: Handle,
}

/// A client that asks.
struct Handle {
    settings: ClientConfig,
    client: RefCell<BaseConsumer<Quiet>>,
    /// Since it got no answer.
    silent: Cell<Option<Stopwatch>>,
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
            let client = settings.create_with_context(Quiet::default())?;
            Ok(Handle {
                settings,
                client: RefCell::new(client),
                silent: Cell::new(None),
            })
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
        self.uncommitted.ask(|client| range(client, topic, shard))
    }

    /// Returns the last stable offset, where readers of committed records stop.
    ///
    /// # Errors
    /// [`KafkaError`] if the leader does not answer.
    pub fn stable_end(&self, topic: &str, shard: ShardId) -> Result<Offset, KafkaError> {
        Ok(self.settled(topic, shard)?.end)
    }

    /// Returns from where to where readers of committed records find something.
    ///
    /// # Errors
    /// [`KafkaError`] if the leader does not answer.
    pub fn settled(&self, topic: &str, shard: ShardId) -> Result<Range, KafkaError> {
        self.committed.ask(|client| range(client, topic, shard))
    }

    /// Returns all partitions of a topic; none if it does not exist.
    ///
    /// # Errors
    /// [`KafkaError`] if no broker answers.
    pub fn shards(&self, topic: &str) -> Result<Vec<ShardId>, KafkaError> {
        let partitions = self.partitions(topic)?;
        let partitions = i32::try_from(partitions).expect("Kafka numbers partitions in 31 bits");
        Ok((0..partitions).map(ShardId).collect())
    }

    /// Returns how many partitions a topic has; 0 if it does not exist.
    ///
    /// # Errors
    /// [`KafkaError`] if no broker answers.
    pub fn partitions(&self, topic: &str) -> Result<u32, KafkaError> {
        let ask = |client: &BaseConsumer<Quiet>| client.fetch_metadata(Some(topic), PATIENCE);
        let metadata = self.uncommitted.ask(ask)?;
        let mut found = metadata.topics().iter();
        let Some(found) = found.find(|found| found.name() == topic) else {
            return Ok(0);
        };
        match found.error().map(RDKafkaErrorCode::from) {
            None => {
                let partitions = u32::try_from(found.partitions().len());
                Ok(partitions.expect("Kafka numbers partitions in 31 bits"))
            }
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => Ok(0),
            Some(other) => Err(KafkaError::MetadataFetch(other)),
        }
    }
}

impl Handle {
    fn ask<T>(
        &self,
        ask: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let answer = ask(&self.client.borrow());
        match (&answer, self.silent.get()) {
            (Ok(_), _) => self.silent.set(None),
            (Err(_), None) => self.silent.set(Some(Stopwatch::start())),
            (Err(_), Some(since)) if since.elapsed() < REPLACE_AFTER => {}
            (Err(_), Some(_)) => self.replace()?,
        }
        answer
    }

    fn replace(&self) -> Result<(), KafkaError> {
        let fresh = self.settings.create_with_context(Quiet::default())?;
        leave_behind(self.client.replace(fresh));
        self.silent.set(None);
        Ok(())
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
