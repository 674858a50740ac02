//! The topics of a deployment as a reader of committed records finds them, from their first record to a settled end.
//!
//! An end is settled once every transaction that had written below it has ended. Markers of one transaction reach its
//! partitions one after the other, so whoever compares topics must not stop at the first open one.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};

use super::VerifyError;
use crate::clock::Stopwatch;
use crate::config;
use crate::kafka::{PartitionReader, Watermarks, patiently};
use crate::pipeline::readable::readable;
use crate::pipeline::stage::Schemas;
use crate::protocol::{Offset, Range, ShardId};
use crate::registry::RegistryError;

/// How long a transaction may stay open: its timeout, the broker's scan for dead ones, and some.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Reads topics, belonging to no group.
pub(super) struct Log<'a> {
    kafka: &'a config::Kafka,
    group: String,
    watermarks: Watermarks,
    /// What values may be written with.
    pub(super) schemas: Schemas,
}

impl<'a> Log<'a> {
    pub(super) fn open(
        kafka: &'a config::Kafka,
        group: String,
        schemas: Schemas,
    ) -> Result<Self, VerifyError> {
        Ok(Self {
            schemas,
            kafka,
            group,
            watermarks: Watermarks::open(kafka)?,
        })
    }

    pub(super) fn partitions(&self, topic: &str) -> Result<Vec<ShardId>, VerifyError> {
        let shards = ask(topic, || self.watermarks.shards(topic))?;
        if shards.is_empty() {
            return Err(VerifyError::NoTopic(topic.to_owned()));
        }
        Ok(shards)
    }

    pub(super) fn range(&self, topic: &str, partition: ShardId) -> Result<Range, VerifyError> {
        ask(topic, || self.watermarks.range(topic, partition))
    }

    pub(super) fn stable_end(
        &self,
        topic: &str,
        partition: ShardId,
    ) -> Result<Offset, VerifyError> {
        ask(topic, || self.watermarks.stable_end(topic, partition))
    }

    /// Returns the stable end of each partition.
    pub(super) fn stable_ends(&self, topic: &str) -> Result<Vec<Offset>, VerifyError> {
        let partitions = self.partitions(topic)?.into_iter();
        partitions
            .map(|partition| self.stable_end(topic, partition))
            .collect()
    }

    /// Returns what a partition holds, once every transaction in it has ended.
    pub(super) fn settled(&self, topic: &str, partition: ShardId) -> Result<Range, VerifyError> {
        let range = self.range(topic, partition)?;
        let waited = Stopwatch::start();
        while self.stable_end(topic, partition)? < range.end {
            if waited.elapsed() > PATIENCE {
                return Err(VerifyError::OpenTransaction {
                    topic: topic.to_owned(),
                    partition,
                    waited: PATIENCE,
                });
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(range)
    }

    pub(super) fn reader(&self, topic: &str) -> Result<PartitionReader, VerifyError> {
        Ok(PartitionReader::open(self.kafka, &self.group, topic)?)
    }

    /// Hands over every committed record of an output. One that was cut can't be compared and is refused.
    pub(super) fn read_all(&self, topic: &str, take: &mut Take<'_>) -> Result<(), VerifyError> {
        let reader = self.reader(topic)?;
        for partition in self.partitions(topic)? {
            let log = self.settled(topic, partition)?;
            if log.start > Offset(0) {
                let topic = topic.to_owned();
                return Err(VerifyError::OutputCut {
                    topic,
                    partition,
                    log,
                });
            }
            read(&reader, partition, log, take)?;
        }
        Ok(())
    }

    /// Returns the text of one record, for a person to look at.
    pub(super) fn text_at(
        &self,
        topic: &str,
        partition: ShardId,
        offset: Offset,
    ) -> Result<String, VerifyError> {
        let mut text = String::new();
        let one = Range {
            start: offset,
            end: offset.next(),
        };
        read(&self.reader(topic)?, partition, one, &mut |record| {
            let bytes = || String::from_utf8_lossy(record.payload().unwrap_or_default());
            text = match readable(record, &self.schemas) {
                Ok(Ok(said)) => format!("{said:#}"),
                Ok(Err(_)) | Err(_) => bytes().into_owned(), // still a text to look at
            };
            Ok(())
        })?;
        Ok(text)
    }
}

/// What is done with a record. If that needs a schema that must be asked for, and nobody answers, there is no verdict.
pub(super) type Take<'t> = dyn FnMut(&BorrowedMessage<'_>) -> Result<(), RegistryError> + 't;

/// Reads a stretch of a partition, without what stands behind its end.
pub(super) fn read(
    reader: &PartitionReader,
    partition: ShardId,
    stretch: Range,
    take: &mut Take<'_>,
) -> Result<(), VerifyError> {
    if stretch.start >= stretch.end {
        return Ok(());
    }
    let (mut go_on, mut taken) = (|| ControlFlow::Continue(()), Ok(()));
    reader.read(partition, stretch.start, &mut go_on, &mut |record| {
        if record.offset() < stretch.end.0 {
            taken = take(record);
        }
        // What follows would build on a gap.
        if taken.is_ok() && record.offset() + 1 < stretch.end.0 {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    Ok(taken?)
}

/// Asks about a topic.
pub(super) fn ask<T>(
    topic: &str,
    ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, VerifyError> {
    patiently(ask).map_err(|source| VerifyError::Ask {
        topic: topic.to_owned(),
        source,
    })
}
