//! Where states live between steps: a copy of the changelog, never ahead of it.
//!
//! Bytes in, bytes out: a store knows keys, values, due times and one small checkpoint for each shard, and nothing of what
//! a journey is. Every flush compares the whole checkpoint and sets the next one, so a worker that lost its shard, a call
//! that arrives late and a store that was rolled back are all noticed in the same place.
//!
//! | chapter  | what it holds                                                        |
//! | -------- | -------------------------------------------------------------------- |
//! | `states` | states by key with an index of due times, in memory                  |
//! | `memory` | the store for tests and demonstrations: gone with the process        |
//! | `redis`  | the store for everything else                                        |
//! | `parts`  | a flush too large for one call, cut into several                     |
//! | `error`  | why a store did not do what was asked, by reaction                   |

mod error;
mod memory;
mod parts;
mod redis;
mod states;

use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

use crate::protocol::{Checkpoint, CopyId, ShardId};

pub use self::redis::{Access, RedisFacts, RedisSettings, RedisStore, RedisTls, Unfit};
pub use error::{Cause, StoreError};
pub use memory::MemoryStore;
pub use parts::CALL_KEYS_MAX;
pub use states::States;

/// States of shards, each shard with its checkpoint.
///
/// What every store promises, and `tests/stores` holds it to:
///
/// | law | promise |
/// | --- | --- |
/// | L1 | a load shows checkpoint, states and due entries of one single moment |
/// | L2 | a flush happens whole or not at all, and only if the checkpoint is the expected one, byte for byte |
/// | L3 | after a roll-back, values and checkpoint of a shard have gone back together |
/// | L4 | a flush whose answer was lost may still happen later: then it was expected, or it is refused |
/// | L5 | no value vanishes alone |
/// | L6 | a flush that failed half-way is seen: the copy is marked damaged; it can be marked from outside too |
/// | L7 | no key, whatever its characters, meets another one or leaves its shard |
/// | L8 | shards on one connection do not disturb each other |
pub trait Store {
    /// Returns the checkpoint as it stands there, `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed.
    fn open(&mut self, shard: ShardId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns states and due entries of a copy. Use them only if the checkpoint that comes with them is yours.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed.
    fn load(
        &mut self,
        shard: ShardId,
        copy: CopyId,
        wanted: &Wanted<'_>,
    ) -> Result<Loaded, StoreError>;

    /// Writes committed values if the checkpoint still is `expected`, and sets it to `next`, which must differ (else a
    /// load could not tell before from after) and be of the same copy. Each key stands in `changes` once.
    ///
    /// More than [`CALL_KEYS_MAX`] changes are written in parts: readers meanwhile find the old position, `restoring`.
    ///
    /// # Errors
    /// [`StoreError`]; whether something has changed is what its variants tell.
    fn flush(
        &mut self,
        shard: ShardId,
        expected: &Checkpoint,
        next: &Checkpoint,
        changes: &[Change],
    ) -> Result<Flushed, StoreError>;

    /// Throws the present copy away: sets the checkpoint if it still is `expected`, bytes or absent.
    ///
    /// # Errors
    /// [`StoreError`]; whether something has changed is what its variants tell.
    fn new_copy(
        &mut self,
        shard: ShardId,
        expected: Option<&[u8]>,
        next: &Checkpoint,
    ) -> Result<Flushed, StoreError>;

    /// Marks the present copy as damaged if its checkpoint still is `expected`: whoever recovers makes a new one.
    ///
    /// # Errors
    /// [`StoreError`]; whether something has changed is what its variants tell.
    fn condemn(&mut self, shard: ShardId, expected: &Checkpoint) -> Result<Flushed, StoreError> {
        self.new_copy(shard, Some(&expected.encode()), &expected.damaged())
    }

    /// Looks at about `at_most` keys and deletes those of copies that no longer count. Returns whether some may be left.
    ///
    /// # Errors
    /// [`StoreError`]; the present copy is untouched whatever happens.
    fn sweep(&mut self, shard: ShardId, at_most: usize) -> Result<bool, StoreError>;
}

/// What to load.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Keys whose states are wanted.
    pub keys: &'a [Key],
    /// Also what falls due at this time or before.
    pub due_before: Option<Timestamp>,
    /// At most so many due entries, the earliest.
    pub due_max: usize,
}

/// What stood in the store at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The checkpoint, `None` if there was none.
    pub checkpoint: Option<Vec<u8>>,
    /// The keys asked for, in their order, then those of `due` not asked for.
    pub states: Vec<LoadedState>,
    /// What falls due, by (time, key). An entry that disagrees with its state is to be ignored, and flushed away.
    pub due: Vec<(Timestamp, Key)>,
}

/// A state as loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedState {
    /// The key.
    pub key: Key,
    /// Its value; `None` if the store does not know the key.
    pub value: Option<Vec<u8>>,
}

/// What committed steps did to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// The new value; `None` deletes.
    pub value: Option<Vec<u8>>,
    /// When it falls due from now on; `None` for never, and if the value is deleted.
    pub due: Option<Timestamp>,
    /// When it falls due as the store has it now: the due time of the value that this change replaces there.
    pub stored_due: Option<Timestamp>,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Flushed {
    /// It stands, and with it the next checkpoint.
    Done,
    /// Another checkpoint stands there: somebody else's, or one from before a roll-back. Recover the shard.
    Refused,
}
