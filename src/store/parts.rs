//! A flush too large for one call, cut into parts.
//!
//! Each part compares the whole checkpoint that the part before has written. All but the last leave the copy `restoring`
//! at the old position, so that a crash between two parts is mended by copying from there; a number tells their
//! checkpoints apart, else a part whose answer was lost could happen once more behind newer values.

use crate::protocol::{Checkpoint, CopyStatus};

use super::{Change, Flushed, StoreError};

/// Keys in one call at most: some 20 ms in which a Redis serves nobody else.
pub const CALL_KEYS_MAX: usize = 20_000;

/// Writes all changes, part by part, by calls of `write(expected, next, changes)`.
pub(super) fn in_parts(
    expected: &Checkpoint,
    next: &Checkpoint,
    changes: &[Change],
    mut write: impl FnMut(&Checkpoint, &Checkpoint, &[Change]) -> Result<Flushed, StoreError>,
) -> Result<Flushed, StoreError> {
    assert_eq!(expected.copy, next.copy, "a flush stays within its copy");
    assert_ne!(expected, next, "a flush changes the checkpoint");
    let mut write_part = |stands: &Checkpoint, next: &Checkpoint, part: &[Change]| {
        write(stands, next, part).map_err(|error| match error {
            // A stall says that nothing was written, which is not true of a later part.
            StoreError::Stalled(cause) if stands != expected => StoreError::Unknown(cause),
            other => other,
        })
    };
    let mut stands = *expected;
    let mut rest = changes;
    while let Some((part, behind)) = rest.split_at_checked(CALL_KEYS_MAX)
        && !behind.is_empty()
    {
        let mut meanwhile = stands;
        meanwhile.status = CopyStatus::Restoring;
        meanwhile.part += 1;
        match write_part(&stands, &meanwhile, part)? {
            Flushed::Done => (stands, rest) = (meanwhile, behind),
            Flushed::Refused => return Ok(Flushed::Refused),
        }
    }
    write_part(&stands, next, rest)
}

#[cfg(test)]
mod tests {
    use waymark_engine::event::Timestamp;

    use super::*;
    use crate::protocol::Offset;

    fn checkpoint(position: i64) -> Checkpoint {
        let (lineage, copy) = ("0".repeat(32), "0".repeat(16));
        let (lineage, copy) = (lineage.parse().unwrap(), copy.parse().unwrap());
        Checkpoint::new(lineage, copy, Offset(position), Timestamp::MIN)
    }

    fn changes(number: usize) -> Vec<Change> {
        let change = Change {
            key: "a".into(),
            value: None,
            due: None,
            stored_due: None,
        };
        vec![change; number]
    }

    #[test]
    fn parts_differ_in_their_checkpoints_and_only_the_last_moves_the_position() {
        let mut written = Vec::new();
        let many = changes(2 * CALL_KEYS_MAX + 1);
        let done = in_parts(
            &checkpoint(1),
            &checkpoint(2),
            &many,
            |expected, next, part| {
                written.push((*expected, *next, part.len()));
                Ok(Flushed::Done)
            },
        );
        assert_eq!(done.unwrap(), Flushed::Done);
        let part = |number| {
            let mut part = checkpoint(1);
            part.status = CopyStatus::Restoring;
            part.part = number;
            part
        };
        let expected = [
            (checkpoint(1), part(1), CALL_KEYS_MAX),
            (part(1), part(2), CALL_KEYS_MAX),
            (part(2), checkpoint(2), 1),
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn what_fits_in_one_call_is_one_call() {
        for number in [0, 1, CALL_KEYS_MAX] {
            let mut calls = 0;
            let done = in_parts(
                &checkpoint(1),
                &checkpoint(2),
                &changes(number),
                |_, _, part| {
                    calls += 1;
                    assert_eq!(part.len(), number);
                    Ok(Flushed::Done)
                },
            );
            assert_eq!((done.unwrap(), calls), (Flushed::Done, 1));
        }
    }

    #[test]
    fn a_stall_of_the_first_part_wrote_nothing_and_of_a_later_one_perhaps() {
        let stall_at = |stalled: usize| {
            let mut calls = 0;
            let many = changes(CALL_KEYS_MAX + 1);
            in_parts(&checkpoint(1), &checkpoint(2), &many, |_, _, _| {
                calls += 1;
                if calls == stalled {
                    return Err(StoreError::Stalled("full".into()));
                }
                Ok(Flushed::Done)
            })
        };
        assert!(matches!(stall_at(1), Err(StoreError::Stalled(_))));
        assert!(matches!(stall_at(2), Err(StoreError::Unknown(_))));
    }
}
