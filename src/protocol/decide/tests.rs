//! One fact for each row of the table, and those that hold the rows in their order.

use super::*;
use crate::protocol::{CopyId, Lineage, RandomIds};

const HOUR: Duration = Duration::from_hours(1);
const END: Offset = Offset(50);
const V: Offset = Offset(700);

/// Ids that count up, so that two are never the same.
struct Count(u128);

impl RandomIds for Count {
    fn bits(&mut self) -> u128 {
        self.0 += 1 << 64;
        self.0
    }
}

fn lineage(number: u128) -> Lineage {
    Lineage::new(&mut Count(number << 64))
}

fn at(hour: u32) -> Timestamp {
    Timestamp::MIN + HOUR * (1_000 + hour)
}

fn us() -> Identity {
    Identity {
        group: "loans.customer".to_owned(),
        shard: ShardId(3),
        partitions: 12,
    }
}

fn ruling(found: &Found) -> Result<Ruling, &'static str> {
    let retention = Retention {
        now: at(100),
        delete_retention: HOUR * 168,
    };
    decide(&us(), found, &retention).map_err(|halt| halt.code())
}

fn log(start: i64, end: i64) -> Range {
    Range {
        start: Offset(start),
        end: Offset(end),
    }
}

fn checkpoint() -> Checkpoint {
    let copy = CopyId::new(&mut Count(0));
    Checkpoint::new(lineage(1), copy, END, at(99))
}

/// A store at the end of its changelog: row 9.
fn running() -> Found {
    let mut progress = Progress::begin(lineage(1), "loans.customer", ShardId(3), 12, Offset(0));
    progress.position = V;
    Found {
        progress: Some(FoundProgress {
            record: Ok(progress),
            offset: Offset(END.0 - 1),
            appended_at: at(99),
        }),
        changelog: log(0, 51),
        committed: Some(V),
        source: log(600, 800),
        checkpoint: StoredCheckpoint::Present(checkpoint()),
    }
}

/// Nothing anywhere: row 1.
fn untouched() -> Found {
    Found {
        progress: None,
        changelog: log(0, 0),
        committed: None,
        checkpoint: StoredCheckpoint::Absent,
        ..running()
    }
}

fn with_progress(change: impl FnOnce(&mut Progress)) -> Found {
    let mut found = running();
    let last = found.progress.as_mut().expect("it runs");
    change(last.record.as_mut().expect("it can be read"));
    found
}

fn with_record(value: &[u8]) -> Found {
    let mut found = running();
    found.progress.as_mut().expect("it runs").record = Progress::decode(value);
    found
}

fn with_checkpoint(change: impl FnOnce(&mut Checkpoint)) -> Found {
    let mut checkpoint = checkpoint();
    change(&mut checkpoint);
    Found {
        checkpoint: StoredCheckpoint::Present(checkpoint),
        ..running()
    }
}

#[test]
fn row_1_nothing_anywhere_is_a_first_start() {
    assert_eq!(ruling(&untouched()), Ok(Ruling::Begin));
}

#[test]
fn row_1_aborted_first_steps_are_a_first_start_too() {
    let found = Found {
        changelog: log(0, 12),
        ..untouched()
    };
    assert_eq!(ruling(&found), Ok(Ruling::Begin));
}

#[test]
fn row_2_a_shard_that_has_worked_needs_its_changelog() {
    let witnesses = [
        Found {
            committed: Some(V),
            ..untouched()
        },
        Found {
            checkpoint: running().checkpoint,
            ..untouched()
        },
        Found {
            checkpoint: StoredCheckpoint::Unreadable,
            ..untouched()
        },
        Found {
            changelog: log(51, 51),
            ..untouched()
        },
    ];
    for found in witnesses {
        assert_eq!(ruling(&found), Err("CHANGELOG_MISSING"), "{found:?}");
    }
}

#[test]
fn row_3_a_changelog_of_others_is_left_alone() {
    let group = with_progress(|progress| progress.group.push('2'));
    let shard = with_progress(|progress| progress.shard = ShardId(4));
    let count = with_progress(|progress| progress.partitions = 24);
    for found in [group, shard, count] {
        assert_eq!(ruling(&found), Err("FOREIGN_CHANGELOG"), "{found:?}");
    }
}

#[test]
fn row_3_a_newer_release_is_told_from_rubbish() {
    assert_eq!(
        ruling(&with_record(br#"{"format":2}"#)),
        Err("NEWER_FORMAT")
    );
    for rubbish in ["", "{", "[]", r#"{"format":1}"#, r#"{"format":"1"}"#] {
        let found = with_record(rubbish.as_bytes());
        assert_eq!(ruling(&found), Err("FOREIGN_CHANGELOG"), "{rubbish}");
    }
}

#[test]
fn row_4_offsets_moved_by_hand_stop_the_shard() {
    for moved in [Offset(V.0 - 1), Offset(V.0 + 1)] {
        let found = Found {
            committed: Some(moved),
            ..running()
        };
        assert_eq!(ruling(&found), Err("OFFSETS_MOVED"));
    }
}

#[test]
fn row_5_expired_offsets_are_worth_a_warning_only() {
    let found = Found {
        committed: None,
        ..running()
    };
    assert!(found.offsets_expired());
    assert!(matches!(ruling(&found), Ok(Ruling::Run { .. })));
    assert!(!running().offsets_expired());
    assert!(!untouched().offsets_expired());
}

#[test]
fn row_6_the_source_must_reach_from_v_on() {
    for (source, fits) in [
        (log(701, 800), false),
        (log(700, 800), true),
        (log(600, 700), true),
        (log(600, 699), false),
    ] {
        let answer = ruling(&Found {
            source,
            ..running()
        });
        assert_eq!(answer.is_ok(), fits, "{source}");
        assert!(fits || answer == Err("SOURCE_GAP"));
    }
}

#[test]
fn row_7_states_of_another_history_are_not_overwritten() {
    for status in [
        CopyStatus::Complete,
        CopyStatus::Restoring,
        CopyStatus::Damaged,
    ] {
        let found = with_checkpoint(|checkpoint| {
            checkpoint.lineage = lineage(2);
            checkpoint.status = status;
        });
        assert_eq!(ruling(&found), Err("FOREIGN_STORE"), "{status:?}");
    }
}

#[test]
fn row_8_a_store_ahead_of_kafka_is_evidence() {
    let found = with_checkpoint(|checkpoint| checkpoint.position = END.next());
    assert_eq!(ruling(&found), Err("CHANGELOG_BEHIND_STORE"));
}

#[test]
fn row_9_a_complete_store_at_the_end_runs_however_old_it_is() {
    let old = with_checkpoint(|checkpoint| checkpoint.as_of = Timestamp::MIN);
    let cut = Found {
        changelog: log(40, 51),
        ..running()
    };
    for found in [running(), old, cut] {
        assert!(
            matches!(ruling(&found), Ok(Ruling::Run { .. })),
            "{found:?}"
        );
    }
}

#[test]
fn row_10_a_store_that_is_behind_is_copied_from_its_position() {
    for status in [CopyStatus::Complete, CopyStatus::Restoring] {
        let found = with_checkpoint(|checkpoint| {
            checkpoint.position = Offset(20);
            checkpoint.status = status;
        });
        assert_eq!(ruling(&found), Ok(Ruling::Copy { from: Offset(20) }));
    }
}

#[test]
fn row_10_needs_every_record_from_the_position_on() {
    let behind = |start| Found {
        changelog: log(start, 51),
        ..with_checkpoint(|checkpoint| checkpoint.position = Offset(20))
    };
    assert_eq!(ruling(&behind(20)), Ok(Ruling::Copy { from: Offset(20) }));
    assert_eq!(ruling(&behind(21)), Err("CHANGELOG_TRUNCATED"));
}

#[test]
fn row_11_what_is_too_old_absent_unreadable_or_damaged_is_copied_anew() {
    let absent = Found {
        checkpoint: StoredCheckpoint::read(None),
        ..running()
    };
    let unreadable = Found {
        checkpoint: StoredCheckpoint::read(Some(b"OK")),
        ..running()
    };
    let damaged = with_checkpoint(|checkpoint| checkpoint.status = CopyStatus::Damaged);
    let damaged_behind =
        with_checkpoint(|checkpoint| *checkpoint = checkpoint.chunk(Offset(20)).damaged());
    let never_finished = with_checkpoint(|checkpoint| checkpoint.status = CopyStatus::Restoring);
    let too_old = with_checkpoint(|checkpoint| {
        checkpoint.position = Offset(20);
        checkpoint.as_of = at(100) - HOUR * 84;
    });
    for found in [
        absent,
        unreadable,
        damaged,
        damaged_behind,
        never_finished,
        too_old,
    ] {
        assert_eq!(ruling(&found), Ok(Ruling::NewCopy), "{found:?}");
        let cut = Found {
            changelog: log(1, 51),
            ..found
        };
        assert_eq!(ruling(&cut), Err("CHANGELOG_TRUNCATED"), "{cut:?}");
    }
}

/// Everything is wrong at once; mending the fault of one row uncovers the next.
#[test]
fn rows_speak_in_their_order() {
    let mut found = Found {
        committed: Some(Offset(1)),
        source: log(701, 800),
        changelog: log(45, 51),
        ..with_checkpoint(|checkpoint| {
            checkpoint.lineage = lineage(2);
            checkpoint.position = END.next();
            checkpoint.as_of = Timestamp::MIN;
        })
    };
    let last = found.progress.take();
    let told = |found: &Found| ruling(found).expect_err("something is wrong");
    assert_eq!(told(&found), "CHANGELOG_MISSING");
    found.progress = last;
    found
        .progress
        .as_mut()
        .unwrap()
        .record
        .as_mut()
        .unwrap()
        .partitions = 24;
    assert_eq!(told(&found), "FOREIGN_CHANGELOG");
    found.progress = running().progress;
    assert_eq!(told(&found), "OFFSETS_MOVED");
    found.committed = None;
    assert_eq!(told(&found), "SOURCE_GAP");
    found.source = running().source;
    assert_eq!(told(&found), "FOREIGN_STORE");
    let StoredCheckpoint::Present(checkpoint) = &mut found.checkpoint else {
        unreachable!("it was put there");
    };
    checkpoint.lineage = lineage(1);
    assert_eq!(told(&found), "CHANGELOG_BEHIND_STORE");
    let StoredCheckpoint::Present(checkpoint) = &mut found.checkpoint else {
        unreachable!("it was put there");
    };
    checkpoint.position = Offset(44);
    assert_eq!(told(&found), "CHANGELOG_TRUNCATED");
    found.changelog = running().changelog;
    assert_eq!(ruling(&found), Ok(Ruling::NewCopy));
}
