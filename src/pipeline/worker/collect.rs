//! Collects the records of one step: as many as the limits allow, or as come within the time.
//!
//! Records keep their place in the client's memory; what they mean is decoded at once, for the keys must be known before
//! anything is loaded. A rebalance empties the collection.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Message};
use waymark_engine::event::{CustomerId, Decoded, Rejection, Timestamp, WriterSchemas};

use crate::clock::Stopwatch;
use crate::config::StepLimits;
use crate::kafka::appended_at;
use crate::pipeline::intake::decode;
use crate::protocol::{Offset, ShardId};
use crate::source::{KafkaSource, Polled};

/// What a record of the source means.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) offset: Offset,
    /// When the broker appended it.
    pub(super) appended_at: Timestamp,
    pub(super) decoded: Result<Decoded, Rejection>,
}

/// The records of one shard: what they mean, and in the same places they themselves, in the client's memory.
#[derive(Default)]
pub(super) struct Batch<'a> {
    pub(super) items: Vec<Item>,
    pub(super) records: Vec<BorrowedMessage<'a>>,
}

/// What a step works on.
#[derive(Default)]
pub(super) struct Collected<'a> {
    pub(super) batches: BTreeMap<ShardId, Batch<'a>>,
    /// V of each shard that has read something: taken when the collection was closed.
    pub(super) positions: BTreeMap<ShardId, Offset>,
}

/// Why nothing was collected.
#[derive(Debug)]
pub(super) enum Uncollected {
    /// The group has decided something.
    Rebalanced,
    /// Some shard's position is not in the source any more.
    OutOfRange,
}

/// Collects until a limit is reached.
///
/// # Errors
/// [`Uncollected`]; what was read is dropped and read again.
pub(super) fn collect<'a>(
    source: &'a KafkaSource,
    schemas: &WriterSchemas,
    limits: &StepLimits,
    first_wait: Duration,
) -> Result<Collected<'a>, Uncollected> {
    let mut collecting = Collecting::default();
    let mut patience = first_wait;
    loop {
        match source.poll(patience) {
            Polled::Record(record) => collecting.add(record, schemas),
            Polled::Nothing if source.is_rebalanced() => return Err(Uncollected::Rebalanced),
            Polled::Nothing => {}
            Polled::OutOfRange => return Err(Uncollected::OutOfRange),
            Polled::Hitch(error) => tracing::debug!(%error, "the source has a hitch"),
        }
        match collecting.extent.left(limits) {
            Some(left) => patience = left,
            None => break,
        }
    }
    if source.is_rebalanced() {
        return Err(Uncollected::Rebalanced);
    }
    let mut collected = collecting.collected;
    // Before another poll: positions pass markers and what was aborted, and must not pass what we have not seen.
    collected.positions = source.positions().unwrap_or_default();
    Ok(collected)
}

#[derive(Default)]
struct Collecting<'a> {
    collected: Collected<'a>,
    extent: Extent,
}

impl<'a> Collecting<'a> {
    fn add(&mut self, record: BorrowedMessage<'a>, schemas: &WriterSchemas) {
        let item = Item::read(&record, schemas);
        self.extent
            .add(&item, record.payload_len() + record.key_len());
        let shard = ShardId(record.partition());
        let batch = self.collected.batches.entry(shard).or_default();
        batch.items.push(item);
        batch.records.push(record);
    }
}

impl Item {
    fn read(record: &BorrowedMessage<'_>, schemas: &WriterSchemas) -> Self {
        Self {
            offset: Offset(record.offset()),
            appended_at: appended_at(record),
            decoded: decode(record.payload(), schemas),
        }
    }
}

/// How much has been collected, over all shards.
#[derive(Debug, Default)]
struct Extent {
    records: usize,
    bytes: usize,
    customers: HashSet<CustomerId>,
    since_first: Option<Stopwatch>,
}

impl Extent {
    fn add(&mut self, item: &Item, bytes: usize) {
        self.since_first.get_or_insert_with(Stopwatch::start);
        self.records += 1;
        self.bytes += bytes;
        if let Ok(Decoded::Event(event)) = &item.decoded
            && let Some(customer) = &event.customer
            && !self.customers.contains(customer)
        {
            self.customers.insert(customer.clone());
        }
    }

    /// Returns how long to wait for more; none if a limit is reached, or nothing has come.
    fn left(&self, limits: &StepLimits) -> Option<Duration> {
        let full = self.records >= limits.records
            || self.bytes >= limits.bytes
            || self.customers.len() >= limits.changed_keys;
        let left = limits.wait.checked_sub(self.since_first?.elapsed())?;
        (!full && !left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests;
