//! The laws, each over any store.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use waymark::protocol::{CopyStatus, ShardId};
use waymark::store::{CALL_KEYS_MAX, Change, Flushed, Store, Wanted};
use waymark_engine::stage::Key;

use crate::kit::*;

pub(crate) fn l1_a_load_shows_what_the_last_flush_has_written(store: &mut impl Store) {
    begin(store, SHARD);
    let first = [
        put("a", "1", Some(0)),
        put("b", "2", None),
        put("c", "3", Some(5)),
    ];
    assert_eq!(flush(store, 0, 10, &first), Flushed::Done);
    let mut moved = put("a", "4", Some(600));
    moved.stored_due = Some(minutes(0));
    let second = [moved, delete("c", Some(5)), put("d", "", Some(1))];
    assert_eq!(flush(store, 10, 20, &second), Flushed::Done);

    let loaded = load(store, &["b", "x", "d", "c"], Some(1_000), 100);
    assert!(at(20).is(loaded.checkpoint.as_deref()));
    assert_eq!(states(&loaded), ["b=2", "x", "d=", "c", "a=4"]);
    assert_eq!(due(&loaded), ["1 d", "600 a"]);
    assert_eq!(states(&load(store, &[], None, 100)), [""; 0]);
}

pub(crate) fn l1_due_entries_come_by_time_and_key_up_to_a_number(store: &mut impl Store) {
    begin(store, SHARD);
    let minutes_of_due = [70, 0, 10_000, 59, 60, 0, 61];
    let changes: Vec<_> = (minutes_of_due.into_iter().zip('a'..))
        .map(|(due, key)| put(&key.to_string(), "1", Some(due)))
        .collect();
    assert_eq!(flush(store, 0, 10, &changes), Flushed::Done);

    assert_eq!(due(&load(store, &[], Some(-1), 9)), [""; 0]);
    assert_eq!(
        due(&load(store, &[], Some(60), 9)),
        ["0 b", "0 f", "59 d", "60 e"]
    );
    let earliest = load(store, &["d"], Some(99_999), 3);
    assert_eq!(due(&earliest), ["0 b", "0 f", "59 d"]);
    assert_eq!(states(&earliest), ["d=1", "b=1", "f=1"]);
    assert_eq!(due(&load(store, &[], Some(99_999), usize::MAX)).len(), 7);
    assert_eq!(due(&load(store, &[], Some(99_999), 0)), [""; 0]);
}

pub(crate) fn l2_a_flush_against_another_checkpoint_writes_nothing(store: &mut impl Store) {
    begin(store, SHARD);
    assert_eq!(
        flush(store, 0, 10, &[put("a", "1", Some(0))]),
        Flushed::Done
    );
    assert_eq!(
        flush(store, 0, 20, &[put("a", "2", None), put("b", "2", Some(1))]),
        Flushed::Refused
    );
    let mut damaged = at(10);
    damaged.status = CopyStatus::Damaged;
    assert_eq!(
        store.flush(SHARD, &damaged, &at(20), &[]).unwrap(),
        Flushed::Refused
    );
    let loaded = load(store, &["a", "b"], Some(99), 9);
    assert!(at(10).is(loaded.checkpoint.as_deref()));
    assert_eq!(states(&loaded), ["a=1", "b"]);
    assert_eq!(due(&loaded), ["0 a"]);
}

pub(crate) fn l2_a_new_copy_against_another_checkpoint_changes_nothing(store: &mut impl Store) {
    assert_eq!(
        store.new_copy(SHARD, Some(b"{}"), &at(0)).unwrap(),
        Flushed::Refused
    );
    begin(store, SHARD);
    assert_eq!(
        store.new_copy(SHARD, None, &of_copy(2, 0)).unwrap(),
        Flushed::Refused
    );
    let stale = at(5).encode();
    assert_eq!(
        store.new_copy(SHARD, Some(&stale), &of_copy(2, 0)).unwrap(),
        Flushed::Refused
    );
    assert_eq!(checkpoint(store), at(0));
}

pub(crate) fn l6_a_copy_is_condemned_if_it_still_is_the_expected_one(store: &mut impl Store) {
    begin(store, SHARD);
    assert_eq!(store.condemn(SHARD, &at(5)).unwrap(), Flushed::Refused);
    assert_eq!(checkpoint(store), at(0));
    assert_eq!(store.condemn(SHARD, &at(0)).unwrap(), Flushed::Done);
    assert_eq!(checkpoint(store), at(0).damaged());
}

pub(crate) fn l4_a_late_flush_that_is_still_expected_is_done_and_only_once(store: &mut impl Store) {
    begin(store, SHARD);
    assert_eq!(
        flush(store, 0, 10, &[put("a", "1", Some(0))]),
        Flushed::Done
    );
    assert_eq!(
        flush(store, 0, 10, &[put("a", "1", Some(0))]),
        Flushed::Refused
    );
    assert_eq!(value(store, "a").as_deref(), Some("1"));
}

pub(crate) fn l4_a_late_flush_behind_another_is_refused(store: &mut impl Store) {
    begin(store, SHARD);
    // The answer to this flush was lost and nobody knows that it has not happened yet.
    let late = [put("a", "1", Some(0)), put("b", "1", None)];
    // Another worker copies the same and a later step.
    assert_eq!(
        flush(store, 0, 20, &[put("a", "2", Some(5)), put("b", "1", None)]),
        Flushed::Done
    );
    assert_eq!(flush(store, 0, 10, &late), Flushed::Refused);
    let loaded = load(store, &["a"], Some(99), 9);
    assert_eq!(
        (states(&loaded), due(&loaded)),
        (vec!["a=2".into()], vec!["5 a".into()])
    );
}

pub(crate) fn l7_keys_of_any_characters_keep_apart(store: &mut impl Store) {
    begin(store, SHARD);
    begin(store, ShardId(30));
    let prefix = format!("{{lending.customer.3}}:{}", copy(1));
    let keys = [
        "",
        " ",
        ":",
        "cp",
        "due",
        "s:",
        "due:492325",
        "{",
        "}",
        "{x}",
        "a}:cp",
        "*",
        "[a-z]?",
        "\\",
        "\"",
        "\r\n",
        "\0",
        "ä",
        "\u{10ffff}",
        &prefix,
        &format!("{prefix}:due"),
        &"long".repeat(200),
    ];
    let changes: Vec<_> = (keys.iter().enumerate())
        .map(|(n, key)| put(key, &n.to_string(), Some(i64::try_from(n).unwrap() * 40)))
        .collect();
    assert_eq!(flush(store, 0, 10, &changes), Flushed::Done);
    let loaded = load(store, &keys, Some(99_999), 99);
    let values = loaded
        .states
        .iter()
        .map(|state| state.value.clone().unwrap());
    assert!(
        values
            .enumerate()
            .all(|(n, value)| value == n.to_string().as_bytes())
    );
    let in_due_order: Vec<_> = loaded.due.iter().map(|(_, key)| &**key).collect();
    assert_eq!(in_due_order, keys);
    let elsewhere = Wanted {
        keys: &keys.map(Key::from),
        due_before: Some(minutes(99_999)),
        due_max: 9,
    };
    let elsewhere = store.load(ShardId(30), copy(1), &elsewhere).unwrap();
    assert!(elsewhere.due.is_empty() && elsewhere.states.iter().all(|state| state.value.is_none()));
}

pub(crate) fn l8_a_foreign_write_to_one_shard_refuses_that_shard_only(store: &mut impl Store) {
    let other = ShardId(4);
    begin(store, SHARD);
    begin(store, other);
    load(store, &["a"], Some(0), 1);
    // Somebody else takes the other shard a step on; then both are flushed, one right behind the other.
    assert_eq!(
        store
            .flush(other, &at(0), &at(5), &[put("a", "theirs", None)])
            .unwrap(),
        Flushed::Done
    );
    assert_eq!(
        flush(store, 0, 10, &[put("a", "ours", None)]),
        Flushed::Done
    );
    assert_eq!(
        store
            .flush(other, &at(0), &at(10), &[put("a", "ours", None)])
            .unwrap(),
        Flushed::Refused
    );
    let wanted = Wanted {
        keys: &["a".into()],
        due_before: None,
        due_max: 0,
    };
    let there = store.load(other, copy(1), &wanted).unwrap();
    assert_eq!(states(&there), ["a=theirs"]);
}

pub(crate) fn a_new_copy_is_empty_and_a_sweep_leaves_it_alone(store: &mut impl Store) {
    begin(store, SHARD);
    let old: Vec<_> = (0..500)
        .map(|n| put(&format!("old{n}"), "1", Some(n)))
        .collect();
    assert_eq!(flush(store, 0, 10, &old), Flushed::Done);
    let next = of_copy(2, 0);
    assert_eq!(
        store
            .new_copy(SHARD, Some(&at(10).encode()), &next)
            .unwrap(),
        Flushed::Done
    );
    let done = store.flush(SHARD, &next, &of_copy(2, 10), &[put("new", "1", Some(0))]);
    assert_eq!(done.unwrap(), Flushed::Done);

    let mut calls = 0;
    while store.sweep(SHARD, 100).unwrap() {
        calls += 1;
        assert!(calls < 100, "a sweep comes to its end");
    }
    let gone = load(store, &["old0", "old499"], Some(9_999), 9);
    assert_eq!(
        (states(&gone), due(&gone)),
        (vec!["old0".into(), "old499".into()], vec![])
    );
    let wanted = Wanted {
        keys: &["old0".into()],
        due_before: Some(minutes(9_999)),
        due_max: 9,
    };
    let present = store.load(SHARD, copy(2), &wanted).unwrap();
    assert_eq!(
        (states(&present), due(&present)),
        (vec!["old0".into(), "new=1".into()], vec!["0 new".into()])
    );
}

pub(crate) fn a_flush_of_more_keys_than_a_call_takes_is_whole_at_its_end(store: &mut impl Store) {
    begin(store, SHARD);
    let many = CALL_KEYS_MAX + 1;
    let minute = |n: usize| i64::try_from(n % 130_000).unwrap();
    let puts: Vec<_> = (0..many)
        .map(|n| put(&n.to_string(), "1", Some(minute(n))))
        .collect();
    assert_eq!(flush(store, 0, 10, &puts), Flushed::Done);
    assert_eq!(checkpoint(store), at(10));
    let all = load(store, &[], Some(130_000), usize::MAX);
    assert_eq!((all.due.len(), all.states.len()), (many, many));
    assert!(all.states.iter().all(|state| state.value.is_some()));

    let deletes: Vec<_> = (0..many)
        .map(|n| delete(&n.to_string(), Some(minute(n))))
        .collect();
    assert_eq!(flush(store, 10, 20, &deletes), Flushed::Done);
    let none = load(store, &["0", "20000"], Some(130_000), 9);
    assert_eq!(
        (states(&none), due(&none)),
        (vec!["0".into(), "20000".into()], vec![])
    );
}

pub(crate) fn a_part_of_a_large_flush_leaves_the_old_position_and_restoring(
    store: &mut impl Store,
) {
    begin(store, SHARD);
    let mut part = at(0);
    part.status = CopyStatus::Restoring;
    part.part = 1;
    assert_eq!(
        store
            .flush(SHARD, &at(0), &part, &[put("a", "1", None)])
            .unwrap(),
        Flushed::Done
    );
    assert_eq!(checkpoint(store), part);
    // A late part of another attempt expects the same position but not this part.
    let mut restoring = at(0);
    restoring.status = CopyStatus::Restoring;
    assert_eq!(
        store.flush(SHARD, &restoring, &at(10), &[]).unwrap(),
        Flushed::Refused
    );
    assert_eq!(
        store.flush(SHARD, &part, &at(10), &[]).unwrap(),
        Flushed::Done
    );
}

pub(crate) fn random_flushes_leave_what_a_plain_map_holds(store: &mut impl Store) {
    let seed = 20_261_122;
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |bound: u32| i64::from(chance.next_u32() % bound);
    let mut model = BTreeMap::<Key, (Vec<u8>, Option<i64>)>::new();
    begin(store, SHARD);
    for round in 0..200 {
        let mut changes = BTreeMap::new();
        for _ in 0..below(40) {
            let key = Key::from(format!("k{}", below(60)));
            let value = (below(4) > 0).then(|| below(1_000).to_string().into_bytes());
            let due = (value.is_some() && below(3) > 0).then(|| below(400)); // seven buckets
            let stored_due = model.get(&key).and_then(|(_, due)| *due).map(minutes);
            changes.insert(
                key.clone(),
                (
                    Change {
                        key,
                        value,
                        due: due.map(minutes),
                        stored_due,
                    },
                    due,
                ),
            );
        }
        for (change, due) in changes.values() {
            match &change.value {
                Some(value) => model.insert(change.key.clone(), (value.clone(), *due)),
                None => model.remove(&change.key),
            };
        }
        let changes: Vec<_> = changes.into_values().map(|(change, _)| change).collect();
        assert_eq!(flush(store, round, round + 1, &changes), Flushed::Done);

        let (before, at_most) = (below(500), usize::try_from(below(80)).unwrap());
        let mut expected: Vec<_> = (model.iter())
            .filter_map(|(key, (_, due))| Some(((*due)?, key)))
            .filter(|(due, _)| *due <= before)
            .collect();
        expected.sort_unstable();
        expected.truncate(at_most);
        let expected_due: Vec<_> = expected
            .iter()
            .map(|(at, key)| format!("{at} {key}"))
            .collect();
        let loaded = load(store, &["k7"], Some(before), at_most);
        assert_eq!(due(&loaded), expected_due, "seed {seed}, round {round}");
        for state in &loaded.states {
            let value = model.get(&state.key).map(|(value, _)| value);
            assert_eq!(
                state.value.as_ref(),
                value,
                "seed {seed}, round {round}, {}",
                state.key
            );
        }
    }
}
