//! Short words for tests of stores.

use waymark::protocol::{Checkpoint, CopyId, Offset, ShardId};
use waymark::store::{Change, Flushed, Loaded, Store, Wanted};
use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

pub(crate) const SHARD: ShardId = ShardId(3);

pub(crate) fn copy(number: u64) -> CopyId {
    format!("{number:016x}").parse().unwrap()
}

/// The checkpoint of the first copy at a position.
pub(crate) fn at(position: i64) -> Checkpoint {
    of_copy(1, position)
}

pub(crate) fn of_copy(number: u64, position: i64) -> Checkpoint {
    let lineage = format!("{:032x}", 7).parse().unwrap();
    Checkpoint::new(lineage, copy(number), Offset(position), Timestamp::MIN)
}

pub(crate) fn minutes(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_772_370_000_000 + minutes * 60_000).unwrap()
}

/// Sets a key that had no due time.
pub(crate) fn put(key: &str, value: &str, due: Option<i64>) -> Change {
    Change {
        key: key.into(),
        value: Some(value.as_bytes().to_vec()),
        due: due.map(minutes),
        stored_due: None,
    }
}

pub(crate) fn delete(key: &str, stored_due: Option<i64>) -> Change {
    Change {
        key: key.into(),
        value: None,
        due: None,
        stored_due: stored_due.map(minutes),
    }
}

/// Begins the first copy of a shard at position 0.
pub(crate) fn begin(store: &mut impl Store, shard: ShardId) {
    assert_eq!(store.open(shard).unwrap(), None);
    assert_eq!(store.new_copy(shard, None, &at(0)).unwrap(), Flushed::Done);
}

pub(crate) fn flush(
    store: &mut impl Store,
    expected: i64,
    next: i64,
    changes: &[Change],
) -> Flushed {
    store
        .flush(SHARD, &at(expected), &at(next), changes)
        .unwrap()
}

pub(crate) fn load(
    store: &mut impl Store,
    keys: &[&str],
    due_before: Option<i64>,
    due_max: usize,
) -> Loaded {
    let keys: Vec<Key> = keys.iter().map(|key| Key::from(*key)).collect();
    let wanted = Wanted {
        keys: &keys,
        due_before: due_before.map(minutes),
        due_max,
    };
    store.load(SHARD, copy(1), &wanted).unwrap()
}

/// The value of one key.
pub(crate) fn value(store: &mut impl Store, key: &str) -> Option<String> {
    let mut loaded = load(store, &[key], None, 0);
    let value = loaded.states.remove(0).value;
    value.map(|value| String::from_utf8(value).unwrap())
}

/// `key=value` of what was loaded, `key` if there is nothing.
pub(crate) fn states(loaded: &Loaded) -> Vec<String> {
    let states = loaded.states.iter();
    let told = states.map(|state| match &state.value {
        Some(value) => format!("{}={}", state.key, String::from_utf8_lossy(value)),
        None => state.key.to_string(),
    });
    told.collect()
}

/// `minute key` of what is due.
pub(crate) fn due(loaded: &Loaded) -> Vec<String> {
    let minute = |at: Timestamp| (at.as_millis() - minutes(0).as_millis()) / 60_000;
    let due = loaded.due.iter();
    due.map(|(at, key)| format!("{} {key}", minute(*at)))
        .collect()
}

pub(crate) fn checkpoint(store: &mut impl Store) -> Checkpoint {
    let stands = store.open(SHARD).unwrap().expect("a checkpoint");
    Checkpoint::decode(&stands).unwrap()
}
