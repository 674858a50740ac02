//! The store that is gone with its process: for demonstrations, and for tests that must be quick and still tell the truth.
//!
//! It obeys the same laws as Redis and is never out of reach. It also checks what Redis can't: that a change names the due
//! time which the store really has.

use std::collections::{HashMap, HashSet};

use crate::protocol::{Checkpoint, CopyId, ShardId};

use super::parts::in_parts;
use super::{Change, Flushed, Loaded, LoadedState, States, Store, StoreError, Wanted};

/// Shards in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    shards: HashMap<ShardId, Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    checkpoint: Option<Vec<u8>>,
    copies: HashMap<CopyId, States>,
}

impl MemoryStore {
    /// Returns the states of a copy, for whoever looks in from outside.
    pub fn states(&self, shard: ShardId, copy: CopyId) -> Option<&States> {
        self.shards.get(&shard)?.copies.get(&copy)
    }
}

impl Store for MemoryStore {
    fn open(&mut self, shard: ShardId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.shards.entry(shard).or_default().checkpoint.clone())
    }

    fn load(
        &mut self,
        shard: ShardId,
        copy: CopyId,
        wanted: &Wanted<'_>,
    ) -> Result<Loaded, StoreError> {
        let shard = self.shards.entry(shard).or_default();
        let states = shard.copies.entry(copy).or_default();
        let due: Vec<_> = (wanted.due_before.iter())
            .flat_map(|at| states.due_before(*at))
            .take(wanted.due_max)
            .cloned()
            .collect();
        let asked: HashSet<_> = wanted.keys.iter().collect();
        let unasked = due.iter().map(|(_, key)| key);
        let unasked = unasked.filter(|key| !asked.contains(key));
        let loaded = (wanted.keys.iter().chain(unasked)).map(|key| LoadedState {
            key: key.clone(),
            value: states.value(key).map(<[u8]>::to_vec),
        });
        Ok(Loaded {
            checkpoint: shard.checkpoint.clone(),
            states: loaded.collect(),
            due,
        })
    }

    fn flush(
        &mut self,
        shard: ShardId,
        expected: &Checkpoint,
        next: &Checkpoint,
        changes: &[Change],
    ) -> Result<Flushed, StoreError> {
        let shard = self.shards.entry(shard).or_default();
        in_parts(expected, next, changes, |expected, next, changes| {
            if !expected.is(shard.checkpoint.as_deref()) {
                return Ok(Flushed::Refused);
            }
            shard.checkpoint = Some(next.encode());
            let states = shard.copies.entry(next.copy).or_default();
            for change in changes {
                apply(states, change);
            }
            Ok(Flushed::Done)
        })
    }

    fn new_copy(
        &mut self,
        shard: ShardId,
        expected: Option<&[u8]>,
        next: &Checkpoint,
    ) -> Result<Flushed, StoreError> {
        let shard = self.shards.entry(shard).or_default();
        if shard.checkpoint.as_deref() != expected {
            return Ok(Flushed::Refused);
        }
        shard.checkpoint = Some(next.encode());
        Ok(Flushed::Done)
    }

    fn sweep(&mut self, shard: ShardId, _at_most: usize) -> Result<bool, StoreError> {
        let shard = self.shards.entry(shard).or_default();
        if let Some(Ok(present)) = shard.checkpoint.as_deref().map(Checkpoint::decode) {
            shard.copies.retain(|copy, _| *copy == present.copy);
        }
        Ok(false)
    }
}

fn apply(states: &mut States, change: &Change) {
    debug_assert_eq!(
        states.due(&change.key),
        change.stored_due,
        "the change of {:?} does not know when the stored state falls due",
        change.key
    );
    states.set(change.key.clone(), change.value.clone(), change.due);
}
