//! The states of a step: onto the table and off again.
//!
//! What waits to be flushed overrules what was loaded, and a state overrules the index of due times. An index entry that
//! disagrees with its state is ignored, and the next flush puts it right.

use foldhash::fast::RandomState;
use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Key, KeyMap, Table};

use super::{Intake, Undecided};
use crate::pipeline::stage::{Stage, Stored};
use crate::pipeline::worker::unflushed::{InFlight, Unflushed};
use crate::store::{Loaded, LoadedState};

/// The states that a step works on.
pub(super) struct States<'a, S: Stage> {
    stage: &'a S,
    pub(super) table: Table<S::State>,
    /// The last timer loaded, if there may be more behind it.
    pub(super) last_timer: Option<(Timestamp, Key)>,
    unflushed: &'a Unflushed,
    /// The due time under which the store has each key that was loaded.
    stored_due: KeyMap<Option<Timestamp>>,
    /// What the store must be told once more, for its index is wrong.
    to_mend: Vec<InFlight>,
}

impl<'a, S: Stage> States<'a, S> {
    /// Puts on the table what was loaded, and over it what waits to be flushed and falls due meanwhile.
    pub(super) fn load(
        stage: &'a S,
        unflushed: &'a Unflushed,
        loaded: &Loaded,
        intake: &Intake<'_, S::Input>,
    ) -> Result<Self, Undecided> {
        let full = loaded.due.len() >= intake.due_max;
        let mut states = Self {
            stage,
            table: Table::new(),
            last_timer: loaded.due.last().filter(|_| full).cloned(),
            unflushed,
            stored_due: KeyMap::with_capacity_and_hasher(
                loaded.states.len(),
                RandomState::default(),
            ),
            to_mend: Vec::new(),
        };
        let index: KeyMap<Timestamp, &Key> =
            loaded.due.iter().map(|(due, key)| (key, *due)).collect();
        for state in &loaded.states {
            states.put(state, index.get(&state.key).copied())?;
        }
        for (key, value) in intake
            .due_before
            .iter()
            .flat_map(|to| unflushed.due_before(*to))
        {
            states.put_unflushed(key, value.value.as_deref());
        }
        Ok(states)
    }

    fn put(&mut self, state: &LoadedState, indexed: Option<Timestamp>) -> Result<(), Undecided> {
        let LoadedState { key, value } = state;
        if self.unflushed.get(key).is_some() {
            return Ok(()); // the store's value is older than ours
        }
        let read = |value: &Vec<u8>| self.stage.read(key, value);
        let stored = value.as_ref().map(read).transpose();
        let stored = stored.map_err(|source| Undecided::State {
            key: Key::clone(key),
            source,
        })?;
        let due = stored.as_ref().and_then(|stored| stored.due);
        self.table.load(key, stored.map(|stored| stored.state), due);
        self.stored_due.insert(Key::clone(key), indexed.or(due));
        if indexed.is_some() && indexed != due {
            self.to_mend.push(InFlight {
                key: Key::clone(key),
                value: value.clone(),
                due,
                stored_due: indexed,
            });
        }
        Ok(())
    }

    fn put_unflushed(&mut self, key: &Key, value: Option<&[u8]>) {
        let read = |value: &[u8]| {
            let stored = self.stage.read(key, value);
            stored.expect("we have encoded it ourselves")
        };
        let (state, due) = match value.map(read) {
            Some(Stored { state, due }) => (Some(state), due),
            None => (None, None),
        };
        self.table.load(key, state, due);
    }

    /// Sees to it that the state of a key is on the table if it waits to be flushed.
    pub(super) fn need(&mut self, key: &str) {
        if !self.table.contains(key)
            && let Some(waiting) = self.unflushed.get(key)
        {
            self.put_unflushed(&Key::from(key), waiting.value.as_deref());
        }
    }

    /// Takes from the table what has changed.
    pub(super) fn into_changes(self, bytes_max: usize) -> Result<Vec<InFlight>, Undecided> {
        let mut to_mend = self.to_mend;
        let encode = |(key, state, due): (Key, Option<S::State>, Option<Timestamp>)| {
            let value = state.map(|state| S::encode(&state));
            let bytes = value.as_ref().map_or(0, Vec::len);
            if bytes > bytes_max {
                return Err(Undecided::TooLarge {
                    key,
                    bytes,
                    bytes_max,
                });
            }
            let stored_due = self.stored_due.get(&key).copied().flatten();
            to_mend.retain(|mended| mended.key != key);
            Ok(InFlight {
                key,
                value,
                due,
                stored_due,
            })
        };
        let rows = self.table.into_changes().into_iter();
        let mut changes = rows.map(encode).collect::<Result<Vec<_>, _>>()?;
        changes.append(&mut to_mend);
        Ok(changes)
    }
}
