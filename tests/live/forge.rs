//! What nobody may do to a deployment, for tests that want to see it noticed: forged records, moved offsets, lost topics.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::runtime::{Builder, Runtime};
use waymark_testkit::until;

use crate::deployment::LONG;

const SLICE: Duration = Duration::from_millis(100);

/// A record as a test handles it.
#[derive(Debug, Clone)]
pub(crate) struct Forged {
    pub(crate) partition: i32,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: Option<OwnedHeaders>,
}

impl Forged {
    pub(crate) fn new(partition: i32, key: &str, value: &str) -> Self {
        Self {
            partition,
            key: key.into(),
            value: value.into(),
            headers: None,
        }
    }
}

/// An independent client: none of its settings are ours.
pub(crate) struct Forge {
    settings: ClientConfig,
    runtime: Runtime,
}

impl Forge {
    pub(crate) fn open(bootstrap: &str) -> Self {
        let mut settings = ClientConfig::new();
        settings
            .set("bootstrap.servers", bootstrap)
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "5");
        let runtime = Builder::new_current_thread().build();
        Self {
            settings,
            runtime: runtime.expect("a runtime"),
        }
    }

    /// Writes records, and waits until the broker has them.
    pub(crate) fn write(&self, topic: &str, records: &[Forged]) {
        let producer: BaseProducer = self.settings.create().expect("a producer");
        for record in records {
            let mut new = BaseRecord::to(topic)
                .partition(record.partition)
                .key(&record.key)
                .payload(&record.value);
            new.headers.clone_from(&record.headers);
            producer.send(new).expect("room in its queue");
        }
        producer.flush(LONG).expect("the broker takes them");
    }

    /// Reads the committed records of a topic, partition by partition.
    pub(crate) fn read(&self, topic: &str, partitions: i32) -> Vec<Forged> {
        let consumer = self.consumer("nobody");
        let mut records = Vec::new();
        for partition in 0..partitions {
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, rdkafka::Offset::Beginning)
                .expect("an offset");
            consumer.assign(&list).expect("an assignment");
            loop {
                match consumer.poll(SLICE) {
                    Some(Ok(record)) => records.push(Forged {
                        partition: record.partition(),
                        key: record.key().unwrap_or_default().to_vec(),
                        value: record.payload().unwrap_or_default().to_vec(),
                        headers: record.headers().map(BorrowedHeaders::detach),
                    }),
                    Some(Err(KafkaError::PartitionEOF(end))) if end == partition => break,
                    Some(Err(error)) => panic!("reading {topic}: {error}"),
                    None => {}
                }
            }
            consumer.unassign().expect("nothing is assigned");
        }
        records
    }

    /// Moves the offset of a group that has no members, as a reset tool does. A worker that has just gone still counts.
    pub(crate) fn move_offset(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let consumer = self.consumer(group);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset))
            .expect("an offset");
        let moved = until(LONG, || consumer.commit(&list, CommitMode::Sync).ok());
        moved.expect("the coordinator takes it once all members are gone");
    }

    /// Deletes a topic and waits until it is gone.
    pub(crate) fn delete_topic(&self, topic: &str) {
        let admin = self.admin();
        let deleted = admin.delete_topics(&[topic], &AdminOptions::new());
        let deleted = self.runtime.block_on(deleted).expect("an answer");
        deleted[0].as_ref().expect("it is deleted");
        let consumer = self.consumer("nobody");
        let gone = until(LONG, || {
            let metadata = consumer.fetch_metadata(None, LONG).ok()?;
            let there = metadata.topics().iter().any(|found| found.name() == topic);
            (!there).then_some(())
        });
        gone.expect("it goes");
    }

    /// Deletes the records of a partition below an offset, as retention does.
    pub(crate) fn delete_below(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, rdkafka::Offset::Offset(offset))
            .expect("an offset");
        let admin = self.admin();
        let deleted = admin.delete_records(&list, &AdminOptions::new());
        let deleted = self.runtime.block_on(deleted).expect("an answer");
        deleted.elements()[0].error().expect("they are deleted");
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut settings = self.settings.clone();
        settings.set("group.id", group);
        settings.create().expect("a consumer")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let mut settings = self.settings.clone();
        settings.remove("isolation.level");
        settings.remove("enable.partition.eof");
        settings.create().expect("an admin client")
    }
}
