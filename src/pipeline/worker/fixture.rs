//! A shard for tests: its store in memory, no broker, and steps committed as if Kafka had taken them.
//!
//! What is loaded, decided, committed and flushed is the code of the worker. Time does not pass here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use waymark_engine::definition::{Definition, Edition};
use waymark_engine::event::{Decoded, Timestamp, decode_json};
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Key, KeySet};

use super::decide::{Decided, Deciding, Intake, decide};
use super::load::Need;
use super::owned::OwnedShard;
use super::poison::{Decide, Setback, attempt};
use super::unflushed::InFlight;
use crate::pipeline::stage::{self, CustomerStage, Schemas, Stage};
use crate::protocol::{
    Checkpoint, CopyId, Lineage, Offset, Progress, RandomIds, ShardId, Step, StepEnd,
};
use crate::publish::Receipt;
use crate::store::{Flushed, Loaded, MemoryStore, Store, Wanted};
use crate::telemetry::Metrics;

/// How far ahead of its append time an event may be.
pub(super) const MAX_SKEW: Duration = Duration::from_mins(5);

/// A record of the customer stage.
pub(super) type Item = stage::Item<Decoded>;

/// A shard with a store.
pub(super) struct Rig<S = CustomerStage> {
    pub(super) shard: OwnedShard,
    pub(super) store: MemoryStore,
    pub(super) stage: S,
    pub(super) edition: Edition,
    /// Timers asked for at most.
    pub(super) timers: usize,
    pub(super) state_bytes_max: usize,
    /// The changelog, folded.
    pub(super) changelog: BTreeMap<Key, Vec<u8>>,
}

impl Rig {
    /// Shard 0 of so many of the customer stage, before its first step.
    pub(super) fn new(partitions: u32) -> Self {
        let stage = CustomerStage {
            rules: Arc::new(Rules::new(Definition::shipped_default())),
            schemas: Schemas::default(),
            max_skew: MAX_SKEW,
        };
        Self::of(stage, partitions)
    }

    /// Loads and decides a tick.
    pub(super) fn tick(&mut self, to: Timestamp) -> Decided {
        let need = Need::of_tick(&self.shard, to, self.timers);
        let loaded = self.look(&need);
        let intake = Intake {
            tick_to: Some(to),
            position: self.shard.progress.position,
            ..intake(&[], &need)
        };
        self.attempt(&intake, &loaded, decide).expect("a tick")
    }
}

impl<S: Stage> Rig<S> {
    /// Shard 0 of so many, before its first step.
    pub(super) fn of(stage: S, partitions: u32) -> Self {
        let (lineage, copy) = (Lineage::new(&mut One), CopyId::new(&mut One));
        let checkpoint = Checkpoint::new(lineage, copy, Offset(0), Timestamp::MIN);
        let mut store = MemoryStore::default();
        let made = store.new_copy(ShardId(0), None, &checkpoint);
        assert_eq!(made.expect("memory serves"), Flushed::Done);
        let end = StepEnd {
            step: Step::default(),
            offset: Offset(-1),
            appended_at: Timestamp::MIN,
        };
        let shard = OwnedShard::new(
            ShardId(0),
            Progress::begin(lineage, "g", ShardId(0), partitions, Offset(0)),
            end,
            checkpoint,
            Duration::ZERO,
            Metrics::new().shard("customer", 0),
        );
        Self {
            shard,
            store,
            stage,
            edition: Definition::shipped_default().edition,
            timers: 1000,
            state_bytes_max: 1_000_000,
            changelog: BTreeMap::new(),
        }
    }

    /// Loads and decides a step of records; V lies behind the last of them.
    pub(super) fn busy(&mut self, items: &[stage::Item<S::Input>]) -> Result<Decided, Setback> {
        self.busy_by(items, decide)
    }

    /// The same with another way to decide.
    pub(super) fn busy_by<D: Decide<S>>(
        &mut self,
        items: &[stage::Item<S::Input>],
        decide: D,
    ) -> Result<Decided, Setback> {
        let (need, loaded) = self.load(items);
        self.attempt(&intake(items, &need), &loaded, decide)
    }

    /// Loads what records need.
    pub(super) fn load(&mut self, items: &[stage::Item<S::Input>]) -> (Need, Loaded) {
        let keys = items
            .iter()
            .filter_map(|item| S::key(item.decoded.as_ref().ok()?));
        let keys: KeySet = keys.map(Key::from).collect();
        let need = Need::of(&self.stage, &self.shard, items, &keys, self.timers);
        let loaded = self.look(&need);
        (need, loaded)
    }

    fn look(&mut self, need: &Need) -> Loaded {
        let wanted = Wanted {
            keys: &need.keys,
            due_before: need.due_before,
            due_max: need.due_max,
        };
        let copy = self.shard.checkpoint.copy;
        let loaded = self.store.load(self.shard.id, copy, &wanted);
        loaded.expect("memory serves")
    }

    fn attempt<D: Decide<S>>(
        &mut self,
        intake: &Intake<'_, S::Input>,
        loaded: &Loaded,
        decide: D,
    ) -> Result<Decided, Setback> {
        let with = Deciding {
            stage: &self.stage,
            edition: &self.edition,
            state_bytes_max: self.state_bytes_max,
        };
        attempt(&with, &mut self.shard, intake, loaded, decide)
    }

    /// Commits a step: its changes are folded into the changelog and wait to be flushed.
    pub(super) fn commit(&mut self, step: Decided) {
        for InFlight { key, value, .. } in &step.changes {
            match value {
                Some(value) => self.changelog.insert(Key::clone(key), value.clone()),
                None => self.changelog.remove(key),
            };
        }
        let records = i64::try_from(step.changes.len()).expect("few");
        let receipt = Receipt {
            offset: Offset(self.shard.end.offset.0 + records + 1),
            appended_at: Timestamp::MIN,
        };
        self.shard.committed(step, receipt);
    }

    /// Flushes what waits.
    pub(super) fn flush(&mut self) {
        let next = self.shard.next_checkpoint();
        if next == self.shard.checkpoint {
            return;
        }
        let changes = self.shard.unflushed.changes();
        let expected = &self.shard.checkpoint;
        let flushed = self.store.flush(self.shard.id, expected, &next, &changes);
        assert_eq!(flushed.expect("memory serves"), Flushed::Done);
        self.shard.checkpoint = next;
        self.shard.unflushed.clear();
    }

    /// What the store holds: each value, and when it falls due there.
    pub(super) fn stored(&self) -> BTreeMap<Key, (Vec<u8>, Option<Timestamp>)> {
        let Some(states) = self.store.states(self.shard.id, self.shard.checkpoint.copy) else {
            return BTreeMap::new();
        };
        let stored =
            |(key, value): (&Key, &[u8])| (Key::clone(key), (value.to_vec(), states.due(key)));
        states.iter().map(stored).collect()
    }
}

/// Takes these records, as a step of them alone would.
pub(super) fn intake<'a, I>(items: &'a [stage::Item<I>], need: &Need) -> Intake<'a, I> {
    Intake {
        items,
        position: items.last().map_or(Offset(0), |last| last.offset.next()),
        tick_to: None,
        due_before: need.due_before,
        due_max: need.due_max,
    }
}

/// A record that the broker has appended at the very time of its event, or in 1970 if it has none.
pub(super) fn item(offset: i64, value: &str) -> Item {
    let decoded = decode_json(value.as_bytes());
    let appended_at = match &decoded {
        Ok(Decoded::Event(event)) => event.occurred_at,
        _ => Timestamp::MIN,
    };
    Item {
        offset: Offset(offset),
        appended_at,
        condemned: None,
        decoded,
    }
}

/// A customer's application, submitted on some day of March 2026: it stalls within days if nothing follows.
pub(super) fn submitted(offset: i64, customer: &str, day: u32) -> Item {
    let at = format!("2026-03-{day:02}T09:00:00Z");
    event(
        offset,
        customer,
        &at,
        r#"{"type":"application.submitted","product":"term-loan"}"#,
    )
}

/// An event of a customer's application.
pub(super) fn event(offset: i64, customer: &str, at: &str, body: &str) -> Item {
    let value = format!(
        r#"{{"event_id":"e-{offset}","customer_id":"{customer}","occurred_at":"{at}","source":"los",
            "application_id":"L-1","body":{body}}}"#
    );
    item(offset, &value)
}

/// Seeded chance.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Draws a number below another.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let drawn = self.0.next_u64() % u64::try_from(end).expect("a number");
        usize::try_from(drawn).expect("below a number")
    }

    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

struct One;

impl RandomIds for One {
    fn bits(&mut self) -> u128 {
        1 << 64 | 1
    }
}
