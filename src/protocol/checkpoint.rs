//! How far a store is: one small value for each shard, compared byte for byte by every flush.
//!
//! It is JSON, so that people and readers outside can find the present copy without our code:
//!
//! ```json
//! {"format":1,"lineage":"…","copy":"…","position":812,"status":"complete","as_of":"2026-03-01T13:00:00.000Z","step":41}
//! ```
//!
//! How it moves, and what *as-of* becomes (rule T lives by it):
//!
//! | change                                | status    | as-of                                            |
//! | ------------------------------------- | --------- | ------------------------------------------------ |
//! | [`begin_copy`](Checkpoint::begin_copy) | restoring | when the reading began                           |
//! | [`chunk`](Checkpoint::chunk)          | restoring | as it was                                        |
//! | [`complete`](Checkpoint::complete)    | complete  | when the broker took the last progress record    |
//! | [`after_flush`](Checkpoint::after_flush) | complete  | when the broker took the step's progress record |

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waymark_engine::event::Timestamp;

use super::{CopyId, Lineage, Offset, Step, StepEnd};

/// The format that this release writes and reads.
const FORMAT: u32 = 1;

/// How far the copy of a shard's states in a store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Version of this value.
    format: u32,
    /// Whose states these are.
    pub lineage: Lineage,
    /// The copy that counts; keys of any other are rubbish.
    pub copy: CopyId,
    /// Every committed change below this offset of the changelog has been applied.
    pub position: Offset,
    /// Whether the copy can be used.
    pub status: CopyStatus,
    /// Broker time: what was deleted before may be missing from the changelog once its deletions are compacted away.
    pub as_of: Timestamp,
    /// The step that the position belongs to; for people only.
    pub step: Step,
    /// Which part of a flush too large for one call was written last: no two of its checkpoints are the same. 0 and not
    /// shown otherwise.
    #[serde(default, skip_serializing_if = "is_whole")]
    pub part: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_whole(part: &u32) -> bool {
    *part == 0
}

/// Whether a copy can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CopyStatus {
    /// It is the changelog, folded up to the position.
    Complete,
    /// Being copied: parts of it are newer than its position.
    Restoring,
    /// A flush failed half-way, or a value was found to be wrong: it must be made anew.
    Damaged,
}

/// Why the bytes in a checkpoint's place are not one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CheckpointError {
    /// Not the JSON we write.
    #[error("the checkpoint cannot be read")]
    Unreadable(#[source] Arc<serde_json::Error>),
    /// Written by a newer release.
    #[error("the checkpoint has format {0}, this release knows {FORMAT}")]
    Newer(u32),
}

impl Checkpoint {
    /// A checkpoint of the present format.
    pub fn new(lineage: Lineage, copy: CopyId, position: Offset, as_of: Timestamp) -> Self {
        Self {
            format: FORMAT,
            lineage,
            copy,
            position,
            status: CopyStatus::Complete,
            as_of,
            step: Step::default(),
            part: 0,
        }
    }

    /// A copy of the whole changelog that is about to begin, with nothing in it yet.
    pub fn begin_copy(lineage: Lineage, copy: CopyId, began: Timestamp) -> Self {
        Self::new(lineage, copy, Offset(0), began).chunk(Offset(0))
    }

    /// What a chunk of a copy leaves when others follow: everything below `position` is in, and perhaps more.
    ///
    /// A flush too large for one call leaves its own old position so, until its last part.
    #[must_use]
    pub fn chunk(&self, position: Offset) -> Self {
        Self {
            position,
            status: CopyStatus::Restoring,
            ..*self
        }
    }

    /// What the last chunk of a copy leaves; `end` is the last step of the changelog.
    #[must_use]
    pub fn complete(&self, end: &StepEnd) -> Self {
        Self {
            position: end.position(),
            status: CopyStatus::Complete,
            as_of: end.appended_at,
            step: end.step,
            part: 0,
            ..*self
        }
    }

    /// What a flush leaves that takes the store up to `end`, a committed step.
    #[must_use]
    pub fn after_flush(&self, end: &StepEnd) -> Self {
        self.complete(end)
    }

    /// The same copy, known to be wrong.
    #[must_use]
    pub fn damaged(&self) -> Self {
        Self {
            status: CopyStatus::Damaged,
            ..*self
        }
    }

    /// Returns the bytes that stand in the store.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and short texts always serialise")
    }

    /// Reads what stands in the store.
    ///
    /// # Errors
    /// [`CheckpointError`] if it is damaged or newer than this release.
    pub fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format > FORMAT {
            return Err(CheckpointError::Newer(head.format));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }

    /// Returns whether these bytes, as found in a store, are this very checkpoint.
    #[must_use]
    pub fn is(&self, found: Option<&[u8]>) -> bool {
        found == Some(&*self.encode())
    }
}

fn unreadable(error: serde_json::Error) -> CheckpointError {
    CheckpointError::Unreadable(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::protocol::RandomIds;

    struct Count(u128);

    impl RandomIds for Count {
        fn bits(&mut self) -> u128 {
            self.0 += 1 << 64;
            self.0
        }
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::MIN + Duration::from_hours(hours)
    }

    fn begun() -> Checkpoint {
        let count = &mut Count(0);
        Checkpoint::begin_copy(Lineage::new(count), CopyId::new(count), at(1))
    }

    fn end() -> StepEnd {
        StepEnd {
            step: Step(41),
            offset: Offset(811),
            appended_at: at(9),
        }
    }

    #[test]
    fn a_copy_keeps_the_time_its_reading_began_until_it_is_complete() {
        let half = begun().chunk(Offset(300));
        assert_eq!((half.status, half.as_of), (CopyStatus::Restoring, at(1)));
        assert_eq!((half.position, half.step), (Offset(300), Step(0)));
        let whole = half.complete(&end());
        assert_eq!((whole.status, whole.as_of), (CopyStatus::Complete, at(9)));
        assert_eq!((whole.position, whole.step), (Offset(812), Step(41)));
        assert_eq!(whole.copy, begun().copy);
    }

    #[test]
    fn a_checkpoint_is_json_that_people_can_read() {
        let text = String::from_utf8(begun().after_flush(&end()).encode()).unwrap();
        assert_eq!(
            text,
            r#"{"format":1,"lineage":"00000000000000010000000000000000","copy":"0000000000000002","position":812,"#
                .to_owned()
                + r#""status":"complete","as_of":"1970-01-01T09:00:00.000Z","step":41}"#
        );
    }

    #[test]
    fn what_was_encoded_is_itself_and_nothing_else() {
        let checkpoint = begun().complete(&end());
        let bytes = checkpoint.encode();
        assert_eq!(Checkpoint::decode(&bytes).unwrap(), checkpoint);
        assert!(checkpoint.is(Some(&bytes)));
        assert!(!checkpoint.is(Some(&checkpoint.damaged().encode())));
        assert!(!checkpoint.is(None));
    }

    #[test]
    fn a_newer_format_and_rubbish_are_told_apart() {
        let newer = Checkpoint::decode(br#"{"format":2,"anything":[]}"#);
        assert!(matches!(newer, Err(CheckpointError::Newer(2))));
        let rubbish = Checkpoint::decode(br#"{"format":1}"#);
        assert!(matches!(rubbish, Err(CheckpointError::Unreadable(_))));
    }
}
