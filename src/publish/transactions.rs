//! The transactional producer of a worker: one transaction is one step of each shard with work.
//!
//! ```text
//! begin ─► send … ─► flush: all acknowledged ─► offsets: the fence ─► commit ─► receipt
//!    └──────────── any doubt: recycle, a new producer with the same id ───────────┘
//! ```
//!
//! A producer is never used again after a doubt, and nothing is ever aborted: a request that the client has repeated may
//! still be on its way, and would end the next transaction of the same epoch. A new producer has a new epoch
//! (librdkafka issue 5423; KIP-890 mends it in the protocol). Whoever calls decides what a doubt is; see
//! `protocol::rules`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;
use waymark_engine::event::Timestamp;

use super::notary::{Notary, Overdue};
use crate::clock::Stopwatch;
use crate::config;
use crate::kafka::{ClientError, Quiet, producer_settings};
use crate::protocol::{Offset, ShardId};
use crate::telemetry::RecycleCause;

/// How long the coordinator may take to end what a former producer left open, and to answer.
const INIT_PATIENCE: Duration = Duration::from_secs(30);
/// How long a record may wait for its acknowledgement; the client gives up earlier by itself.
const FLUSH_PATIENCE: Duration = Duration::from_secs(15);
/// How long the fence and the commit may take each, as the client is told.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// When we no longer believe that the client keeps to that.
const END_OVERDUE: Duration = Duration::from_secs(11);
/// Producers whose last call hangs: more of them say that this process can't be mended from within.
const STUCK_MAX: usize = 8;
/// One wait for acknowledgements. The client's own waits are of no use for a step: `flush` waits in slices of 100 ms, and
/// `poll` spins through what is left of its last millisecond.
const SLICE: Duration = Duration::from_millis(1);

/// The transactional producer of a worker.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Transactions {
    kafka: config::Kafka,
    /// The `transactional.id`.
    slot: String,
    /// Invariant: none from the first doubt until a new one has taken the slot.
    producer: Option<Notary<BaseProducer<Deliveries>>>,
    /// Shards that set records aside in a transaction that has failed over the size of a record, until they do it again.
    too_large: BTreeSet<ShardId>,
    /// Producers that were dropped while in a call that hangs.
    dropped: Vec<Weak<BaseProducer<Deliveries>>>,
}

/// A record to be published.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition; we place keys ourselves.
    pub partition: i32,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// Its bytes; none deletes what a compacted topic holds for the key.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Option<OwnedHeaders>,
    /// Set for the progress record of a shard: its place is told in the [`Receipt`].
    pub progress_of: Option<ShardId>,
}

/// Where a progress record came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Its offset in the changelog.
    pub offset: Offset,
    /// When the broker appended it.
    pub appended_at: Timestamp,
}

/// Why a transaction is in doubt.
#[derive(Debug, thiserror::Error)]
pub enum PublishDoubt {
    /// There is no producer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A record could not be delivered.
    #[error("a record was not acknowledged")]
    Delivery(#[source] KafkaError),
    /// Acknowledgements are missing after a long wait.
    #[error("{0} records were not acknowledged in time")]
    Unacknowledged(i32),
    /// A request of the transaction failed.
    #[error("{0} failed")]
    Request(&'static str, #[source] KafkaError),
    /// The client has not come back from a request.
    #[error("{0} has not returned in time")]
    Overdue(&'static str),
    /// The system gives no thread.
    #[error("no thread for a producer")]
    Thread(#[source] std::io::Error),
    /// Too many producers hang.
    #[error("{0} former producers have not returned from their last request")]
    Stuck(usize),
}

impl PublishDoubt {
    /// Returns whether a record was refused for its size.
    fn is_too_large(&self) -> bool {
        let PublishDoubt::Delivery(error) = self else {
            return false;
        };
        error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge)
    }

    /// Returns whether a broker has left us without an answer.
    pub fn is_unanswered(&self) -> bool {
        match self {
            Self::Delivery(error) | Self::Request(_, error) => {
                code(error).is_some_and(|code| UNANSWERED.contains(&code))
            }
            Self::Unacknowledged(_) | Self::Overdue(_) => true,
            Self::Client(_) | Self::Thread(_) | Self::Stuck(_) => false,
        }
    }

    /// Returns the label of this doubt.
    pub fn cause(&self) -> RecycleCause {
        let fenced = [
            RDKafkaErrorCode::Fenced,
            RDKafkaErrorCode::ProducerFenced,
            RDKafkaErrorCode::InvalidProducerEpoch,
        ];
        match self {
            PublishDoubt::Delivery(error) | PublishDoubt::Request(_, error)
                if code(error).is_some_and(|code| fenced.contains(&code)) =>
            {
                RecycleCause::Fenced
            }
            PublishDoubt::Client(_)
            | PublishDoubt::Thread(_)
            | PublishDoubt::Stuck(_)
            | PublishDoubt::Request(BEGIN | TAKE_SLOT, _) => RecycleCause::Client,
            PublishDoubt::Delivery(_) | PublishDoubt::Unacknowledged(_) => RecycleCause::Produce,
            PublishDoubt::Request(SEND_OFFSETS, _) | PublishDoubt::Overdue(SEND_OFFSETS) => {
                RecycleCause::Offsets
            }
            PublishDoubt::Request(_, _) | PublishDoubt::Overdue(_) => RecycleCause::Commit,
        }
    }
}

/// Errors that say that nobody has answered.
const UNANSWERED: [RDKafkaErrorCode; 5] = [
    RDKafkaErrorCode::MessageTimedOut,
    RDKafkaErrorCode::OperationTimedOut,
    RDKafkaErrorCode::RequestTimedOut,
    RDKafkaErrorCode::BrokerTransportFailure,
    RDKafkaErrorCode::AllBrokersDown,
];

/// What was asked of the coordinator, as errors tell it.
const BEGIN: &str = "beginning the transaction";
const TAKE_SLOT: &str = "taking the slot";
const SEND_OFFSETS: &str = "sending the positions";
const COMMIT: &str = "committing";

fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::Transaction(error) => Some(error.code()),
        other => other.rdkafka_error_code(),
    }
}

impl Transactions {
    /// Transactions of a slot, without a producer yet.
    pub fn new(kafka: &config::Kafka, slot: &str) -> Self {
        Self {
            kafka: kafka.clone(),
            slot: slot.to_owned(),
            producer: None,
            too_large: BTreeSet::new(),
            dropped: Vec::new(),
        }
    }

    /// Takes down that a transaction was committed in which these shards set records aside.
    pub fn committed(&mut self, set_aside: &[ShardId]) {
        self.too_large.retain(|shard| !set_aside.contains(shard));
    }

    /// Takes down why a transaction is in doubt in which these shards set records aside.
    pub fn doubted(&mut self, doubt: &PublishDoubt, set_aside: &[ShardId]) {
        if doubt.is_too_large() {
            self.too_large.extend(set_aside);
        }
    }

    /// Returns how many bytes there are for a record that a shard sets aside, in a topic that takes so many. None if it has
    /// just failed over the size of one: there are some that only the broker can measure.
    pub fn room(&self, shard: ShardId, bytes_max: usize) -> usize {
        if self.too_large.contains(&shard) {
            0
        } else {
            bytes_max
        }
    }

    /// Returns whether there is a producer that may be used.
    pub fn is_ready(&self) -> bool {
        self.producer.is_some()
    }

    /// Drops the producer, whatever its state.
    pub fn discard(&mut self) {
        let stuck = self.producer.take().and_then(Notary::dismiss);
        self.dropped.extend(stuck);
        self.dropped.retain(|producer| producer.strong_count() > 0);
    }

    /// Drops the producer, whatever its state, and makes a new one that takes the slot: whatever a former one left open
    /// is aborted.
    ///
    /// # Errors
    /// [`PublishDoubt`] if a setting is wrong or the coordinator does not answer; try again.
    pub fn recycle(&mut self) -> Result<(), PublishDoubt> {
        self.discard();
        if self.dropped.len() >= STUCK_MAX {
            return Err(PublishDoubt::Stuck(self.dropped.len()));
        }
        let producer = create(&self.kafka, &self.slot)?;
        self.producer = Some(Notary::employ(producer).map_err(PublishDoubt::Thread)?);
        Ok(())
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`PublishDoubt`] if the producer is of no use any more.
    pub fn begin(&self) -> Result<(), PublishDoubt> {
        self.deliveries().clear();
        self.producer()
            .begin_transaction()
            .map_err(|source| PublishDoubt::Request(BEGIN, source))
    }

    /// Hands a record to the client; waits while its queue is full.
    ///
    /// # Errors
    /// [`PublishDoubt`] if the client refuses it.
    pub fn send(&self, record: Outgoing<'_>) -> Result<(), PublishDoubt> {
        let opaque = record.progress_of.map_or(0, |shard| shard.index() + 1);
        let mut base: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(record.topic, opaque).partition(record.partition);
        base.key = record.key;
        base.payload = record.value;
        base.headers = record.headers;
        let patience = Stopwatch::start();
        loop {
            match self.producer().send(base) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if patience.elapsed() < FLUSH_PATIENCE =>
                {
                    self.acknowledge();
                    base = back;
                }
                Err((error, _)) => {
                    // After a record that could not be delivered the client takes no other, and does not say why.
                    self.producer().poll(Duration::ZERO);
                    let cause = self.deliveries().failed.take();
                    return Err(PublishDoubt::Delivery(cause.unwrap_or(error)));
                }
            }
        }
    }

    /// Waits until every record is acknowledged. Always before the offsets are sent.
    ///
    /// # Errors
    /// [`PublishDoubt`] if one of them isn't.
    pub fn flush(&self) -> Result<(), PublishDoubt> {
        let patience = Stopwatch::start();
        // Asks the client to send what lingers, if it wakes up in time; that the call times out at once is no harm.
        self.producer().flush(Duration::ZERO).ok();
        while self.producer().in_flight_count() > 0 {
            if patience.elapsed() > FLUSH_PATIENCE {
                return Err(PublishDoubt::Unacknowledged(
                    self.producer().in_flight_count(),
                ));
            }
            self.acknowledge();
        }
        match self.deliveries().failed.take() {
            Some(error) => Err(PublishDoubt::Delivery(error)),
            None => Ok(()),
        }
    }

    /// Takes down what was acknowledged; waits a moment if nothing was.
    fn acknowledge(&self) {
        let before = self.producer().in_flight_count();
        self.producer().poll(Duration::ZERO);
        if self.producer().in_flight_count() == before {
            thread::sleep(SLICE);
        }
    }

    /// Sends the positions: the coordinator of the group checks who we are, which is the fence against evicted workers.
    ///
    /// # Errors
    /// [`PublishDoubt`] if it refuses or does not answer.
    pub fn send_offsets(
        &self,
        positions: TopicPartitionList,
        membership: &Arc<ConsumerGroupMetadata>,
    ) -> Result<(), PublishDoubt> {
        let membership = Arc::clone(membership);
        self.end(SEND_OFFSETS, move |producer| {
            producer.send_offsets_to_transaction(&positions, &membership, END_PATIENCE)
        })
    }

    /// Commits.
    ///
    /// # Errors
    /// [`PublishDoubt`]: it may be committed or not.
    pub fn commit(&self) -> Result<(), PublishDoubt> {
        self.end(COMMIT, |producer| producer.commit_transaction(END_PATIENCE))
    }

    /// Returns where the progress records of this transaction came to stand.
    pub fn receipts(&self) -> BTreeMap<ShardId, Receipt> {
        self.deliveries().receipts.clone()
    }

    /// Makes one of the two requests that end a transaction.
    fn end(
        &self,
        what: &'static str,
        request: impl FnOnce(&BaseProducer<Deliveries>) -> Result<(), KafkaError> + Send + 'static,
    ) -> Result<(), PublishDoubt> {
        let answer = self.notary().call(END_OVERDUE, request);
        answer
            .map_err(|Overdue| PublishDoubt::Overdue(what))?
            .map_err(|source| PublishDoubt::Request(what, source))
    }

    fn producer(&self) -> &BaseProducer<Deliveries> {
        self.notary().producer()
    }

    fn notary(&self) -> &Notary<BaseProducer<Deliveries>> {
        let notary = self.producer.as_ref();
        notary.expect("whoever begins has asked `is_ready` before")
    }

    fn deliveries(&self) -> std::sync::MutexGuard<'_, Delivered> {
        self.producer()
            .context()
            .delivered
            .lock()
            .expect("no holder panics")
    }
}

fn create(kafka: &config::Kafka, slot: &str) -> Result<BaseProducer<Deliveries>, PublishDoubt> {
    let settings = producer_settings(kafka, slot).map_err(ClientError::from)?;
    let producer: BaseProducer<Deliveries> = settings
        .create_with_context(Deliveries::default())
        .map_err(ClientError::from)?;
    producer
        .init_transactions(INIT_PATIENCE)
        .map_err(|source| PublishDoubt::Request(TAKE_SLOT, source))?;
    Ok(producer)
}

/// Takes down what became of the records of a transaction.
#[derive(Default)]
struct Deliveries {
    delivered: Mutex<Delivered>,
    log: Quiet,
}

#[derive(Default)]
struct Delivered {
    failed: Option<KafkaError>,
    receipts: BTreeMap<ShardId, Receipt>,
}

impl Delivered {
    fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keeps the first error. That others were purged because of it tells nothing, and may be told before.
    fn fail(&mut self, error: &KafkaError) {
        if self.failed.as_ref().is_none_or(is_purged) {
            self.failed = Some(error.clone());
        }
    }
}

fn is_purged(error: &KafkaError) -> bool {
    let purged = [
        RDKafkaErrorCode::PurgeQueue,
        RDKafkaErrorCode::PurgeInflight,
    ];
    code(error).is_some_and(|code| purged.contains(&code))
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let mut delivered = self.delivered.lock().expect("no holder panics");
        match result {
            Err((error, _)) => delivered.fail(error),
            Ok(record) if opaque > 0 => {
                let receipt = Receipt {
                    offset: Offset(record.offset()),
                    appended_at: appended_at(record.timestamp()),
                };
                delivered
                    .receipts
                    .insert(ShardId(record.partition()), receipt);
            }
            Ok(_) => {}
        }
    }
}

fn appended_at(at: rdkafka::Timestamp) -> Timestamp {
    let millis = at.to_millis().unwrap_or_default();
    Timestamp::from_millis(millis).unwrap_or(Timestamp::MIN)
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        self.log.log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.log.error(error, reason);
    }
}

#[cfg(test)]
mod tests;
