//! What a stranger sees of a deployment, and does to it: a plain client of Kafka that shares no code with Waymark.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers as _, Message as _, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use waymark_testkit::until;

use crate::deployment::{LONG, SHARDS};

const ANSWER: Duration = Duration::from_secs(10);

/// A client of the brokers.
pub(crate) struct Client {
    bootstrap: String,
}

impl Client {
    pub(crate) fn new(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
        }
    }

    /// Returns where each partition ends, open transactions included.
    pub(crate) fn ends(&self, topic: &str) -> Vec<i64> {
        let consumer = self.consumer("stranger");
        let end = |partition| match consumer.fetch_watermarks(topic, partition, ANSWER) {
            Ok((_, end)) => end,
            Err(_) => -1, // brokers come and go: ask again
        };
        (0..self.partitions(topic)).map(end).collect()
    }

    /// Returns how many partitions a topic has.
    pub(crate) fn partitions(&self, topic: &str) -> i32 {
        let consumer = self.consumer("stranger");
        let partitions = || {
            let found = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
            let number = i32::try_from(found.topics()[0].partitions().len()).unwrap();
            (number > 0).then_some(number)
        };
        until(LONG, partitions).unwrap_or_else(|| panic!("there is no {topic}"))
    }

    /// Returns the group's committed offsets; 0 where it has none.
    pub(crate) fn committed(&self, group: &str, topic: &str) -> Vec<i64> {
        let consumer = self.consumer(group);
        let partitions = self.partitions(topic);
        let asked = list(topic, partitions, Offset::Invalid);
        let Ok(found) = consumer.committed_offsets(asked, ANSWER) else {
            return Vec::new();
        };
        let offset = |partition| {
            let found = found.find_partition(topic, partition)?;
            found.offset().to_raw().filter(|offset| *offset >= 0)
        };
        (0..partitions).map(|it| offset(it).unwrap_or(0)).collect()
    }

    /// Commits other offsets in the name of an empty group, as tools that move offsets do.
    pub(crate) fn move_offset(&self, group: &str, topic: &str, partition: i32, to: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, partition, Offset::Offset(to))
            .unwrap();
        let consumer = self.consumer(group);
        let moved = until(LONG, || consumer.commit(&offsets, CommitMode::Sync).ok());
        assert!(moved.is_some(), "the group is not empty");
    }

    /// Deletes the records of a partition below an offset.
    pub(crate) fn cut(&self, topic: &str, partition: i32, below: i64) {
        let mut offsets = TopicPartitionList::new();
        offsets
            .add_partition_offset(topic, partition, Offset::Offset(below))
            .unwrap();
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let asked = admin.delete_records(&offsets, &AdminOptions::new());
        let answer = wait(asked).unwrap();
        for element in answer.elements() {
            element.error().unwrap();
        }
    }

    /// Deletes a topic, and waits until it is gone.
    pub(crate) fn delete(&self, topic: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        for deleted in wait(admin.delete_topics(&[topic], &AdminOptions::new())).unwrap() {
            deleted.unwrap();
        }
        let consumer = self.consumer("stranger");
        let gone = until(LONG, || {
            let found = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
            found.topics()[0].error().map(drop)
        });
        assert!(gone.is_some(), "{topic} is still there");
    }

    /// Deletes a group, once it has no members any more: one that has left is one until its session is over.
    pub(crate) fn delete_group(&self, group: &str) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let deleted = until(LONG, || {
            let answers = wait(admin.delete_groups(&[group], &AdminOptions::new())).ok()?;
            answers.iter().all(Result::is_ok).then_some(())
        });
        assert!(deleted.is_some(), "{group} is still there");
    }

    /// Creates a topic that takes records of this size.
    pub(crate) fn create_large(&self, topic: &str, bytes: u32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let bytes = bytes.to_string();
        let topic = NewTopic::new(topic, SHARDS, TopicReplication::Fixed(1))
            .set("cleanup.policy", "delete")
            .set("message.timestamp.type", "LogAppendTime")
            .set("max.message.bytes", &bytes);
        for created in wait(admin.create_topics(&[topic], &AdminOptions::new())).unwrap() {
            created.unwrap();
        }
    }

    /// Gives a topic these settings, and the brokers' own wherever none is named.
    pub(crate) fn configure(&self, topic: &str, settings: &[(&str, &str)]) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().unwrap();
        let plain = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let config = settings
            .iter()
            .fold(plain, |config, (name, value)| config.set(name, value));
        for altered in wait(admin.alter_configs([&config], &AdminOptions::new())).unwrap() {
            altered.unwrap();
        }
    }

    /// Reads a topic as far as it goes when reading begins, as a subscriber does: committed records alone.
    pub(crate) fn read(&self, topic: &str) -> Vec<OwnedMessage> {
        self.read_as(topic, "read_committed")
    }

    /// Returns how many records of a topic were written in transactions that have not been committed.
    pub(crate) fn uncommitted(&self, topic: &str) -> usize {
        let places = |records: &[OwnedMessage]| -> BTreeSet<(i32, i64)> {
            let places = records.iter().map(|it| (it.partition(), it.offset()));
            places.collect()
        };
        let written = places(&self.read_as(topic, "read_uncommitted"));
        let committed = places(&self.read(topic));
        written.difference(&committed).count()
    }

    fn read_as(&self, topic: &str, isolation: &str) -> Vec<OwnedMessage> {
        let consumer = self.isolated("stranger", isolation);
        let partitions = self.partitions(topic);
        // A partition that gets records all the time is never told to be at its end.
        let end = |partition| {
            let marks = consumer.fetch_watermarks(topic, partition, LONG);
            (partition, marks.unwrap().1)
        };
        let mut open: BTreeMap<_, _> = (0..partitions).map(end).collect();
        let beginning = list(topic, partitions, Offset::Beginning);
        consumer.assign(&beginning).unwrap();
        let mut read = Vec::new();
        let done = until(LONG, || {
            while !open.is_empty() {
                match consumer.poll(ANSWER)? {
                    Ok(record) => {
                        let end = open.get(&record.partition());
                        match end.map(|end| record.offset().cmp(end)) {
                            Some(Ordering::Less) => read.push(record.detach()),
                            Some(_) => drop(open.remove(&record.partition())),
                            None => {}
                        }
                    }
                    Err(KafkaError::PartitionEOF(partition)) => drop(open.remove(&partition)),
                    Err(error) => panic!("{topic}: {error}"),
                }
            }
            Some(())
        });
        assert!(done.is_some(), "{topic} has no end");
        read
    }

    /// Returns the header `ce_id` of every record.
    pub(crate) fn ids(&self, topic: &str) -> Vec<String> {
        let id = |record: &OwnedMessage| header(record, "ce_id").expect("each alert has an id");
        self.read(topic).iter().map(id).collect()
    }

    /// Returns the key of every record.
    pub(crate) fn keys(&self, topic: &str) -> Vec<Vec<u8>> {
        let key = |record: &OwnedMessage| record.key().expect("each has a key").to_vec();
        self.read(topic).iter().map(key).collect()
    }

    /// Sends records, each to its partition, and waits until the broker has them.
    pub(crate) fn send(&self, topic: &str, records: &[Plain]) {
        self.send_as("none", topic, records);
    }

    /// The same, compressed: the broker measures what is left of them.
    pub(crate) fn send_compressed(&self, topic: &str, records: &[Plain]) {
        self.send_as("lz4", topic, records);
    }

    fn send_as(&self, compression: &str, topic: &str, records: &[Plain]) {
        let producer: BaseProducer = self
            .config()
            .set("message.max.bytes", "20000000")
            .set("compression.type", compression)
            .create()
            .unwrap();
        for record in records {
            record.send(&producer, topic);
        }
        producer.flush(LONG).unwrap();
    }

    /// Returns a producer of transactions.
    pub(crate) fn transactional(&self, id: &str) -> BaseProducer {
        let producer: BaseProducer = self
            .config()
            .set("transactional.id", id)
            .set("transaction.timeout.ms", "600000")
            .create()
            .unwrap();
        producer.init_transactions(LONG).unwrap();
        producer
    }

    pub(crate) fn consumer(&self, group: &str) -> BaseConsumer {
        self.isolated(group, "read_committed")
    }

    fn isolated(&self, group: &str, isolation: &str) -> BaseConsumer {
        self.config()
            .set("group.id", group)
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.message.max.bytes", "20000000")
            .create()
            .unwrap()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("log_level", "2"); // brokers are killed on purpose
        config.set("partitioner", "murmur2_random"); // for records that name no partition: -1
        config
    }
}

/// A record as somebody sends it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plain {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Option<OwnedHeaders>,
}

impl Plain {
    /// Returns what is sent of an event: a record to where its customer belongs, or without one a record to every shard.
    pub(crate) fn of(line: &str) -> Vec<Self> {
        let event: Value = serde_json::from_str(line).unwrap();
        let record = |partition, key: &Value| Self {
            partition,
            key: key.as_str().map(|it| it.as_bytes().to_vec()),
            value: Some(line.as_bytes().to_vec()),
            headers: None,
        };
        match &event["customer_id"] {
            Value::Null => (0..SHARDS).map(|it| record(it, &event["source"])).collect(),
            customer => vec![record(-1, customer)],
        }
    }

    pub(crate) fn send(&self, producer: &BaseProducer, topic: &str) {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(self.partition);
        record.key = self.key.as_deref();
        record.payload = self.value.as_deref();
        record.headers.clone_from(&self.headers);
        assert!(producer.send(record).is_ok(), "the queue is long");
    }
}

/// Returns a header as text, if the record has it.
pub(crate) fn header(record: &OwnedMessage, key: &str) -> Option<String> {
    let headers = record.headers()?;
    let found = headers.iter().find(|header| header.key == key)?;
    Some(String::from_utf8_lossy(found.value?).into_owned())
}

fn list(topic: &str, partitions: i32, at: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, at).unwrap();
    }
    list
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(future)
}
