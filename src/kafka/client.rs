//! The settings of a client: first those of the user, then those that the protocol owns.
//!
//! The latter come last, so that nothing a user says can undo them; `config` has refused the attempt before. Each line
//! says what would go wrong without it. Section numbers are those of the delivery protocol in `docs/delivery.md`.

use std::sync::Mutex;
use std::thread;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use secrecy::ExposeSecret;
use tracing::{debug, error, info, warn};

use crate::config::{self, SecretError};

/// The yardstick of a clear success: a request repeated by the client is at least this old.
pub(crate) const RETRY_BACKOFF_MS: u64 = 1_000;

/// How long a client that has enough waiting for us fetches nothing of a partition. By default it is a second, in which a
/// worker has long taken all that was there: over a backlog it would stand still for most of the time.
const FULL_QUEUE_BACKOFF_MS: &str = "10";

/// What any client needs to reach the cluster. Secrets are read anew for each client, for they change.
///
/// # Errors
/// [`SecretError`] if the file of a secret can't be read.
pub fn base_settings(kafka: &config::Kafka) -> Result<ClientConfig, SecretError> {
    let mut settings = ClientConfig::new();
    // A broker that comes back may say that nobody leads a partition, or that there is no such topic. A client believes
    // that until it asks again: by default for five minutes, in which it neither joins its group nor reads.
    settings
        .set("topic.metadata.refresh.interval.ms", "10000")
        .set("metadata.max.age.ms", "30000");
    for (name, value) in &kafka.properties {
        settings.set(name, value);
    }
    for (name, secret) in &kafka.secrets {
        settings.set(name, secret.read()?.expose_secret());
    }
    Ok(settings)
}

/// A member of the group of a stage. `slot` names it: the same after a restart.
///
/// # Errors
/// [`SecretError`] if the file of a secret can't be read.
pub fn consumer_settings(
    kafka: &config::Kafka,
    group: &str,
    slot: &str,
) -> Result<ClientConfig, SecretError> {
    let mut settings = base_settings(kafka)?;
    // A soft bound of what waits in memory, where a small record takes three times its bytes. One answer more may come, and
    // grows as it is decompressed: the two together keep a worker busy.
    settings
        .set("queued.min.messages", "10000")
        .set("fetch.queue.backoff.ms", FULL_QUEUE_BACKOFF_MS);
    for (name, value) in &kafka.consumer {
        settings.set(name, value);
    }
    settings
        .set("group.id", group)
        .set("group.instance.id", slot) // a restart takes its shards back without a rebalance
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "range") // eager: every assignment starts from nothing
        .set("isolation.level", "read_committed") // nothing that was aborted, neither records nor offsets
        .set("enable.auto.commit", "false") // positions move inside transactions only
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error") // a missing position halts, it never skips
        .set("enable.partition.eof", "false");
    Ok(settings)
}

/// A transactional producer; `slot` is its `transactional.id`, which fences the slot's former process.
///
/// # Errors
/// [`SecretError`] if the file of a secret can't be read.
pub fn producer_settings(kafka: &config::Kafka, slot: &str) -> Result<ClientConfig, SecretError> {
    let mut settings = base_settings(kafka)?;
    settings
        .set("linger.ms", "5")
        .set("queue.buffering.max.kbytes", "65536")
        .set("queue.buffering.max.messages", "200000");
    for (name, value) in &kafka.producer {
        settings.set(name, value);
    }
    let backoff = RETRY_BACKOFF_MS.to_string();
    settings
        .set("transactional.id", slot)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("retry.backoff.ms", &backoff)
        .set("retry.backoff.max.ms", &backoff);
    Ok(settings)
}

/// A producer without transactions, for what is written from outside: acknowledged by all, and written once.
///
/// # Errors
/// [`SecretError`] if the file of a secret can't be read.
pub fn plain_producer_settings(kafka: &config::Kafka) -> Result<ClientConfig, SecretError> {
    let mut settings = base_settings(kafka)?;
    for (name, value) in &kafka.producer {
        settings.set(name, value);
    }
    settings
        .set("enable.idempotence", "true")
        .set("acks", "all");
    Ok(settings)
}

/// A reader that belongs to no group: it is told where to read. `isolation` is `read_committed` or `read_uncommitted`.
///
/// # Errors
/// [`SecretError`] if the file of a secret can't be read.
pub fn reader_settings(
    kafka: &config::Kafka,
    group: &str,
    isolation: &str,
) -> Result<ClientConfig, SecretError> {
    let mut settings = base_settings(kafka)?;
    settings
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", FULL_QUEUE_BACKOFF_MS)
        .set("fetch.message.max.bytes", "4194304");
    // The end of a partition is told with an answer: a broker that waits for more records would hold it back.
    settings.set("fetch.wait.max.ms", "5");
    for (name, value) in &kafka.consumer {
        settings.set(name, value);
    }
    // A replica nearby may not know yet what its leader has told us.
    settings.remove("client.rack");
    // The client wants a group's name before it reads anything. It never subscribes nor commits, so it joins none.
    settings
        .set("group.id", format!("{group}.reader"))
        .set("isolation.level", isolation)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true");
    Ok(settings)
}

/// Passes on what a client has to say to our log, and remembers an error after which it is of no use.
#[derive(Debug, Default)]
pub struct Quiet {
    fatal: Mutex<Option<String>>,
    complaint: Mutex<Option<String>>,
}

impl Quiet {
    /// Returns why the client can't go on, if so.
    pub fn fatal(&self) -> Option<String> {
        self.fatal.lock().expect("no holder panics").clone()
    }

    /// Returns what the client has complained about last, in words that say more than the error of a call.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().expect("no holder panics").clone()
    }
}

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => error!(target: "librdkafka", facility, "{said}"),
            RDKafkaLogLevel::Warning => warn!(target: "librdkafka", facility, "{said}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                info!(target: "librdkafka", facility, "{said}");
            }
            RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{said}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return; // what a reader waits for
        }
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            *self.fatal.lock().expect("no holder panics") = Some(reason.to_owned());
        }
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.complaint.lock().expect("no holder panics") = Some(reason.to_owned());
        }
        warn!(target: "librdkafka", %error, "{reason}");
    }
}

impl ConsumerContext for Quiet {}

/// Why a client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A setting is wrong.
    #[error("a client of kafka cannot be made")]
    Settings(#[from] KafkaError),
    /// A secret is missing.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Drops a client that may hang in its farewell, on a thread of its own.
pub(crate) fn leave_behind<C: Send + 'static>(client: C) {
    let farewell = thread::Builder::new().name("farewell".to_owned());
    farewell.spawn(move || drop(client)).ok(); // without a thread it is dropped here and now
}
