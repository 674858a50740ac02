//! What must hold from one committed step to the next.

use super::*;
use crate::pipeline::worker::fixture::{Rig, submitted};
use crate::protocol::Offset;

/// A shard that has taken one step, and its next one.
fn under_way() -> (Rig, Decided) {
    let mut rig = Rig::new(1);
    let step = rig.busy(&[submitted(0, "a", 2)]).expect("good");
    rig.commit(step);
    let next = rig.busy(&[submitted(1, "b", 3)]).expect("good");
    (rig, next)
}

fn receipt(offset: i64) -> Receipt {
    Receipt {
        offset: Offset(offset),
        appended_at: Timestamp::MIN,
    }
}

#[test]
fn a_committed_step_is_where_the_shard_stands() {
    let (mut rig, step) = under_way();
    let progress = step.progress.clone();
    rig.shard.committed(step, receipt(77));
    assert_eq!(rig.shard.progress, progress);
    assert_eq!(rig.shard.end.offset, Offset(77));
    assert_eq!(rig.shard.end.step, progress.step);
    assert_eq!(rig.shard.next_checkpoint().position, Offset(78));
    assert_eq!(rig.shard.unflushed.len(), 2);
}

#[test]
#[should_panic(expected = "steps are counted without gaps")]
fn a_step_is_committed_once() {
    let (mut rig, mut step) = under_way();
    step.progress.step = rig.shard.progress.step;
    rig.shard.committed(step, receipt(77));
}

#[test]
#[should_panic(expected = "a position never falls")]
fn a_position_never_falls() {
    let (mut rig, mut step) = under_way();
    step.progress.position = Offset(0);
    rig.shard.committed(step, receipt(77));
}

#[test]
#[should_panic(expected = "progress records rise")]
fn progress_records_rise() {
    let (mut rig, step) = under_way();
    let last = rig.shard.end.offset.0;
    rig.shard.committed(step, receipt(last));
}

#[test]
fn more_than_one_record_in_a_hundred_for_other_shards_is_too_many() {
    let mut misplaced = Misplaced::default();
    misplaced.count(9_000, 100);
    assert!(misplaced.too_many().is_none());
    misplaced.count(1, 1);
    assert_eq!(
        misplaced.too_many(),
        Some(Halt::WrongPartitioner {
            wrong: 101,
            received: 9_001
        })
    );
}

#[test]
fn a_window_that_is_full_begins_anew() {
    let mut misplaced = Misplaced::default();
    misplaced.count(10_000, 100);
    misplaced.count(10_000, 100);
    assert!(misplaced.too_many().is_none());
}

#[test]
fn a_large_step_may_bring_more_of_them_as_long_as_it_is_one_in_a_hundred() {
    let mut misplaced = Misplaced::default();
    misplaced.count(9_999, 99);
    misplaced.count(20_001, 201);
    assert!(misplaced.too_many().is_none(), "one in a hundred");
    let mut misplaced = Misplaced::default();
    misplaced.count(9_999, 99);
    misplaced.count(20_001, 202);
    assert!(misplaced.too_many().is_some());
}

#[test]
fn too_many_are_not_forgotten_before_somebody_has_looked() {
    let mut misplaced = Misplaced::default();
    misplaced.count(10_000, 101);
    misplaced.count(1, 0);
    assert!(misplaced.too_many().is_some());
}

#[test]
fn a_shard_that_rests_from_ticks_says_until_when() {
    let (mut rig, _) = under_way();
    let now = Timestamp::MIN + Duration::from_hours(1);
    assert_eq!(rig.shard.ticks_rest_until(now), None);
    let wait = Duration::from_mins(10);
    rig.shard.ticks_wait = (Stopwatch::start(), wait);
    let until = rig.shard.ticks_rest_until(now).expect("it rests");
    assert!(until <= now + wait && until > now + wait / 2, "{until}");
}

#[test]
fn what_was_not_told_is_news_until_it_is_told_whether_or_not_a_step_moves_it() {
    let (mut rig, mut next) = under_way();
    next.clock_told = true;
    rig.commit(next);
    let told = rig.shard.progress.stream_time;
    assert_eq!(rig.shard.untold_for(told), None);

    let news = rig.busy(&[submitted(2, "c", 9)]).expect("good");
    rig.commit(news); // too soon after the last clock record
    let older = rig.busy(&[submitted(3, "d", 8)]).expect("good");
    assert_eq!(older.progress.stream_time, rig.shard.progress.stream_time);
    let untold_for = rig.shard.untold_for(older.progress.stream_time);
    assert!(untold_for.is_some(), "the step behind has moved nothing");
}
