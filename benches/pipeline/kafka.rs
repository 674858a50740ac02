//! Where groups and topics stand, asked of the brokers, not of Waymark.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A reader that joins no group.
pub(crate) struct Reader {
    client: BaseConsumer,
    topic: String,
    partitions: i32,
}

/// What a topic holds.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Held {
    pub(crate) records: u64,
    /// Keys, values and headers.
    pub(crate) bytes: u64,
}

impl Reader {
    /// Opens a reader of one topic; `group` is the one whose positions it may ask for.
    pub(crate) fn open(bootstrap: &str, topic: &str, group: &str) -> Result<Self> {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", group)
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10") // the client's wait must not be part of a latency
            .create()?;
        let metadata = client.fetch_metadata(Some(topic), PATIENCE)?;
        let partitions = metadata
            .topics()
            .first()
            .map_or(0, |it| it.partitions().len());
        Ok(Self {
            client,
            topic: topic.to_owned(),
            partitions: i32::try_from(partitions)?,
        })
    }

    /// Returns where the partitions end now.
    pub(crate) fn ends(&self) -> Result<Vec<i64>> {
        let end = |partition| {
            let range = self
                .client
                .fetch_watermarks(&self.topic, partition, PATIENCE);
            range.map(|(_, end)| end).context("asking for the end")
        };
        (0..self.partitions).map(end).collect()
    }

    /// Returns the committed positions of the group; 0 where there is none.
    pub(crate) fn positions(&self) -> Result<Vec<i64>> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, self.partitions - 1);
        let since = Instant::now();
        let list = loop {
            // While the group is being formed its coordinator may not be found.
            match self.client.committed_offsets(list.clone(), PATIENCE) {
                Ok(list) => break list,
                Err(error) if since.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => thread::sleep(Duration::from_millis(50)),
            }
        };
        let position = |partition| {
            let found = list.find_partition(&self.topic, partition)?;
            found.offset().to_raw().filter(|offset| *offset >= 0)
        };
        Ok((0..self.partitions)
            .map(|partition| position(partition).unwrap_or(0))
            .collect())
    }

    /// Reads from these offsets on.
    pub(crate) fn begin_at(&self, offsets: &[i64]) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in (0..).zip(offsets) {
            list.add_partition_offset(&self.topic, partition, Offset::Offset(*offset))?;
        }
        Ok(self.client.assign(&list)?)
    }

    /// Returns the next committed record, if one comes in time.
    pub(crate) fn next(&self, patience: Duration) -> Option<rdkafka::message::BorrowedMessage<'_>> {
        self.client.poll(patience)?.ok()
    }

    /// Reads the whole topic.
    pub(crate) fn held(&self) -> Result<Held> {
        let ends = self.ends()?;
        self.begin_at(&vec![0; ends.len()])?;
        let mut held = Held::default();
        // Ends are ends of transactions: no record, only their marks, can stand behind the last one read.
        while let Some(record) = self.next(Duration::from_secs(2)) {
            held.records += 1;
            held.bytes += bytes(&record) as u64;
        }
        Ok(held)
    }
}

fn bytes(record: &impl Message) -> usize {
    let headers = record
        .headers()
        .into_iter()
        .flat_map(|headers| headers.iter());
    let headers: usize = headers
        .map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len))
        .sum();
    let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
    length(record.key()) + length(record.payload()) + headers
}
