//! Values wait under the due time that the store knows, and the last one counts.

use super::*;

fn at(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_millis(seconds * 1000).ok()
}

fn change(value: u8, due: Option<Timestamp>, stored_due: Option<Timestamp>) -> InFlight {
    InFlight {
        key: "a".into(),
        value: Some(vec![value]),
        due,
        stored_due,
    }
}

#[test]
fn the_last_value_counts_and_the_stored_due_time_is_that_of_the_first_change() {
    let mut unflushed = Unflushed::default();
    unflushed.put(change(1, at(20), at(10)));
    unflushed.put(change(2, at(30), at(20)));
    unflushed.put(change(3, None, None));
    let waits = Change {
        key: "a".into(),
        value: Some(vec![3]),
        due: None,
        stored_due: at(10),
    };
    assert_eq!(unflushed.changes(), [waits]);
}

#[test]
fn after_a_flush_the_next_change_tells_what_the_store_has_now() {
    let mut unflushed = Unflushed::default();
    unflushed.put(change(1, at(20), None));
    assert!(unflushed.age().is_some());
    unflushed.clear();
    assert!(unflushed.age().is_none());
    assert!(unflushed.get("a").is_none());
    unflushed.put(change(2, at(30), at(20)));
    assert_eq!(unflushed.changes()[0].stored_due, at(20));
}

#[test]
fn a_deleted_state_waits_like_any_other() {
    let mut unflushed = Unflushed::default();
    unflushed.put(change(1, at(20), at(10)));
    unflushed.put(InFlight {
        value: None,
        ..change(0, None, None)
    });
    assert!(unflushed.get("a").is_some_and(|it| it.value.is_none()));
    assert_eq!(unflushed.len(), 1);
}

#[test]
fn due_times_are_those_of_the_values_and_outdated_ones_those_of_the_store() {
    let mut unflushed = Unflushed::default();
    unflushed.put(change(1, at(20), at(10)));
    let due_before = |seconds| unflushed.due_before(at(seconds).expect("a time")).count();
    assert_eq!([due_before(19), due_before(20)], [0, 1]);
    assert_eq!(unflushed.first_due(), at(20));
    let outdated = |seconds| unflushed.outdated_before(at(seconds).expect("a time"));
    assert_eq!([outdated(9), outdated(10)], [0, 1]);
}
