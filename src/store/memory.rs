//! States in memory, in their stored form: a replay keeps some hundred bytes for each customer, not its input.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

/// States by key, and an index of due times.
#[derive(Debug, Default)]
pub struct MemoryStore {
    states: HashMap<Key, Stored>,
    /// Invariant: holds `(due, key)` for each state with a due time, and nothing else.
    due: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Stored {
    value: Box<[u8]>,
    due: Option<Timestamp>,
}

/// A state as loaded; `None` if the store does not know the key.
#[derive(Debug)]
pub struct Loaded<'a> {
    /// The key.
    pub key: Key,
    /// The stored form.
    pub value: Option<&'a [u8]>,
    /// When it falls due.
    pub due: Option<Timestamp>,
}

/// What a step did to a key.
#[derive(Debug)]
pub struct Change {
    /// The key.
    pub key: Key,
    /// The new stored form; `None` deletes.
    pub value: Option<Vec<u8>>,
    /// When it falls due from now on.
    pub due: Option<Timestamp>,
}

impl MemoryStore {
    /// Returns the states of the keys asked for and of all that fall due up to `due_before`, each once.
    pub fn load(
        &self,
        keys: impl IntoIterator<Item = Key>,
        due_before: Timestamp,
    ) -> Vec<Loaded<'_>> {
        let falling_due = self
            .due
            .iter()
            .take_while(|(due, _)| *due <= due_before)
            .map(|(_, key)| Arc::clone(key));
        let mut wanted: Vec<Key> = keys.into_iter().chain(falling_due).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let load = |key: Key| {
            let stored = self.states.get(&key);
            Loaded {
                value: stored.map(|stored| &*stored.value),
                due: stored.and_then(|stored| stored.due),
                key,
            }
        };
        wanted.into_iter().map(load).collect()
    }

    /// Takes over what a step did.
    pub fn flush(&mut self, changes: impl IntoIterator<Item = Change>) {
        for Change { key, value, due } in changes {
            if let Some(old_due) = self.states.get(&key).and_then(|stored| stored.due) {
                self.due.remove(&(old_due, Arc::clone(&key)));
            }
            let Some(value) = value else {
                self.states.remove(&key);
                continue;
            };
            self.due.extend(due.map(|due| (due, Arc::clone(&key))));
            self.states.insert(
                key,
                Stored {
                    value: value.into_boxed_slice(),
                    due,
                },
            );
        }
    }

    /// Returns every stored value with its key, in no particular order.
    pub fn states(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.states
            .iter()
            .map(|(key, stored)| (key, &*stored.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn change(key: &str, value: Option<&str>, due: Option<i64>) -> Change {
        Change {
            key: key.into(),
            value: value.map(|value| value.as_bytes().to_vec()),
            due: due.map(at),
        }
    }

    fn loaded(
        store: &MemoryStore,
        keys: &[&str],
        due_before: i64,
    ) -> Vec<(String, Option<Vec<u8>>)> {
        let keys = keys.iter().map(|key| Key::from(*key));
        let loaded = store.load(keys, at(due_before)).into_iter();
        loaded
            .map(|it| (it.key.to_string(), it.value.map(<[u8]>::to_vec)))
            .collect()
    }

    #[test]
    fn keys_and_what_is_due_are_loaded_once_each() {
        let mut store = MemoryStore::default();
        store.flush([
            change("a", Some("1"), Some(10)),
            change("b", Some("2"), Some(20)),
            change("c", Some("3"), None),
        ]);
        assert_eq!(
            loaded(&store, &["a", "x"], 10),
            [("a".into(), Some(b"1".to_vec())), ("x".into(), None)]
        );
        assert_eq!(loaded(&store, &[], 20).len(), 2);
    }

    #[test]
    fn a_new_due_time_replaces_the_old_and_deletion_forgets_it() {
        let mut store = MemoryStore::default();
        store.flush([change("a", Some("1"), Some(10))]);
        store.flush([change("a", Some("2"), Some(30))]);
        assert!(loaded(&store, &[], 29).is_empty());
        store.flush([change("a", None, None)]);
        assert!(loaded(&store, &[], 99).is_empty());
        assert_eq!(store.states().count(), 0);
    }
}
