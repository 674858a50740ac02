//! The store in a standalone Redis, one connection a worker.
//!
//! | chapter      | what it holds                                                         |
//! | ------------ | --------------------------------------------------------------------- |
//! | `keys`       | how keys are called                                                   |
//! | `flush`      | one call of one script (`flush.lua`) that compares, writes and sets   |
//! | `load`       | states and due entries of one moment                                  |
//! | `connection` | opened when needed, dropped at the first error; errors by reaction    |
//! | `settings`   | where it is and how to get in                                         |
//! | `facts`      | what it tells about itself, and what makes it unfit                   |
//!
//! A flush is not `WATCH`, `MULTI`, `EXEC`: `EXEC` forgets every watch of the connection, so that with two shards on it the
//! second one would be written against somebody else's checkpoint.

mod connection;
mod facts;
mod flush;
mod keys;
mod load;
mod settings;

use std::collections::HashMap;

use redis::Script;
use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

use crate::protocol::{Checkpoint, CopyId, ShardId};

use self::connection::Line;
use self::keys::Keys;
use self::load::Reader;
use super::parts::in_parts;
use super::{Change, Flushed, Loaded, Store, StoreError, Wanted};

pub use connection::Access;
pub use facts::{RedisFacts, Unfit};
pub use settings::{RedisSettings, RedisTls};

/// Readings of one load before we give up: somebody else is writing this shard all the time.
const READINGS_MAX: usize = 5;
/// Keys that a scan looks at in one call, so that no call holds the server up for long.
const SCAN_KEYS: usize = 1_000;

/// States in Redis.
#[derive(Debug)]
pub struct RedisStore {
    group: String,
    line: Line,
    flush: Script,
    sweep: Script,
    /// Where the sweep of a shard goes on.
    cursors: HashMap<ShardId, u64>,
    /// Leaves what it finds damaged as it is.
    only_looks: bool,
}

impl RedisStore {
    /// A store for the shards of a consumer group. Nothing is connected before it is needed.
    ///
    /// # Panics
    /// If the group has a brace in its name, which no group of Kafka's that a configuration accepts has.
    pub fn new(group: &str, access: Access) -> Self {
        assert!(
            !group.contains(['{', '}']),
            "a brace in {group:?} would tear its shards from their slots"
        );
        Self {
            group: group.to_owned(),
            line: Line::new(access),
            flush: flush::script(),
            sweep: flush::sweep_script(),
            cursors: HashMap::new(),
            only_looks: false,
        }
    }

    /// The same for somebody who only looks: a load that finds a copy damaged does not mark it.
    #[must_use]
    pub fn onlooker(group: &str, access: Access) -> Self {
        Self {
            only_looks: true,
            ..Self::new(group, access)
        }
    }

    /// Returns what the server tells about itself, over a connection of its own, fit or not.
    ///
    /// # Errors
    /// [`StoreError`] if it can't be asked.
    pub fn facts(&mut self) -> Result<RedisFacts, StoreError> {
        self.line.facts()
    }

    /// Shows every state of a copy, in no order. While somebody writes, a state may be shown twice or not at all.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed.
    pub fn states(
        &mut self,
        shard: ShardId,
        copy: CopyId,
        mut show: impl FnMut(Key, Vec<u8>),
    ) -> Result<(), StoreError> {
        let keys = self.keys(shard);
        let prefix = keys.states(copy).len();
        let pattern = keys.states_pattern(copy);
        let mut cursor = 0;
        loop {
            let found = self.scan(&mut cursor, &pattern, SCAN_KEYS)?;
            if !found.is_empty() {
                let values: Vec<Option<Vec<u8>>> = self
                    .line
                    .read(|it| redis::cmd("MGET").arg(&found).query(it))?;
                for (key, value) in found.iter().zip(values) {
                    if let Some(value) = value {
                        show(String::from_utf8_lossy(&key[prefix..]).into(), value);
                    }
                }
            }
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Returns every due entry of a copy, by (time, key).
    ///
    /// # Errors
    /// [`StoreError`]; nothing has changed.
    pub fn due(
        &mut self,
        shard: ShardId,
        copy: CopyId,
    ) -> Result<Vec<(Timestamp, Key)>, StoreError> {
        let wanted = Wanted {
            keys: &[],
            due_before: Some(Timestamp::MAX),
            due_max: usize::MAX,
        };
        Ok(self.load(shard, copy, &wanted)?.due)
    }

    fn keys(&self, shard: ShardId) -> Keys {
        Keys::new(&self.group, shard)
    }

    fn scan(
        &mut self,
        cursor: &mut u64,
        pattern: &str,
        at_most: usize,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(*cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(at_most);
        let (next, found) = self.line.read(|it| scan.query(it))?;
        *cursor = next;
        Ok(found)
    }

    /// Sets a checkpoint if the expected one stands there.
    fn set_checkpoint(
        &mut self,
        shard: ShardId,
        expected: &[u8],
        next: &Checkpoint,
    ) -> Result<Flushed, StoreError> {
        let call = flush::call(&self.flush, &self.keys(shard), expected, next, &[]);
        Ok(flushed(self.line.write(&self.flush, &call)?))
    }

    /// Marks the copy that stands there as damaged, whosever it is.
    fn condemn_present(&mut self, shard: ShardId) -> Result<(), StoreError> {
        let stands = self.open(shard)?;
        let Some(Ok(present)) = stands.as_deref().map(Checkpoint::decode) else {
            return Ok(()); // as good as damaged
        };
        match self.condemn(shard, &present)? {
            Flushed::Done | Flushed::Refused => Ok(()),
        }
    }
}

impl Store for RedisStore {
    fn open(&mut self, shard: ShardId) -> Result<Option<Vec<u8>>, StoreError> {
        let checkpoint = self.keys(shard).checkpoint();
        self.line
            .read(|it| redis::cmd("GET").arg(checkpoint).query(it))
    }

    fn load(
        &mut self,
        shard: ShardId,
        copy: CopyId,
        wanted: &Wanted<'_>,
    ) -> Result<Loaded, StoreError> {
        let keys = self.keys(shard);
        for _ in 0..READINGS_MAX {
            let loaded = self.line.read(|connection| {
                let mut reader = Reader {
                    connection,
                    keys: &keys,
                    copy,
                };
                reader.load(wanted)
            });
            match loaded {
                Ok(Some(loaded)) => return Ok(loaded),
                Ok(None) => {}
                Err(StoreError::Damaged(cause)) => {
                    if !self.only_looks {
                        self.condemn_present(shard)?;
                    }
                    return Err(StoreError::Damaged(cause));
                }
                Err(error) => return Err(error),
            }
        }
        let moving = format!("the checkpoint of shard {shard} moves while it is read");
        Err(StoreError::Stalled(moving.into()))
    }

    fn flush(
        &mut self,
        shard: ShardId,
        expected: &Checkpoint,
        next: &Checkpoint,
        changes: &[Change],
    ) -> Result<Flushed, StoreError> {
        let keys = self.keys(shard);
        in_parts(expected, next, changes, |expected, next, changes| {
            let call = flush::call(&self.flush, &keys, &expected.encode(), next, changes);
            Ok(flushed(self.line.write(&self.flush, &call)?))
        })
    }

    fn new_copy(
        &mut self,
        shard: ShardId,
        expected: Option<&[u8]>,
        next: &Checkpoint,
    ) -> Result<Flushed, StoreError> {
        self.set_checkpoint(shard, expected.unwrap_or_default(), next)
    }

    fn sweep(&mut self, shard: ShardId, at_most: usize) -> Result<bool, StoreError> {
        let keys = self.keys(shard);
        let Some(stands) = self.open(shard)? else {
            return Ok(false);
        };
        let Ok(present) = Checkpoint::decode(&stands) else {
            return Ok(false); // whatever comes next will be a new copy
        };
        let mut cursor = self.cursors.get(&shard).copied().unwrap_or_default();
        let found = self.scan(&mut cursor, &keys.pattern(), at_most.clamp(1, SCAN_KEYS))?;
        self.cursors.insert(shard, cursor);
        let counts_no_more =
            |key: &&Vec<u8>| keys.copy_of(key).is_some_and(|it| it != present.copy);
        let rubbish: Vec<_> = found.iter().filter(counts_no_more).collect();
        for rubbish in rubbish.chunks(SCAN_KEYS) {
            let mut call = redis::cmd("EVALSHA");
            call.arg(self.sweep.get_hash()).arg(1 + rubbish.len());
            call.arg(keys.checkpoint()).arg(rubbish).arg(&stands);
            self.line.write(&self.sweep, &call)?;
        }
        Ok(cursor != 0)
    }
}

fn flushed(done: bool) -> Flushed {
    if done {
        Flushed::Done
    } else {
        Flushed::Refused
    }
}
