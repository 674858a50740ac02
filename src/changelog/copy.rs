//! Copies a changelog into a store: chunk by chunk, each one flush that compares the checkpoint with the one before.
//!
//! ```text
//! checkpoint at x ─► chunk: restoring, x' ─► chunk: restoring, x'' ─► last chunk: complete, End
//! ```
//!
//! A crash in between costs nothing: the next owner goes on from `restoring`. A refusal means that somebody else has
//! written: recovery starts again.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;

use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

use super::reader::{Change, ChangelogReader, ReadError, Seen};
use crate::failpoint;
use crate::protocol::{Checkpoint, Offset, ShardId, StepEnd};
use crate::store::{self, Flushed, Store, StoreError, Wanted};

/// Records in one chunk at most.
const CHUNK_RECORDS: usize = 10_000;
/// Bytes of values in one chunk at most.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Reads from a key and the stored form of its state when it falls due.
pub type DueOf<'a> = &'a dyn Fn(&str, &[u8]) -> Result<Option<Timestamp>, Unreadable>;

/// Why bytes are no state.
type Unreadable = Box<dyn Error + Send + Sync>;

/// What a copy has done.
#[derive(Debug)]
pub struct Copied {
    /// The checkpoint as it stands in the store now.
    pub checkpoint: Checkpoint,
    /// Records applied.
    pub records: u64,
}

/// Why a copy was not finished.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The changelog can't be read, or whoever waits has asked to stop.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store can't take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is not the one we wrote: recovery starts again.
    #[error("the store of shard {0} was written by somebody else during a copy")]
    Refused(ShardId),
    /// The changelog has grown during the copy, which it can't while the shard is ours: recovery starts again.
    #[error("the changelog of shard {0} has moved on during a copy")]
    Moved(ShardId),
    /// A state in the changelog can't be read: it must be a newer release's.
    #[error("the state of {key:?} in the changelog cannot be read")]
    State {
        /// Whose.
        key: String,
        /// What is wrong with it.
        source: Unreadable,
    },
}

/// What a copy is made with.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Copying<'a> {
    /// From where.
    pub reader: &'a ChangelogReader,
    /// Where to.
    pub store: &'a mut dyn Store,
    /// Reads when a state falls due.
    pub due_of: DueOf<'a>,
    /// Breaks off when somebody waits.
    pub go_on: &'a mut dyn FnMut() -> ControlFlow<()>,
    /// Says of the time a copy is of whether deletions since then must still be in the log.
    pub in_time: &'a dyn Fn(Timestamp) -> bool,
}

impl Copying<'_> {
    /// Copies all changes from the checkpoint's position up to `last`, the last step.
    ///
    /// If it is no longer in time right before the last chunk, the copy is of no use and the answer is `None`.
    ///
    /// # Errors
    /// [`CopyError`]; what was applied so far stands, and the next copy goes on from there.
    pub fn copy(
        self,
        shard: ShardId,
        from: Checkpoint,
        last: &StepEnd,
    ) -> Result<Option<Copied>, CopyError> {
        let mut chunks = Chunks::new(self.store, shard, from, self.due_of);
        let mut failed = None;
        let mut take = |seen: Seen<'_>| match chunks.take(seen) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        };
        let read = self
            .reader
            .read(shard, from.position, self.go_on, &mut take);
        if let Some(error) = failed {
            return Err(error);
        }
        read?;
        // Nor if none was seen: a leader that was elected a moment ago may not know yet how far the last one had come.
        if chunks.last_progress != Some(last.offset) {
            return Err(CopyError::Moved(shard));
        }
        if !(self.in_time)(from.as_of) {
            return Ok(None);
        }
        chunks.finish(last).map(Some)
    }
}

/// Changes on their way into the store.
struct Chunks<'a> {
    store: &'a mut dyn Store,
    shard: ShardId,
    due_of: DueOf<'a>,
    /// As it stands in the store.
    checkpoint: Checkpoint,
    changes: BTreeMap<Key, Option<Vec<u8>>>,
    bytes: usize,
    seen: usize,
    next: Offset,
    last_progress: Option<Offset>,
    records: u64,
}

impl<'a> Chunks<'a> {
    fn new(
        store: &'a mut dyn Store,
        shard: ShardId,
        checkpoint: Checkpoint,
        due_of: DueOf<'a>,
    ) -> Self {
        Self {
            store,
            shard,
            due_of,
            checkpoint,
            changes: BTreeMap::new(),
            bytes: 0,
            seen: 0,
            next: checkpoint.position,
            last_progress: None,
            records: 0,
        }
    }

    fn take(&mut self, seen: Seen<'_>) -> Result<(), CopyError> {
        match seen {
            Seen::Progress(progress) => {
                self.last_progress = Some(progress.offset);
                self.next = progress.offset.next();
                Ok(())
            }
            Seen::Change(change) => {
                if self.seen >= CHUNK_RECORDS || self.bytes >= CHUNK_BYTES {
                    let next = self.checkpoint.chunk(self.next);
                    self.flush(next)?;
                }
                self.put(change);
                Ok(())
            }
        }
    }

    fn put(&mut self, change: Change<'_>) {
        self.next = change.offset.next();
        self.seen += 1;
        self.records += 1;
        self.bytes += change.key.len() + change.value.map_or(0, <[u8]>::len);
        self.changes
            .insert(change.key.into(), change.value.map(<[u8]>::to_vec));
    }

    fn finish(mut self, last: &StepEnd) -> Result<Copied, CopyError> {
        let next = self.checkpoint.complete(last);
        self.flush(next)?;
        Ok(Copied {
            checkpoint: self.checkpoint,
            records: self.records,
        })
    }

    fn flush(&mut self, next: Checkpoint) -> Result<(), CopyError> {
        let changes = self.changes_with_due()?;
        match self
            .store
            .flush(self.shard, &self.checkpoint, &next, &changes)?
        {
            Flushed::Done => self.checkpoint = next,
            Flushed::Refused => return Err(CopyError::Refused(self.shard)),
        }
        failpoint::here("recover.5");
        (self.bytes, self.seen) = (0, 0);
        Ok(())
    }

    /// Asks the store what it holds for these keys, so that old entries leave the index of due times.
    fn changes_with_due(&mut self) -> Result<Vec<store::Change>, CopyError> {
        let changes = std::mem::take(&mut self.changes);
        let keys: Vec<Key> = changes.keys().cloned().collect();
        let wanted = Wanted {
            keys: &keys,
            due_before: None,
            due_max: 0,
        };
        let loaded = self.store.load(self.shard, self.checkpoint.copy, &wanted)?;
        if !self.checkpoint.is(loaded.checkpoint.as_deref()) {
            return Err(CopyError::Refused(self.shard));
        }
        changes
            .into_iter()
            .zip(loaded.states)
            .map(|((key, value), held)| {
                let due = self.due_of(&key, value.as_deref())?;
                let stored_due = self.stored_due(&key, held.value.as_deref())?;
                Ok(store::Change {
                    key,
                    value,
                    due,
                    stored_due,
                })
            })
            .collect()
    }

    /// What the store holds is a copy: if it can't be read there, it is copied anew.
    fn stored_due(
        &mut self,
        key: &str,
        held: Option<&[u8]>,
    ) -> Result<Option<Timestamp>, CopyError> {
        let Some(held) = held else { return Ok(None) };
        (self.due_of)(key, held).or_else(|cause| {
            let condemned = self.store.condemn(self.shard, &self.checkpoint)?;
            match condemned {
                Flushed::Done => {
                    let cause = format!("the stored state of {key:?} cannot be read: {cause}");
                    Err(StoreError::Damaged(cause.into()).into())
                }
                Flushed::Refused => Err(CopyError::Refused(self.shard)),
            }
        })
    }

    fn due_of(&self, key: &str, value: Option<&[u8]>) -> Result<Option<Timestamp>, CopyError> {
        let Some(value) = value else { return Ok(None) };
        (self.due_of)(key, value).map_err(|source| CopyError::State {
            key: key.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CopyId, CopyStatus, Lineage, RandomIds, Step};
    use crate::store::MemoryStore;

    const SHARD: ShardId = ShardId(3);

    struct One;

    impl RandomIds for One {
        fn bits(&mut self) -> u128 {
            1
        }
    }

    fn due_of(_: &str, value: &[u8]) -> Result<Option<Timestamp>, Unreadable> {
        if value == b"garbage" {
            return Err("it is no state".into());
        }
        Ok(None)
    }

    /// A store that is two steps behind and holds this value of a customer.
    fn behind(held: &[u8]) -> (MemoryStore, Checkpoint) {
        let begun = Checkpoint::begin_copy(
            Lineage::new(&mut One),
            CopyId::new(&mut One),
            Timestamp::MIN,
        );
        let checkpoint = begun.complete(&end(4));
        let mut store = MemoryStore::default();
        let held = store::Change {
            key: "C-1".into(),
            value: Some(held.to_vec()),
            due: None,
            stored_due: None,
        };
        let begins = store.new_copy(SHARD, None, &begun);
        let flushed = store.flush(SHARD, &begun, &checkpoint, &[held]);
        assert_eq!(
            (begins.unwrap(), flushed.unwrap()),
            (Flushed::Done, Flushed::Done)
        );
        (store, checkpoint)
    }

    fn end(offset: i64) -> StepEnd {
        StepEnd {
            step: Step::default(),
            offset: Offset(offset),
            appended_at: Timestamp::MIN,
        }
    }

    /// Copies a change of that customer.
    fn copy(store: &mut MemoryStore, from: Checkpoint, value: &[u8]) -> Result<Copied, CopyError> {
        let mut chunks = Chunks::new(store, SHARD, from, &due_of);
        chunks.take(Seen::Change(Change {
            offset: Offset(5),
            key: "C-1",
            value: Some(value),
        }))?;
        chunks.finish(&end(6))
    }

    #[test]
    fn a_held_value_that_can_not_be_read_is_damage_of_the_copy() {
        let (mut store, checkpoint) = behind(b"garbage");
        let copied = copy(&mut store, checkpoint, b"a state");
        let Err(CopyError::Store(StoreError::Damaged(cause))) = copied else {
            panic!("{copied:?}");
        };
        let says = "the stored state of \"C-1\" cannot be read: it is no state";
        assert_eq!(cause.to_string(), says);
        let stands = Checkpoint::decode(&store.open(SHARD).unwrap().unwrap()).unwrap();
        assert_eq!(stands.status, CopyStatus::Damaged);
    }

    #[test]
    fn a_value_of_the_changelog_that_can_not_be_read_leaves_the_copy_as_it_is() {
        let (mut store, checkpoint) = behind(b"a state");
        let copied = copy(&mut store, checkpoint, b"garbage");
        assert!(matches!(copied, Err(CopyError::State { .. })), "{copied:?}");
        assert!(checkpoint.is(store.open(SHARD).unwrap().as_deref()));
    }

    #[test]
    fn a_copy_takes_the_store_to_the_last_step() {
        let (mut store, checkpoint) = behind(b"a state");
        let copied = copy(&mut store, checkpoint, b"another").unwrap();
        assert_eq!((copied.records, copied.checkpoint.position), (1, Offset(7)));
        assert!(copied.checkpoint.is(store.open(SHARD).unwrap().as_deref()));
    }
}
