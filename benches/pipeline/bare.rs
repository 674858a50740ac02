//! Bare loops over the same topic: what moving the bytes costs when nobody thinks about them.
//!
//! `decode` consumes and decodes. `full` also produces, in transactions of 20,000 changed customers, as many records of
//! the same sizes as Waymark did, sends positions, commits, and sets the changed customers in Redis by one `MSET`. Each
//! runs in a process of its own, so that the client's threads count.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use waymark_engine::event::{Decoded, WriterSchemas, decode_json, decode_single_object};

use crate::arrange::Deployment;
use crate::backlog::Backlog;
use crate::kafka::Held;
use crate::usage::cpu_seconds;

/// A step of Waymark ends here too.
const CHANGED_CUSTOMERS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(30);
/// One wait for acknowledgements.
const SLICE: Duration = Duration::from_millis(1);

/// Processor time of the bare loops, in seconds for a million events.
#[derive(Debug, Serialize)]
pub(crate) struct Bare {
    pub(crate) decode: f64,
    pub(crate) full: f64,
    /// The whole path by the full bare loop.
    pub(crate) ratio: f64,
    pub(crate) transactions: u64,
}

/// What a bare loop is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    bootstrap: String,
    topic: String,
    group: String,
    events: u64,
    outputs: Option<Outputs>,
}

/// What the full loop writes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Outputs {
    topic: String,
    redis: String,
    /// Of a changed customer.
    state_bytes: usize,
    /// Alerts and deltas, for each event.
    derived_per_event: f64,
    derived_bytes: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Done {
    cpu_seconds: f64,
    transactions: u64,
}

/// Runs both loops, one after the other.
pub(crate) fn measure(deployment: &Deployment<'_>, whole: &Backlog) -> Result<Bare> {
    let order = Order {
        bootstrap: deployment.stage.kafka.bootstrap(),
        topic: deployment.topic("events"),
        group: deployment.topic("bare-decode"),
        events: whole.events,
        outputs: None,
    };
    let decode = run(&order)?;
    let other = Deployment::create(deployment.stage, "bare")?;
    let (alerts, deltas) = (whole.alerts, whole.deltas);
    let derived = Held {
        records: alerts.records + deltas.records,
        bytes: alerts.bytes + deltas.bytes,
    };
    let average = |held: Held| usize::try_from(held.bytes / held.records.max(1));
    let outputs = Outputs {
        topic: other.topic("customer.changelog"),
        redis: format!("{}/1", deployment.stage.redis.url()),
        state_bytes: average(whole.changelog)?.saturating_sub("_C00001".len()),
        derived_per_event: derived.records as f64 / whole.events as f64,
        derived_bytes: average(derived)?,
    };
    let full = run(&Order {
        group: deployment.topic("bare-full"),
        outputs: Some(outputs),
        ..order
    })?;
    deployment.stage.redis.ask(&["-n", "1", "FLUSHDB"])?;
    let per_million = |done: &Done| done.cpu_seconds * 1e6 / whole.events as f64;
    Ok(Bare {
        decode: per_million(&decode),
        full: per_million(&full),
        ratio: whole.cpu_seconds_per_million / per_million(&full),
        transactions: full.transactions,
    })
}

fn run(order: &Order) -> Result<Done> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--bare", &serde_json::to_string(order)?])
        .output()?;
    ensure!(
        output.status.success(),
        "the bare loop: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Is a bare loop, and prints what it has used.
pub(crate) fn obey(order: &str) -> Result<()> {
    let order: Order = serde_json::from_str(order)?;
    let transactions = match &order.outputs {
        None => decode(&order)?,
        Some(outputs) => full(&order, outputs)?,
    };
    let done = Done {
        cpu_seconds: cpu_seconds("self")?,
        transactions,
    };
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}

fn decode(order: &Order) -> Result<u64> {
    let source = source(order)?;
    let schemas = WriterSchemas::default();
    for _ in 0..order.events {
        std::hint::black_box(decoded(&next(&source)?, &schemas));
    }
    Ok(0)
}

fn full(order: &Order, outputs: &Outputs) -> Result<u64> {
    let source = source(order)?;
    let schemas = WriterSchemas::default();
    let sink = Sink::open(order, outputs)?;
    let mut redis = redis::Client::open(outputs.redis.as_str())?.get_connection()?;
    let (mut left, mut transactions) = (order.events, 0);
    while left > 0 {
        let mut changed = BTreeMap::<String, i32>::new();
        let mut positions = BTreeMap::<i32, i64>::new();
        let before = left;
        while left > 0 && changed.len() < CHANGED_CUSTOMERS {
            let record = next(&source)?;
            left -= 1;
            positions.insert(record.partition(), record.offset() + 1);
            if let Some(customer) = decoded(&record, &schemas) {
                changed.entry(customer).or_insert(record.partition());
            }
        }
        sink.commit(&source, &changed, &positions, before - left)?;
        let mut set = redis::cmd("MSET");
        for customer in changed.keys() {
            set.arg(customer).arg(&sink.state[..]);
        }
        set.exec(&mut redis)?;
        transactions += 1;
    }
    Ok(transactions)
}

fn source(order: &Order) -> Result<BaseConsumer> {
    let source: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &order.bootstrap)
        .set("group.id", &order.group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .create()?;
    source.subscribe(&[&order.topic])?;
    Ok(source)
}

fn next(source: &BaseConsumer) -> Result<BorrowedMessage<'_>> {
    for _ in 0..10 {
        // Nothing is also the answer while the group is being formed.
        if let Some(polled) = source.poll(Duration::from_secs(3)) {
            return Ok(polled?);
        }
    }
    bail!("the topic has fewer records than it should")
}

/// Decodes a record and returns its customer.
fn decoded(record: &BorrowedMessage<'_>, schemas: &WriterSchemas) -> Option<String> {
    let value = record.payload().unwrap_or_default();
    let decoded = match value.first() {
        Some(0xC3) => decode_single_object(value, schemas),
        _ => decode_json(value),
    };
    match decoded {
        Ok(Decoded::Event(event)) => event.customer.map(|customer| customer.as_str().to_owned()),
        Ok(Decoded::Ignored { .. }) | Err(_) => None,
    }
}

/// The transactional producer and the bytes it writes.
struct Sink<'a> {
    producer: BaseProducer,
    order: &'a Order,
    outputs: &'a Outputs,
    state: Vec<u8>,
    derived: Vec<u8>,
}

impl<'a> Sink<'a> {
    fn open(order: &'a Order, outputs: &'a Outputs) -> Result<Self> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &order.bootstrap)
            .set("transactional.id", &order.group)
            .create()?;
        producer.init_transactions(PATIENCE)?;
        Ok(Self {
            producer,
            order,
            outputs,
            state: filler(outputs.state_bytes),
            derived: filler(outputs.derived_bytes),
        })
    }

    fn commit(
        &self,
        source: &BaseConsumer,
        changed: &BTreeMap<String, i32>,
        positions: &BTreeMap<i32, i64>,
        events: u64,
    ) -> Result<()> {
        self.producer.begin_transaction()?;
        for (customer, partition) in changed {
            self.send(customer, *partition, &self.state)?;
        }
        let derived = events as f64 * self.outputs.derived_per_event;
        let homes = changed.iter().cycle();
        let mut sent = 0.0;
        for (customer, partition) in homes {
            if sent >= derived {
                break;
            }
            self.send(customer, *partition, &self.derived)?;
            sent += 1.0;
        }
        self.producer.flush(Duration::ZERO).ok(); // only asks; the client's own wait comes in slices of 100 ms
        while self.producer.in_flight_count() > 0 {
            self.acknowledge();
        }
        let mut list = TopicPartitionList::new();
        for (partition, position) in positions {
            list.add_partition_offset(&self.order.topic, *partition, Offset::Offset(*position))?;
        }
        let membership = source.group_metadata().context("a member has metadata")?;
        self.producer
            .send_offsets_to_transaction(&list, &membership, PATIENCE)?;
        Ok(self.producer.commit_transaction(PATIENCE)?)
    }

    fn send(&self, key: &str, partition: i32, value: &[u8]) -> Result<()> {
        let mut record = BaseRecord::to(&self.outputs.topic)
            .partition(partition)
            .key(key)
            .payload(value);
        while let Err((error, back)) = self.producer.send(record) {
            ensure!(
                error == KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull),
                "{error}"
            );
            self.acknowledge();
            record = back;
        }
        Ok(())
    }

    /// Takes what was acknowledged, or sleeps: the client's own short waits spin.
    fn acknowledge(&self) {
        let before = self.producer.in_flight_count();
        self.producer.poll(Duration::ZERO);
        if self.producer.in_flight_count() == before {
            std::thread::sleep(SLICE);
        }
    }
}

/// Bytes that nobody compresses away.
fn filler(length: usize) -> Vec<u8> {
    let mix = |place: usize| (place.wrapping_mul(0x9E37_79B9) >> 7) & 0xFF;
    (0..length)
        .map(|place| u8::try_from(mix(place)).expect("masked"))
        .collect()
}
