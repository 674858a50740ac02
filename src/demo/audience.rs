//! Reads what the workers publish, from its beginning, as any subscriber could: alerts, scores and the changelogs.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::Seen;
use crate::config::Deployment;
use crate::config::{self, StageName};
use crate::kafka::{ClientError, Quiet, reader_settings};

/// Records taken in before others may draw: some milliseconds.
const AT_ONCE: usize = 2_000;

/// Whoever listens.
pub(crate) struct Audience {
    consumer: BaseConsumer<Quiet>,
    topics: Topics,
}

/// The broker has forgotten what was not read yet: what would be shown from here on is not what happened.
#[derive(Debug, thiserror::Error)]
#[error("the mock broker has forgotten what the workers published before it was read")]
pub(crate) struct Forgotten(#[source] KafkaError);

/// What is read.
struct Topics {
    alerts: String,
    scores: String,
    customers: String,
    cohorts: String,
}

impl Audience {
    /// Opens a reader of a deployment's outputs.
    ///
    /// # Errors
    /// [`ClientError`] if the client can't be made, or refuses the topics.
    pub(crate) fn open(
        kafka: &config::Kafka,
        deployment: &Deployment,
        (partitions, cohort_partitions): (u32, u32),
    ) -> Result<Self, ClientError> {
        let topics = Topics {
            alerts: deployment.alerts(),
            scores: deployment.scores(),
            customers: deployment.changelog(StageName::Customer.as_str()),
            cohorts: deployment.changelog(StageName::Cohort.as_str()),
        };
        let mut places = TopicPartitionList::new();
        for (topic, partitions) in [
            (&topics.alerts, partitions),
            (&topics.customers, partitions),
            (&topics.scores, cohort_partitions),
            (&topics.cohorts, cohort_partitions),
        ] {
            let partitions = i32::try_from(partitions).expect("Kafka numbers them in 31 bits");
            for partition in 0..partitions {
                places.add_partition_offset(topic, partition, rdkafka::Offset::Beginning)?;
            }
        }
        let settings = reader_settings(kafka, "demo.audience", "read_committed")?;
        let consumer: BaseConsumer<Quiet> = settings.create_with_context(Quiet::default())?;
        consumer.assign(&places)?;
        Ok(Self { consumer, topics })
    }

    /// Takes in what has come, waiting for the first record at most so long.
    ///
    /// # Errors
    /// [`Forgotten`].
    pub(crate) fn listen(&self, patience: Duration, seen: &mut Seen) -> Result<(), Forgotten> {
        let mut patience = patience;
        for _ in 0..AT_ONCE {
            match self.consumer.poll(patience) {
                Some(Ok(record)) => self.take(&record, seen),
                // The end of a partition; more may come.
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) if is_gap(&error) => return Err(Forgotten(error)),
                // Whatever else it is, the client mends it, or nothing more is heard, which others notice.
                Some(Err(_)) | None => break,
            }
            patience = Duration::ZERO;
        }
        Ok(())
    }

    fn take(&self, record: &impl Message, seen: &mut Seen) {
        let Topics {
            alerts,
            scores,
            customers,
            cohorts,
        } = &self.topics;
        let (key, value) = (record.key().unwrap_or_default(), record.payload());
        match (record.topic(), value) {
            (topic, Some(value)) if topic == alerts => seen.alert(value),
            (topic, Some(value)) if topic == scores => seen.score(value),
            (topic, value) if topic == customers => seen.customer(key, value),
            (topic, Some(value)) if topic == cohorts => seen.cohort(key, value),
            _ => {}
        }
    }
}

/// Whether the next record is no longer there.
fn is_gap(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(Code::AutoOffsetReset | Code::OffsetOutOfRange)
    )
}
