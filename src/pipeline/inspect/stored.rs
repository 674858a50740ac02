//! A stored state and where it was read: in the store if there is one and it holds a copy, else in the changelog.

use std::ops::ControlFlow;

use serde::Serialize;
use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

use super::{InspectError, Inspector};
use crate::changelog::Seen;
use crate::protocol::{Checkpoint, Offset, ShardId};
use crate::store::{Store, Wanted};

/// Where a state was read, and how old that is.
#[derive(Debug, Serialize)]
pub struct Place {
    /// The shard that takes care.
    pub shard: ShardId,
    /// Where it was read.
    pub from: From,
    /// The place of the changelog that it is up to date with.
    pub position: Offset,
    /// The time it is up to date with, by the broker's clock.
    pub as_of: Option<Timestamp>,
    /// Places of the changelog that come after, markers of transactions among them.
    pub behind_records: i64,
    /// Where the clock of the shard stands.
    pub stream_time: Option<Timestamp>,
    /// Bytes of the stored form.
    pub bytes: usize,
}

/// Where to read a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// In the store, which may be a flush behind.
    Store,
    /// In the changelog, which is the truth.
    Changelog,
}

/// A stored state.
pub(super) struct Stored {
    pub(super) place: Place,
    /// None if there is no such key.
    pub(super) value: Option<Vec<u8>>,
}

/// A stored state, and how far whatever held it had come.
struct Held {
    from: From,
    position: Offset,
    as_of: Option<Timestamp>,
    value: Option<Vec<u8>>,
}

impl Inspector {
    /// Reads the state of a key; in the store if there is one and it holds a copy, unless the changelog is asked for.
    pub(super) fn stored(
        &mut self,
        shard: ShardId,
        key: &str,
        from: Option<From>,
    ) -> Result<Stored, InspectError> {
        let (found, _) = self.look(shard)?;
        let held = match from {
            Some(From::Changelog) => None,
            Some(From::Store) | None => self.in_store(shard, key)?,
        };
        let held = match held {
            Some(held) => held,
            None => self.in_changelog(shard, key)?,
        };
        let progress = found.progress.as_ref();
        let end = progress.map_or(Offset(0), |last| last.offset.next());
        Ok(Stored {
            place: Place {
                shard,
                from: held.from,
                position: held.position,
                as_of: held.as_of,
                behind_records: (end.0 - held.position.0).max(0),
                stream_time: progress.and_then(|last| last.record.as_ref().ok()?.stream_time),
                bytes: held.value.as_ref().map_or(0, Vec::len),
            },
            value: held.value,
        })
    }

    fn in_store(&mut self, shard: ShardId, key: &str) -> Result<Option<Held>, InspectError> {
        let Some(store) = &mut self.store else {
            return Ok(None);
        };
        let checkpoint = store.open(shard)?;
        let Some(Ok(checkpoint)) = checkpoint.as_deref().map(Checkpoint::decode) else {
            return Ok(None);
        };
        let keys = [Key::from(key)];
        let wanted = Wanted {
            keys: &keys,
            due_before: None,
            due_max: 0,
        };
        let loaded = store.load(shard, checkpoint.copy, &wanted)?;
        if !checkpoint.is(loaded.checkpoint.as_deref()) {
            return Ok(None); // it has moved on: the changelog knows
        }
        Ok(Some(Held {
            from: From::Store,
            position: checkpoint.position,
            as_of: Some(checkpoint.as_of),
            value: loaded.states.into_iter().next().and_then(|it| it.value),
        }))
    }

    fn in_changelog(&self, shard: ShardId, key: &str) -> Result<Held, InspectError> {
        let mut held = Held {
            from: From::Changelog,
            position: Offset(0),
            as_of: None,
            value: None,
        };
        let mut go_on = || ControlFlow::Continue(());
        self.changelog
            .read(shard, Offset(0), &mut go_on, &mut |seen| {
                match seen {
                    Seen::Change(change) if change.key == key => {
                        held.value = change.value.map(<[u8]>::to_vec);
                    }
                    Seen::Change(_) => {}
                    Seen::Progress(progress) => {
                        held.position = progress.offset.next();
                        held.as_of = Some(progress.appended_at);
                    }
                }
                ControlFlow::Continue(())
            })?;
        Ok(held)
    }
}
