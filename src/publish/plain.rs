//! A producer without transactions: how a bank's own systems write events.
//!
//! Every record is acknowledged by all replicas and written once, whatever is repeated on the way. Workers never use
//! this one.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use waymark_engine::event::Timestamp;

use crate::clock::Stopwatch;
use crate::config;
use crate::kafka::{ClientError, Quiet, plain_producer_settings};

/// How long brokers may leave us without any acknowledgement.
const PATIENCE: Duration = Duration::from_mins(1);
/// One wait for acknowledgements.
const SLICE: Duration = Duration::from_millis(5);

/// A producer without transactions.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct PlainProducer(BaseProducer<Deliveries>);

/// Why records are not where they should be.
#[derive(Debug, thiserror::Error)]
pub enum PlainError {
    /// There is no producer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A record was refused, or given up.
    #[error("a record was not acknowledged")]
    Delivery(#[source] KafkaError),
    /// Acknowledgements are missing after a long wait.
    #[error("{0} records were not acknowledged in time")]
    Unacknowledged(i32),
}

impl PlainProducer {
    /// Makes a producer. It connects when it has something to send.
    ///
    /// # Errors
    /// [`PlainError::Client`] if a setting is wrong.
    pub fn open(kafka: &config::Kafka) -> Result<Self, PlainError> {
        let settings = plain_producer_settings(kafka).map_err(ClientError::from)?;
        let producer = settings.create_with_context(Deliveries::default());
        Ok(Self(producer.map_err(ClientError::from)?))
    }

    /// Hands a record to the client; waits while its queue is full.
    ///
    /// # Errors
    /// [`PlainError`] if the client refuses it, or an earlier one was lost.
    pub fn send(
        &self,
        topic: &str,
        partition: i32,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), PlainError> {
        let record = BaseRecord::to(topic).partition(partition);
        self.produce(record.key(key).payload(value))
    }

    /// The same, for a broker that keeps the time which records bear: a broker with a clock of its own overwrites it.
    ///
    /// # Errors
    /// [`PlainError`] if the client refuses it, or an earlier one was lost.
    pub fn send_at(
        &self,
        at: Timestamp,
        (topic, partition): (&str, i32),
        key: &[u8],
        value: &[u8],
    ) -> Result<(), PlainError> {
        let record = BaseRecord::to(topic).partition(partition);
        self.produce(record.timestamp(at.as_millis()).key(key).payload(value))
    }

    fn produce(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<(), PlainError> {
        let patience = Stopwatch::start();
        while let Err((error, back)) = self.0.send(record) {
            let is_full = error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            if !is_full || patience.elapsed() > PATIENCE {
                return Err(PlainError::Delivery(error));
            }
            self.0.poll(SLICE);
            record = back;
        }
        self.0.poll(Duration::ZERO);
        self.check()
    }

    /// Waits until every record is acknowledged.
    ///
    /// # Errors
    /// [`PlainError`] if one of them isn't.
    pub fn flush(&self) -> Result<(), PlainError> {
        let patience = Stopwatch::start();
        while self.0.in_flight_count() > 0 {
            if patience.elapsed() > PATIENCE {
                return Err(PlainError::Unacknowledged(self.0.in_flight_count()));
            }
            self.0.poll(SLICE);
        }
        self.check()
    }

    fn check(&self) -> Result<(), PlainError> {
        let mut failed = self.0.context().failed.lock().expect("no holder panics");
        failed
            .take()
            .map_or(Ok(()), |error| Err(PlainError::Delivery(error)))
    }
}

/// Takes down the first record that was lost.
#[derive(Default)]
struct Deliveries {
    failed: Mutex<Option<KafkaError>>,
    log: Quiet,
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            let mut failed = self.failed.lock().expect("no holder panics");
            failed.get_or_insert(error.clone());
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        self.log.log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}
