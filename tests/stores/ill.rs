//! What a Redis does when it is ill, changed by others, or not as it must be.

use std::thread;
use std::time::Duration;

use waymark::protocol::{Checkpoint, CopyStatus};
use waymark::store::{Flushed, RedisStore, Store, StoreError, Wanted};

use crate::kit::*;
use crate::server::{Server, store};

/// A server with something in it: `a`, due at minute 0, at position 10.
fn with_a_state(settings: &[&str]) -> Option<(Server, RedisStore)> {
    let server = Server::start(settings)?;
    let mut store = server.store();
    begin(&mut store, SHARD);
    assert_eq!(
        flush(&mut store, 0, 10, &[put("a", "1", Some(0))]),
        Flushed::Done
    );
    Some((server, store))
}

fn key(rest: &str) -> String {
    format!("{{lending.customer.3}}:{}:{rest}", copy(1))
}

/// The bucket of a minute.
fn bucket(minute: i64) -> String {
    key(&format!("due:{}", minutes(minute).as_millis() / 3_600_000))
}

fn damaged(mut checkpoint: Checkpoint) -> Checkpoint {
    checkpoint.status = CopyStatus::Damaged;
    checkpoint
}

#[test]
fn l4_a_flush_whose_answer_was_lost_still_happens_and_is_seen() {
    let Some((server, _)) = with_a_state(&[]) else {
        return;
    };
    let mut impatient = server.settings();
    impatient.response_timeout = Duration::from_millis(100);
    let mut store = store(impatient);
    store.open(SHARD).unwrap(); // connected
    let mut busy = server.connection();
    let sleeper =
        thread::spawn(move || redis::cmd("DEBUG").arg("SLEEP").arg("0.6").exec(&mut busy));
    thread::sleep(Duration::from_millis(100));

    let lost = store.flush(SHARD, &at(10), &at(20), &[put("b", "2", None)]);
    assert!(matches!(lost, Err(StoreError::Unknown(_))), "{lost:?}");
    sleeper.join().unwrap().unwrap();
    assert_eq!(checkpoint(&mut store), at(20));
    assert_eq!(value(&mut store, "b").as_deref(), Some("2"));
    assert_eq!(
        flush(&mut store, 10, 20, &[put("b", "2", None)]),
        Flushed::Refused
    );
}

/// A load asks for several things at once; it does not wait for each of them in turn.
#[test]
fn a_load_waits_for_a_server_that_hangs_no_longer_than_a_call_may_take() {
    let Some((server, _)) = with_a_state(&[]) else {
        return;
    };
    let mut impatient = server.settings();
    impatient.response_timeout = Duration::from_millis(500);
    let mut store = store(impatient);
    store.open(SHARD).unwrap(); // connected
    let mut busy = server.connection();
    let sleeper =
        thread::spawn(move || redis::cmd("DEBUG").arg("SLEEP").arg("1.7").exec(&mut busy));
    thread::sleep(Duration::from_millis(100));

    let wanted = Wanted {
        keys: &["a".into()],
        due_before: Some(minutes(99)),
        due_max: 9,
    };
    let late = store.load(SHARD, copy(1), &wanted);
    assert!(
        !sleeper.is_finished(),
        "it waited until the server was back"
    );
    assert!(matches!(late, Err(StoreError::Stalled(_))), "{late:?}");
    sleeper.join().unwrap().unwrap();
    assert_eq!(value(&mut store, "a").as_deref(), Some("1"));
}

#[test]
fn l6_an_index_of_due_times_that_is_not_ours_is_damage() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    let wanted = Wanted {
        keys: &[],
        due_before: Some(minutes(99)),
        due_max: 9,
    };
    for (score, member) in [("1.5", &b"b"[..]), ("7", b"\xff"), ("-1e300", b"b")] {
        let mut there = server.connection();
        let add = |command: &str| {
            let mut add = redis::cmd(command);
            add.arg(bucket(0));
            add
        };
        let () = add("ZADD").arg(score).arg(member).exec(&mut there).unwrap();
        let found = store.load(SHARD, copy(1), &wanted);
        assert!(
            matches!(found, Err(StoreError::Damaged(_))),
            "{score}: {found:?}"
        );
        let () = add("ZREM").arg(member).exec(&mut there).unwrap();
        assert_eq!(due(&load(&mut store, &[], Some(99), 9)), ["0 a"]);
    }
}

#[test]
fn l3_a_store_restored_from_an_older_dump_has_gone_back_whole_and_refuses() {
    let Some((mut server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell("SAVE");
    let mut later = put("a", "2", Some(90));
    later.stored_due = Some(minutes(0));
    assert_eq!(
        flush(&mut store, 10, 20, &[later, put("b", "2", None)]),
        Flushed::Done
    );
    server.restart();

    let first = store.flush(SHARD, &at(20), &at(30), &[put("a", "3", None)]);
    assert!(
        matches!(first, Err(StoreError::Unknown(_))),
        "its connection is gone: {first:?}"
    );
    assert_eq!(
        flush(&mut store, 20, 30, &[put("a", "3", None)]),
        Flushed::Refused
    );
    let loaded = load(&mut store, &["a", "b"], Some(99), 9);
    assert!(at(10).is(loaded.checkpoint.as_deref()));
    assert_eq!(
        (states(&loaded), due(&loaded)),
        (vec!["a=1".into(), "b".into()], vec!["0 a".into()])
    );
}

#[test]
fn l3_an_emptied_store_refuses_and_begins_anew() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell("FLUSHALL");
    assert_eq!(
        flush(&mut store, 10, 20, &[put("a", "2", None)]),
        Flushed::Refused
    );
    begin(&mut store, SHARD);
    assert_eq!(value(&mut store, "a"), None);
}

#[test]
fn l6_a_flush_that_fails_at_its_first_write_leaves_nothing_but_the_mark() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell(&format!("SET {} foreign", bucket(600)));
    let failed = store.flush(SHARD, &at(10), &at(20), &[put("b", "2", Some(600))]);
    assert!(matches!(failed, Err(StoreError::Damaged(_))), "{failed:?}");
    assert_eq!(checkpoint(&mut store), damaged(at(20)));
    assert_eq!(value(&mut store, "b"), None);
}

#[test]
fn l6_a_flush_that_fails_half_way_is_marked_in_the_same_call() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell(&format!("SET {} foreign", bucket(600)));
    let changes = [put("b", "2", Some(1)), put("c", "2", Some(600))];
    let failed = store.flush(SHARD, &at(10), &at(20), &changes);
    assert!(matches!(failed, Err(StoreError::Damaged(_))), "{failed:?}");
    assert_eq!(checkpoint(&mut store), damaged(at(20)));
    assert_eq!(
        due(&load(&mut store, &[], Some(60), 9)),
        ["0 a", "1 b"],
        "half of it is there"
    );
    assert_eq!(flush(&mut store, 10, 20, &changes), Flushed::Refused);
    let anew = store.new_copy(SHARD, Some(&damaged(at(20)).encode()), &of_copy(2, 0));
    assert_eq!(anew.unwrap(), Flushed::Done);
}

#[test]
fn l6_a_load_that_meets_something_foreign_marks_the_copy() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell(&format!("DEL {}", key("due")));
    server.tell(&format!("SET {} foreign", key("due")));
    let wanted = Wanted {
        keys: &[],
        due_before: Some(minutes(0)),
        due_max: 9,
    };
    let failed = store.load(SHARD, copy(1), &wanted);
    assert!(matches!(failed, Err(StoreError::Damaged(_))), "{failed:?}");
    assert_eq!(checkpoint(&mut store), damaged(at(10)));
}

#[test]
fn out_of_memory_writes_nothing_and_stalls_until_there_is_room() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell("CONFIG SET maxmemory 1");
    let mut moved = put("a", "2", Some(600));
    moved.stored_due = Some(minutes(0));
    for change in [moved, put("b", "2", None)] {
        let stalled = store.flush(SHARD, &at(10), &at(20), &[change]);
        assert!(
            matches!(stalled, Err(StoreError::Stalled(_))),
            "{stalled:?}"
        );
    }
    let loaded = load(&mut store, &["a", "b"], Some(999), 9);
    assert!(at(10).is(loaded.checkpoint.as_deref()));
    assert_eq!(
        (states(&loaded), due(&loaded)),
        (vec!["a=1".into(), "b".into()], vec!["0 a".into()])
    );
    server.tell("CONFIG SET maxmemory 0");
    assert_eq!(
        flush(&mut store, 10, 20, &[put("b", "2", None)]),
        Flushed::Done
    );
}

#[test]
fn a_server_that_forgot_the_script_learns_it_again() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell("SCRIPT FLUSH");
    assert_eq!(
        flush(&mut store, 10, 20, &[put("a", "1", Some(0))]),
        Flushed::Done
    );
}

#[test]
fn a_primary_that_became_a_replica_stalls_and_so_does_every_new_connection() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    server.tell("REPLICAOF 127.0.0.1 1");
    for _ in 0..2 {
        let stalled = store.flush(SHARD, &at(10), &at(20), &[put("b", "2", None)]);
        assert!(
            matches!(stalled, Err(StoreError::Stalled(_))),
            "{stalled:?}"
        );
    }
    server.tell("REPLICAOF NO ONE");
    assert_eq!(
        flush(&mut store, 10, 20, &[put("b", "2", None)]),
        Flushed::Done
    );
}

#[test]
fn a_server_that_is_away_stalls_and_is_found_again() {
    let Some((mut server, mut store)) = with_a_state(&["appendonly yes", "appendfsync always"])
    else {
        return;
    };
    server.kill();
    assert!(matches!(store.open(SHARD), Err(StoreError::Stalled(_))));
    assert!(matches!(
        store.flush(SHARD, &at(10), &at(20), &[]),
        Err(StoreError::Stalled(_))
    ));
    server.restart();
    assert_eq!(
        flush(&mut store, 10, 20, &[put("b", "2", None)]),
        Flushed::Done
    );
    assert_eq!(value(&mut store, "a").as_deref(), Some("1"));
}

#[test]
fn a_server_that_evicts_is_refused_before_anything_is_asked() {
    let Some(server) = Server::start(&["maxmemory-policy allkeys-lru"]) else {
        return;
    };
    let mut store = server.store();
    let denied = store.open(SHARD).unwrap_err();
    assert!(matches!(denied, StoreError::Denied(_)));
    let cause = std::error::Error::source(&denied).unwrap().to_string();
    assert_eq!(
        cause,
        "maxmemory-policy is allkeys-lru, it must be noeviction"
    );
    let facts = store.facts().unwrap();
    assert_eq!(facts.maxmemory_policy.as_deref(), Some("allkeys-lru"));
    assert_eq!(facts.role.as_deref(), Some("master"));
}

#[test]
fn a_user_with_the_documented_permissions_is_enough_and_a_wrong_password_is_denied() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let permissions = "+get +set +mget +mset +del +unlink +scan +zadd +zrem +zrange +zrangebyscore \
        +evalsha +script|load +info";
    server.tell(&format!(
        "ACL SETUSER waymark on >secret ~{{lending.customer.* {permissions}"
    ));
    let mut settings = server.settings();
    settings.username = Some("waymark".into());
    settings.password = Some("secret".into());
    assert!(!format!("{settings:?}").contains("secret"));
    let mut allowed = store(settings.clone());
    crate::laws::a_new_copy_is_empty_and_a_sweep_leaves_it_alone(&mut allowed);
    allowed.states(SHARD, copy(2), |_, _| {}).unwrap();

    settings.password = Some("guess".into());
    assert!(matches!(
        store(settings.clone()).open(SHARD),
        Err(StoreError::Denied(_))
    ));

    // Without INFO nobody knows whether it evicts, unless somebody says so.
    server.tell("ACL SETUSER waymark -info");
    settings.password = Some("secret".into());
    assert!(matches!(
        store(settings.clone()).open(SHARD),
        Err(StoreError::Denied(_))
    ));
    settings.assume_noeviction = true;
    assert!(store(settings).open(SHARD).unwrap().is_some());
}

#[test]
fn everything_of_a_copy_can_be_read_from_outside() {
    let Some((_server, mut store)) = with_a_state(&[]) else {
        return;
    };
    let many: Vec<_> = (0..3_000)
        .map(|n| put(&format!("{{{n}}}*"), &n.to_string(), Some(n)))
        .collect();
    assert_eq!(flush(&mut store, 10, 20, &many), Flushed::Done);
    let mut found = std::collections::BTreeMap::new();
    let show = |key: waymark_engine::stage::Key, value| drop(found.insert(key, value));
    store.states(SHARD, copy(1), show).unwrap();
    assert_eq!(found.len(), 3_001);
    assert_eq!(found["{2999}*"], b"2999");
    assert_eq!(store.due(SHARD, copy(1)).unwrap().len(), 3_001);
}

#[test]
fn a_bucket_that_is_empty_is_gone_and_leaves_no_key_behind() {
    let Some((server, mut store)) = with_a_state(&[]) else {
        return;
    };
    assert_eq!(
        flush(&mut store, 10, 20, &[delete("a", Some(0))]),
        Flushed::Done
    );
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*")
        .query(&mut server.connection())
        .unwrap();
    assert_eq!(keys, ["{lending.customer.3}:cp"]);
}

#[test]
fn l1_a_load_beside_a_busy_writer_is_of_one_moment() {
    let Some((server, mut reader)) = with_a_state(&[]) else {
        return;
    };
    let mut writer = server.store();
    let writing = thread::spawn(move || {
        for step in 1..1_000 {
            thread::sleep(Duration::from_micros(500)); // room for three readings, now and then
            let (value, due) = (step.to_string(), Some(step % 150));
            let mut changes: Vec<_> = (0..5).map(|n| put(&format!("k{n}"), &value, due)).collect();
            for change in changes.iter_mut().filter(|_| step > 1) {
                change.stored_due = Some(minutes((step - 1) % 150));
            }
            assert_eq!(
                flush(&mut writer, 9 + step, 10 + step, &changes),
                Flushed::Done
            );
        }
    });
    let mut moments = std::collections::BTreeSet::new();
    while !writing.is_finished() {
        let keys = [waymark_engine::stage::Key::from("k0")];
        let wanted = Wanted {
            keys: &keys,
            due_before: Some(minutes(150)),
            due_max: 9,
        };
        let loaded = match reader.load(SHARD, copy(1), &wanted) {
            Ok(loaded) => loaded,
            Err(StoreError::Stalled(_)) => continue, // every reading met a write
            Err(error) => panic!("{error}"),
        };
        let stands = Checkpoint::decode(&loaded.checkpoint.unwrap()).unwrap();
        let step = stands.position.0 - 10;
        let mut values = loaded.states.iter().filter(|state| &*state.key != "a");
        let expected = (step > 0).then(|| step.to_string().into_bytes());
        assert!(
            values.all(|state| state.value == expected),
            "at step {step}"
        );
        let of_step = loaded
            .due
            .iter()
            .filter(|(due, key)| **key != *"a" && *due == minutes(step % 150));
        assert_eq!(
            of_step.count(),
            if step > 0 { 5 } else { 0 },
            "at step {step}"
        );
        moments.insert(step);
    }
    writing.join().unwrap();
    assert!(
        moments.len() > 20,
        "only {} loads between the writes",
        moments.len()
    );
}
