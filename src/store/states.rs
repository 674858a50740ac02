//! States in memory, in their stored form: a replay keeps some hundred bytes for each customer, not its input.

use std::collections::{BTreeSet, HashMap};

use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

/// States by key, and an index of due times.
#[derive(Debug, Default)]
pub struct States {
    states: HashMap<Key, Stored>,
    /// Invariant: holds `(due, key)` for each state with a due time, and nothing else.
    due: BTreeSet<(Timestamp, Key)>,
}

#[derive(Debug)]
struct Stored {
    value: Box<[u8]>,
    due: Option<Timestamp>,
}

impl States {
    /// Returns the value of a key, `None` if it is not known.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.states.get(key).map(|stored| &*stored.value)
    }

    /// Returns when a key falls due.
    pub fn due(&self, key: &str) -> Option<Timestamp> {
        self.states.get(key)?.due
    }

    /// Returns what falls due at a time or before, by (time, key).
    pub fn due_before(&self, at: Timestamp) -> impl Iterator<Item = &(Timestamp, Key)> {
        self.due.iter().take_while(move |(due, _)| *due <= at)
    }

    /// Sets the value of a key and when it falls due; no value forgets the key.
    pub fn set(&mut self, key: Key, value: Option<Vec<u8>>, due: Option<Timestamp>) {
        if let Some(old_due) = self.due(&key) {
            self.due.remove(&(old_due, key.clone()));
        }
        let Some(value) = value else {
            self.states.remove(&key);
            return;
        };
        self.due.extend(due.map(|due| (due, key.clone())));
        let value = value.into_boxed_slice();
        self.states.insert(key, Stored { value, due });
    }

    /// Returns every value with its key, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        let states = self.states.iter();
        states.map(|(key, stored)| (key, &*stored.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000).unwrap()
    }

    fn due_before(states: &States, seconds: i64) -> Vec<&str> {
        let due = states.due_before(at(seconds));
        due.map(|(_, key)| &**key).collect()
    }

    #[test]
    fn due_entries_come_by_time_and_then_by_key() {
        let mut states = States::default();
        states.set("c".into(), Some(vec![3]), Some(at(10)));
        states.set("a".into(), Some(vec![1]), Some(at(20)));
        states.set("b".into(), Some(vec![2]), Some(at(10)));
        states.set("d".into(), Some(vec![4]), None);
        assert_eq!(due_before(&states, 9), [""; 0]);
        assert_eq!(due_before(&states, 10), ["b", "c"]);
        assert_eq!(due_before(&states, 99), ["b", "c", "a"]);
    }

    #[test]
    fn a_new_due_time_replaces_the_old_and_deletion_forgets_it() {
        let mut states = States::default();
        states.set("a".into(), Some(vec![1]), Some(at(10)));
        states.set("a".into(), Some(vec![2]), Some(at(30)));
        assert_eq!(due_before(&states, 29), [""; 0]);
        assert_eq!(states.value("a"), Some(&[2][..]));
        states.set("a".into(), None, None);
        assert_eq!(due_before(&states, 99), [""; 0]);
        assert_eq!(states.iter().count(), 0);
    }
}
