//! A step at a time: gate, timers, states. That cuts change nothing is what `histories` shows.

mod causes;
mod cohorts;
mod histories;

use std::time::Duration;

use waymark_engine::event::{CustomerId, Decoded, Kind, Reason};

use super::*;
use crate::kafka::partition_of;
use crate::pipeline::stage::CustomerStage;
use crate::pipeline::worker::fixture::{Item, MAX_SKEW, Rig, event, item, submitted};
use crate::pipeline::worker::poison::Setback;
use crate::store::{Change, Flushed, Store};

const MILLISECOND: Duration = Duration::from_millis(1);

/// A shard that has taken some records; what they left waits to be flushed.
fn after(items: &[Item]) -> Rig {
    let mut rig = Rig::new(1);
    let step = rig.busy(items).expect("good");
    rig.commit(step);
    rig
}

fn first_due(rig: &Rig) -> Timestamp {
    rig.shard.unflushed.first_due().expect("something is due")
}

fn only_reason(step: &Decided) -> Reason {
    match &step.set_aside[..] {
        [(0, Outcome::DeadLettered(rejection))] => rejection.reason,
        other => panic!("one dead letter, not {other:?}"),
    }
}

#[test]
fn a_timer_fires_once_and_never_early() {
    for flushed in [false, true] {
        let mut rig = after(&[submitted(0, "a", 2)]);
        let due = first_due(&rig);
        if flushed {
            rig.flush();
        }
        let early = rig.tick(due - MILLISECOND);
        assert!(early.alerts.is_empty() && early.changes.is_empty());
        rig.commit(early);
        let on_time = rig.tick(due);
        assert_eq!((on_time.alerts.len(), on_time.changes.len()), (1, 1));
        assert_eq!(on_time.progress.stream_time, Some(due));
        rig.commit(on_time);
        let again = rig.tick(due);
        assert!(again.alerts.is_empty() && again.changes.is_empty());
    }
}

#[test]
fn an_application_is_moved_by_events_that_count_and_once_by_each() {
    let mut rig = Rig::new(1);
    let first = submitted(0, "a", 2);
    let again = Item {
        offset: Offset(1),
        ..first.clone()
    };
    let step = rig.busy(&[first, again]).expect("good");
    assert_eq!((step.books.applied, step.books.duplicate), (1, 1));
    let moves: Vec<_> = step.moves.into_iter().collect();
    assert_eq!(
        moves,
        [((Kind::ApplicationSubmitted, "submitted".into()), 1)]
    );
}

#[test]
fn what_waits_to_be_flushed_overrules_the_store() {
    let mut rig = after(&[submitted(0, "a", 2)]);
    let due = first_due(&rig);
    rig.flush();
    let body = r#"{"type":"application.withdrawn"}"#;
    let step = rig
        .busy(&[event(1, "a", "2026-03-02T10:00:00Z", body)])
        .expect("good");
    rig.commit(step);
    let tick = rig.tick(due);
    assert!(
        tick.alerts.is_empty(),
        "withdrawn, although the store does not know: {:?}",
        tick.alerts
    );
    rig.commit(tick);
    rig.flush();
    assert_eq!(rig.stored()["a"].0, rig.changelog["a"]);
}

/// Makes the index of the store tell another due time for customer `a` than the state does.
fn falsify(rig: &mut Rig, due: Timestamp) {
    let stored = rig.stored();
    let (value, right) = &stored["a"];
    let change = Change {
        key: "a".into(),
        value: Some(value.clone()),
        due: Some(due),
        stored_due: *right,
    };
    let mut next = rig.shard.checkpoint;
    next.part += 1;
    let shard = rig.shard.id;
    let done = rig
        .store
        .flush(shard, &rig.shard.checkpoint, &next, &[change]);
    assert_eq!(done.expect("memory serves"), Flushed::Done);
    rig.shard.checkpoint = next;
}

#[test]
fn a_due_entry_that_disagrees_with_its_state_fires_nothing_and_is_put_right() {
    let mut rig = after(&[submitted(0, "a", 2)]);
    let due = first_due(&rig);
    rig.flush();
    let wrong = due - Duration::from_hours(1);
    falsify(&mut rig, wrong);
    let tick = rig.tick(wrong);
    assert!(tick.alerts.is_empty());
    rig.commit(tick);
    rig.flush();
    assert_eq!(rig.stored()["a"].1, Some(due));
    assert_eq!(rig.tick(due).alerts.len(), 1);
}

#[test]
fn wrong_entries_never_keep_a_storm_from_moving_on() {
    let mut rig = after(&[submitted(0, "a", 2), submitted(1, "b", 2)]);
    let due = first_due(&rig);
    rig.flush();
    falsify(&mut rig, due - Duration::from_hours(1));
    rig.timers = 1;
    let mut alerts = 0;
    for _ in 0..4 {
        let tick = rig.tick(due);
        alerts += tick.alerts.len();
        rig.commit(tick); // nothing is flushed meanwhile
    }
    assert_eq!(alerts, 2);
}

#[test]
fn a_storm_moves_time_no_further_than_its_timers() {
    let mut rig = after(&[
        submitted(0, "a", 2),
        submitted(1, "b", 3),
        submitted(2, "c", 4),
    ]);
    rig.flush();
    rig.timers = 1;
    let due = |rig: &Rig, key: &str| rig.stored()[key].1.expect("due");
    let (first, next) = (due(&rig, "a"), due(&rig, "b"));
    let late = submitted(3, "d", 20);
    for expected in [first, next] {
        let step = rig.busy(std::slice::from_ref(&late)).expect("good");
        assert!(step.cut && step.records == 0);
        assert_eq!(step.progress.position, Offset(3));
        assert_eq!(step.progress.stream_time, Some(expected));
        rig.commit(step);
        rig.flush();
    }
}

/// Customers whose alerts a step carries, in order.
fn alerted(step: &Decided) -> Vec<&str> {
    step.alerts
        .iter()
        .filter_map(|alert| alert.customer_id.as_ref())
        .map(CustomerId::as_str)
        .collect()
}

#[test]
fn timers_of_one_moment_fire_by_key_wherever_their_states_wait() {
    let mut rig = after(&[submitted(0, "a", 2), submitted(1, "c", 2)]);
    let due = first_due(&rig);
    rig.flush();
    let step = rig
        .busy(&[submitted(2, "b", 2), submitted(3, "d", 2)])
        .expect("good");
    rig.commit(step);
    rig.timers = 1;
    for expected in [&["a"][..], &["b", "c"], &["d"]] {
        let tick = rig.tick(due);
        assert_eq!(alerted(&tick), expected);
        rig.commit(tick);
    }
}

#[test]
fn a_record_waits_for_all_timers_of_its_own_moment() {
    let mut rig = after(&[submitted(0, "a", 2), submitted(1, "b", 2)]);
    let due = first_due(&rig);
    rig.flush();
    rig.timers = 1;
    let just_then = event(
        2,
        "z",
        &due.to_string(),
        r#"{"type":"application.submitted","product":"x"}"#,
    );
    for (records, expected) in [(0, &["a"][..]), (0, &["b"]), (1, &[])] {
        let step = rig.busy(std::slice::from_ref(&just_then)).expect("good");
        assert_eq!((step.records, &alerted(&step)[..]), (records, expected));
        rig.commit(step);
    }
}

#[test]
fn a_record_ahead_of_its_time_moves_nothing() {
    let mut rig = after(&[submitted(0, "a", 2)]);
    let stream_time = rig.shard.progress.stream_time;
    let mut ahead = submitted(1, "a", 20);
    ahead.appended_at = ahead.appended_at - MAX_SKEW - MILLISECOND;
    let step = rig.busy(&[ahead]).expect("good");
    assert_eq!(only_reason(&step), Reason::TimeAhead);
    assert!(step.changes.is_empty() && step.alerts.is_empty());
    assert_eq!(step.progress.stream_time, stream_time);
    assert_eq!(step.progress.position, Offset(2));
    let mut just = submitted(1, "a", 20);
    just.appended_at = just.appended_at - MAX_SKEW;
    let step = rig.busy(&[just]).expect("good");
    assert_eq!(step.books.applied, 1);
}

/// A name of a customer who is at home in a shard of two.
fn at_home_in(shard: i32) -> String {
    let home = |name: &String| partition_of(name.as_bytes(), 2) == shard;
    (0..100)
        .map(|number| format!("c-{number}"))
        .find(home)
        .expect("murmur2 spreads")
}

#[test]
fn a_customer_of_another_shard_moves_neither_state_nor_time() {
    let mut rig = Rig::new(2);
    let step = rig.busy(&[submitted(0, &at_home_in(0), 2)]).expect("good");
    rig.commit(step);
    rig.flush();
    rig.timers = 1;
    let before = rig.shard.progress.clone();
    let step = rig.busy(&[submitted(1, &at_home_in(1), 20)]).expect("good");
    assert_eq!(only_reason(&step), Reason::WrongShard);
    assert_eq!((step.records, step.strays.misplaced), (1, 1));
    assert!(step.changes.is_empty() && step.alerts.is_empty());
    assert_eq!(step.progress.stream_time, before.stream_time);
}

#[test]
fn a_heartbeat_moves_time_in_every_shard() {
    let mut rig = Rig::new(2);
    let beat = r#"{"event_id":"h-1","occurred_at":"2026-03-05T00:00:00Z","source":"web","body":{"type":"feed.heartbeat"}}"#;
    let step = rig.busy(&[item(0, beat)]).expect("good");
    assert_eq!(step.books.applied, 1);
    assert_eq!(
        step.progress.stream_time,
        Some(Timestamp::parse("2026-03-05T00:00:00Z").expect("a time"))
    );
}

#[test]
fn a_tick_moves_stream_time_as_asked_and_never_back() {
    let mut rig = Rig::new(1);
    let at = Timestamp::parse("2026-03-05T00:00:00Z").expect("a time");
    let tick = rig.tick(at);
    assert!(tick.tick);
    assert_eq!(tick.progress.stream_time, Some(at));
    assert_eq!(tick.progress.position, rig.shard.progress.position);
    rig.commit(tick);
    let back = rig.tick(at - MAX_SKEW);
    assert_eq!(back.progress.stream_time, Some(at));
}

#[test]
fn an_unreadable_state_is_told_with_its_key() {
    let mut rig = after(&[submitted(0, "a", 2)]);
    rig.flush();
    let corrupt = |with: &Deciding<'_, CustomerStage>,
                   shard: &OwnedShard,
                   intake: &Intake<'_, Decoded>,
                   loaded: &Loaded| {
        let mut loaded = loaded.clone();
        loaded.states[0].value = Some(vec![0xFF; 3]);
        decide(with, shard, intake, &loaded)
    };
    let setback = rig.busy_by(&[submitted(1, "a", 3)], corrupt);
    let Err(Setback::Unreadable(undecided)) = setback else {
        panic!("no state")
    };
    assert_eq!(
        undecided.to_string(),
        r#"the stored state of "a" cannot be read"#
    );
}
