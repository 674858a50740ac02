//! Records that can't be taken, and what becomes of the others.

use waymark_engine::event::{ApplicationId, Decoded};
use waymark_engine::stage::Outcome;

use super::*;
use crate::pipeline::stage::CustomerStage;
use crate::pipeline::worker::decide::decide;
use crate::pipeline::worker::fixture::{Item, Rig, submitted};
use crate::protocol::Offset;

/// Decides as always, but crashes over any customer whose name begins with `bad`.
fn crash_over_bad(
    with: &Deciding<'_, CustomerStage>,
    shard: &OwnedShard,
    intake: &Intake<'_, Decoded>,
    loaded: &Loaded,
) -> Result<Decided, Undecided> {
    let is_bad = |item: &Item| match &item.decoded {
        Ok(Decoded::Event(event)) => event
            .customer
            .as_ref()
            .is_some_and(|customer| customer.as_str().starts_with("bad")),
        Ok(Decoded::Ignored { .. }) | Err(_) => false,
    };
    let decided_on = |item: &&Item| item.condemned.is_none();
    let mut items = intake.items.iter().filter(decided_on);
    assert!(!items.any(is_bad), "a bad customer");
    decide(with, shard, intake, loaded)
}

/// Takes records until all are taken; returns which were dead-lettered, and why.
fn take_all(rig: &mut Rig, items: &[Item]) -> Vec<(Offset, String)> {
    let mut rest = items;
    let mut dead = Vec::new();
    let mut setbacks = 0;
    while !rest.is_empty() {
        let step = match rig.busy_by(rest, crash_over_bad) {
            Ok(step) => step,
            Err(Setback::Again(_)) => {
                setbacks += 1;
                assert!(setbacks < 100, "for ever again");
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
        let taken = usize::try_from(step.records).expect("few");
        assert!(taken > 0 && step.cut == (taken < rest.len()));
        let next = rest.get(taken).or(rest.last()).expect("not empty").offset;
        assert!(step.progress.position >= next);
        for (place, outcome) in &step.set_aside {
            match outcome {
                Outcome::DeadLettered(why) => dead.push((rest[*place].offset, why.to_string())),
                other => panic!("{other:?}"),
            }
        }
        rest = &rest[taken..];
        rig.commit(step);
    }
    dead
}

#[test]
fn a_crash_is_an_accident_twice_and_poison_the_third_time() {
    let mut rig = Rig::new(1);
    let items = [submitted(0, "bad", 2)];
    for _ in 0..2 {
        let setback = rig.busy_by(&items, crash_over_bad).expect_err("a crash");
        assert!(matches!(setback, Setback::Again(Undecided::Crashed(_))));
    }
    let step = rig
        .busy_by(&items, crash_over_bad)
        .expect("an ordinary step");
    let [(0, Outcome::DeadLettered(why))] = &step.set_aside[..] else {
        panic!("{:?}", step.set_aside)
    };
    assert_eq!(
        why.to_string(),
        "poison: deciding a step crashed: a bad customer"
    );
    assert_eq!(step.progress.position, Offset(1));
    assert_eq!(step.progress.stream_time, None);
    assert!(step.changes.is_empty() && !step.cut);
}

#[test]
fn crashes_are_counted_for_each_step_anew() {
    let mut crashes = Crashes::default();
    assert_eq!([crashes.enter(Step(7)), crashes.enter(Step(7))], [1, 2]);
    assert_eq!(crashes.enter(Step(8)), 1);
}

#[test]
fn poison_leaves_all_others_as_if_it_had_not_been_there() {
    for bad in [vec![0], vec![4], vec![8], vec![2, 3, 7], (0..9).collect()] {
        let name = |place: &i64| {
            if bad.contains(place) {
                format!("bad-{place}")
            } else {
                format!("c-{place}")
            }
        };
        let items: Vec<Item> = (0..9)
            .map(|place| submitted(place, &name(&place), 2))
            .collect();
        let mut rig = Rig::new(1);
        let dead = take_all(&mut rig, &items);
        let offsets: Vec<i64> = dead.iter().map(|(offset, _)| offset.0).collect();
        assert_eq!(offsets, bad);
        let good: Vec<Item> = items
            .into_iter()
            .filter(|item| !bad.contains(&item.offset.0))
            .collect();
        let mut without = Rig::new(1);
        take_all(&mut without, &good);
        assert_eq!(rig.changelog, without.changelog);
        assert_eq!(
            rig.shard.progress.stream_time,
            without.shard.progress.stream_time
        );
        assert_eq!(rig.shard.progress.books.received, 9);
    }
}

#[test]
fn a_state_that_grows_too_large_sets_aside_the_record_that_does_it() {
    let mut rig = Rig::new(1);
    let small = rig.busy(&[submitted(0, "a", 2)]).expect("good");
    let bytes = small.changes[0].value.as_ref().expect("a state").len();
    rig.state_bytes_max = bytes;
    // Another application of the same customer.
    let mut second = submitted(1, "a", 2);
    if let Ok(Decoded::Event(event)) = &mut second.decoded {
        event.application = Some(ApplicationId::parse("L-2").expect("an id"));
    }
    let items = [submitted(0, "a", 2), second, submitted(2, "b", 2)];
    let dead = take_all(&mut rig, &items);
    let [(Offset(1), why)] = &dead[..] else {
        panic!("{dead:?}")
    };
    assert!(
        why.starts_with("poison: the state of \"a\" would have "),
        "{why}"
    );
    assert!(
        why.ends_with(&format!("and the changelog takes {bytes} at most")),
        "{why}"
    );
    let kept: Vec<_> = rig.changelog.keys().map(|key| &**key).collect();
    assert_eq!(kept, ["a", "b"]);
}

#[test]
fn a_crash_of_a_timer_is_no_records_fault() {
    let mut rig = Rig::new(1);
    let crash_when_time_moves = |with: &Deciding<'_, CustomerStage>,
                                 shard: &OwnedShard,
                                 intake: &Intake<'_, Decoded>,
                                 loaded: &Loaded| {
        let step = decide(with, shard, intake, loaded)?;
        assert_eq!(step.progress.stream_time, None, "time must stand still");
        Ok(step)
    };
    let items = [submitted(0, "a", 2), submitted(1, "b", 2)];
    let mut once = || rig.busy_by(&items, crash_when_time_moves);
    assert!(matches!(once(), Err(Setback::Again(_))));
    assert!(matches!(once(), Err(Setback::Again(_))));
    let Err(Setback::Halt(halt)) = once() else {
        panic!("a halt")
    };
    assert_eq!(halt.code(), "POISON_TIMER");
    assert!(
        halt.to_string().starts_with("step 1 cannot be decided"),
        "{halt}"
    );
}
