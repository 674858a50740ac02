//! Collects the records of one step: as many as the limits allow, or as come within the time.
//!
//! Steps follow each other at the pace of `step.wait`: what comes later than that after the last one is taken at once,
//! with all that is at hand. But where much is at hand more will come, and large steps cost less: those wait for as long
//! from their first record on.
//!
//! Records keep their place in the client's memory; what they mean is decoded at once, for the keys must be known before
//! anything is loaded. A rebalance empties the collection.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use waymark_engine::stage::{Key, KeySet};

use crate::clock::Stopwatch;
use crate::config::StepLimits;
use crate::kafka::appended_at;
use crate::pipeline::stage::{Item, Stage};
use crate::protocol::{Offset, ShardId};
use crate::registry::RegistryError;
use crate::source::{KafkaSource, Polled};

/// The records of one shard: what they mean, and in the same places they themselves, in the client's memory.
pub(super) struct Batch<'a, I> {
    /// Never empty.
    pub(super) items: Vec<Item<I>>,
    pub(super) records: Vec<BorrowedMessage<'a>>,
    /// Of the states that they concern.
    pub(super) keys: KeySet,
}

/// What a step works on.
pub(super) struct Collected<'a, I> {
    pub(super) batches: BTreeMap<ShardId, Batch<'a, I>>,
    /// V of each shard that has read something: taken when the collection was closed.
    pub(super) positions: BTreeMap<ShardId, Offset>,
    /// A batch behind these records can't be taken apart. The client may pass it over: what follows it must not count.
    pub(super) unreadable: Option<KafkaError>,
}

/// Why nothing was collected.
#[derive(Debug)]
pub(super) enum Uncollected {
    /// The group has decided something.
    Rebalanced,
    /// Some shard's position is not in the source any more.
    OutOfRange,
    /// A record was written with a schema that must be asked for, and nobody answers.
    Registry(RegistryError),
}

/// So many records at hand say that there is a backlog.
const MANY: usize = 1_000;

/// Records at hand from one look at the clock to the next: together they take less than the millisecond that counts.
const UNSEEN: usize = 64;

/// Collects until a limit is reached; `last` tells when the collection before was closed.
///
/// # Errors
/// [`Uncollected`]; what was read is dropped and read again.
pub(super) fn collect<'a, S: Stage>(
    source: &'a KafkaSource,
    stage: &S,
    limits: &StepLimits,
    last: Option<Stopwatch>,
    first_wait: Duration,
) -> Result<Collected<'a, S::Input>, Uncollected> {
    let mut collecting = Collecting::new(stage);
    let mut patience = first_wait;
    loop {
        let polled = source.poll(patience);
        let more_at_hand = matches!(polled, Polled::Record(_));
        match polled {
            Polled::Record(record) => collecting.add(record)?,
            Polled::Nothing if source.is_rebalanced() => return Err(Uncollected::Rebalanced),
            Polled::Nothing => {}
            Polled::OutOfRange => return Err(Uncollected::OutOfRange),
            Polled::Unreadable(error) => {
                collecting.collected.unreadable = Some(error);
                break;
            }
            Polled::Hitch(error) => tracing::debug!(%error, "the source has a hitch"),
        }
        if more_at_hand && collecting.extent.goes_on_unseen(limits) {
            patience = Duration::ZERO;
            continue;
        }
        let paced = last.map_or(Duration::MAX, |last| last.elapsed());
        match collecting.extent.left(limits, paced, more_at_hand) {
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

struct Collecting<'a, 's, S: Stage> {
    stage: &'s S,
    collected: Collected<'a, S::Input>,
    extent: Extent,
}

impl<'a, 's, S: Stage> Collecting<'a, 's, S> {
    fn new(stage: &'s S) -> Self {
        Self {
            stage,
            collected: Collected::default(),
            extent: Extent::default(),
        }
    }

    fn add(&mut self, record: BorrowedMessage<'a>) -> Result<(), Uncollected> {
        let item = Item {
            offset: Offset(record.offset()),
            appended_at: appended_at(&record),
            condemned: None,
            decoded: self.stage.decode(&record).map_err(Uncollected::Registry)?,
        };
        let shard = ShardId(record.partition());
        let batch = self.collected.batches.entry(shard).or_default();
        let key = item.decoded.as_ref().ok().and_then(S::key);
        let is_new_key = batch.enter(key);
        let bytes = record.payload_len() + record.key_len();
        self.extent.add(bytes, is_new_key);
        batch.items.push(item);
        batch.records.push(record);
        Ok(())
    }
}

impl<I> Batch<'_, I> {
    /// Notes which state a record concerns; returns whether none before it does.
    fn enter(&mut self, key: Option<&str>) -> bool {
        let new = key.filter(|key| !self.keys.contains(*key));
        self.keys.extend(new.map(Key::from));
        new.is_some()
    }
}

impl<'a, I> Collected<'a, I> {
    /// Returns whether nothing was read.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Returns the records of all shards.
    pub(super) fn records(&self) -> impl Iterator<Item = &BorrowedMessage<'a>> {
        self.batches.values().flat_map(|batch| &batch.records)
    }
}

impl<I> Default for Collected<'_, I> {
    fn default() -> Self {
        Self {
            batches: BTreeMap::new(),
            positions: BTreeMap::new(),
            unreadable: None,
        }
    }
}

impl<I> Default for Batch<'_, I> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            records: Vec::new(),
            keys: KeySet::default(),
        }
    }
}

/// How much has been collected, over all shards.
#[derive(Debug, Default)]
struct Extent {
    records: usize,
    bytes: usize,
    keys: usize,
    since_first: Option<Stopwatch>,
}

impl Extent {
    fn add(&mut self, bytes: usize, is_new_key: bool) {
        self.since_first.get_or_insert_with(Stopwatch::start);
        self.records += 1;
        self.bytes += bytes;
        self.keys += usize::from(is_new_key);
    }

    /// Returns whether to take what is at hand without a look at the clock.
    fn goes_on_unseen(&self, limits: &StepLimits) -> bool {
        !self.is_full(limits) && !self.records.is_multiple_of(UNSEEN)
    }

    fn is_full(&self, limits: &StepLimits) -> bool {
        self.records >= limits.records
            || self.bytes >= limits.bytes
            || self.keys >= limits.changed_keys
    }

    /// Returns how long to wait for more; none if a limit is reached, or nothing has come. `paced` is how long ago the
    /// collection before was closed.
    fn left(&self, limits: &StepLimits, paced: Duration, more_at_hand: bool) -> Option<Duration> {
        let left = limits.wait.checked_sub(self.since_first?.elapsed())?;
        if self.is_full(limits) || left.is_zero() {
            return None;
        }
        if self.records >= MANY {
            return Some(left);
        }
        let left = left.min(limits.wait.saturating_sub(paced));
        (more_at_hand || !left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests;
