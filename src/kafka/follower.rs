//! Follows a topic from a moment on, as readers of committed records see it, for as long as somebody looks.
//!
//! It belongs to no group. Where it begins is settled before the first record is asked for, so what is published once
//! it is open is seen. Records of one partition come in their order; partitions take turns.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode as Code;
use waymark_engine::event::Timestamp;

use super::client::{ClientError, Quiet, reader_settings};
use super::patience::patiently;
use super::watermarks::Watermarks;
use crate::clock::Stopwatch;
use crate::config;
use crate::protocol::ShardId;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Without a record for so long, we ask whether anybody is there.
const QUIET: Duration = Duration::from_secs(10);
/// How long all brokers may be away: a rolling restart passes unnoticed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// With the oldest record there is.
    Beginning,
    /// With the first record that the broker took at this time or later.
    Time(Timestamp),
    /// With the next record that comes.
    Now,
}

/// A reader that goes on at the end.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Follower {
    consumer: BaseConsumer<Quiet>,
    topic: String,
    /// Since anything was heard of the brokers.
    heard: Stopwatch,
    /// Since they were asked last.
    asked: Stopwatch,
}

/// Why a topic can't be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// There is no such topic.
    #[error("topic {0} does not exist: `waymark topics create` makes it")]
    NoTopic(String),
    /// A setting of the client is wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The brokers can't be asked, or not any more.
    #[error("topic {topic} cannot be read")]
    Kafka {
        /// Which one.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
}

impl Follower {
    /// Opens a topic.
    ///
    /// # Errors
    /// [`FollowError`].
    pub fn open(kafka: &config::Kafka, topic: &str, since: Since) -> Result<Self, FollowError> {
        let mut settings =
            reader_settings(kafka, "", "read_committed").map_err(ClientError::from)?;
        settings
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "earliest") // what retention took from under a slow reader is gone
            .set("fetch.wait.max.ms", "500");
        let consumer = settings
            .create_with_context(Quiet::default())
            .map_err(ClientError::from)?;
        let follower = Self {
            consumer,
            topic: topic.to_owned(),
            heard: Stopwatch::start(),
            asked: Stopwatch::start(),
        };
        let places = follower.places(kafka, since)?;
        let begun = follower.consumer.assign(&places);
        begun.map_err(|source| follower.failed(source))?;
        Ok(follower)
    }

    /// Returns the next record, if one comes in time.
    ///
    /// # Errors
    /// [`FollowError`] if the topic is gone or may not be read, or no broker has answered for half a minute.
    pub fn next(&mut self, within: Duration) -> Result<Option<BorrowedMessage<'_>>, FollowError> {
        if self.heard.elapsed() > QUIET && self.asked.elapsed() > QUIET {
            self.ask()?;
        }
        match self.consumer.poll(within) {
            Some(Ok(record)) => {
                self.heard = Stopwatch::start();
                Ok(Some(record))
            }
            Some(Err(error)) if is_final(&error) => Err(self.failed(error)),
            Some(Err(_)) | None => Ok(None), // a hitch that the client mends by itself
        }
    }

    fn ask(&mut self) -> Result<(), FollowError> {
        let answer = self.consumer.fetch_metadata(Some(&self.topic), ANSWER);
        self.asked = Stopwatch::start();
        match answer {
            Ok(_) => {
                self.heard = Stopwatch::start();
                Ok(())
            }
            Err(_) if self.heard.elapsed() < PATIENCE => Ok(()),
            Err(source) => Err(self.failed(source)),
        }
    }

    /// Finds out where to begin in each partition.
    fn places(
        &self,
        kafka: &config::Kafka,
        since: Since,
    ) -> Result<TopicPartitionList, FollowError> {
        let watermarks = Watermarks::open(kafka)?;
        let failed = |source| self.failed(source);
        let partitions = patiently(|| watermarks.partitions(&self.topic)).map_err(failed)?;
        if partitions == 0 {
            return Err(FollowError::NoTopic(self.topic.clone()));
        }
        let mut places = TopicPartitionList::new();
        for shard in (0..partitions.cast_signed()).map(ShardId) {
            let place = match since {
                Since::Beginning => rdkafka::Offset::Beginning,
                Since::Time(_) | Since::Now => {
                    let end = patiently(|| watermarks.stable_end(&self.topic, shard));
                    rdkafka::Offset::Offset(end.map_err(failed)?.0)
                }
            };
            places
                .add_partition_offset(&self.topic, shard.0, place)
                .map_err(failed)?;
        }
        if let Since::Time(at) = since {
            self.go_back(&mut places, at).map_err(failed)?;
        }
        Ok(places)
    }

    /// Moves the places of partitions that hold something since a time back to there. The others keep theirs: an end that
    /// is settled only when reading begins would pass over what is published until then.
    fn go_back(&self, places: &mut TopicPartitionList, at: Timestamp) -> Result<(), KafkaError> {
        let mut times = places.clone();
        times.set_all_offsets(rdkafka::Offset::Offset(at.as_millis()))?;
        let found = patiently(|| self.consumer.offsets_for_times(times.clone(), ANSWER))?;
        for found in found.elements() {
            found.error()?;
            if let place @ rdkafka::Offset::Offset(_) = found.offset() {
                places.set_partition_offset(found.topic(), found.partition(), place)?;
            }
        }
        Ok(())
    }

    fn failed(&self, source: KafkaError) -> FollowError {
        let topic = self.topic.clone();
        FollowError::Kafka { topic, source }
    }
}

/// Whether waiting will not help.
fn is_final(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(Code::UnknownTopicOrPartition | Code::TopicAuthorizationFailed)
        )
}
