//! The decision table: what a new owner does with a shard, from what it found in Kafka and in the store.
//!
//! | #  | found                                                                | do                              |
//! | -- | -------------------------------------------------------------------- | ------------------------------- |
//! | 1  | no progress record, log never cut, no committed offset, no checkpoint | [`Ruling::Begin`]               |
//! | 2  | no progress record, but one of those                                 | halt `CHANGELOG_MISSING`        |
//! | 3  | progress record of another group, shard, partition count or format   | halt `FOREIGN_CHANGELOG`, `NEWER_FORMAT` |
//! | 4  | committed offset differs from V                                      | halt `OFFSETS_MOVED`            |
//! | 5  | committed offset absent                                              | go on, warn ([`Found::offsets_expired`]) |
//! | 6  | V outside the source's log                                           | halt `SOURCE_GAP`               |
//! | 7  | checkpoint of another lineage                                        | halt `FOREIGN_STORE`            |
//! | 8  | position > End                                                       | halt `CHANGELOG_BEHIND_STORE`   |
//! | 9  | complete, position = End                                             | [`Ruling::Run`]                 |
//! | 10 | position < End, young enough                                         | [`Ruling::Copy`]                |
//! | 11 | anything else: too old, absent, unreadable, damaged                  | [`Ruling::NewCopy`]             |
//!
//! First match wins. A copy of rows 10 and 11 whose first record is gone halts with `CHANGELOG_TRUNCATED` instead.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use waymark_engine::event::Timestamp;

use super::{
    Checkpoint, CopyStatus, Halt, Offset, Progress, ProgressError, ShardId, StepEnd, rules,
};

/// What a worker may do with a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Ruling {
    /// The shard's first start: commit an empty first step with a new lineage, then decide again.
    ///
    /// The store is left alone until then. A checkpoint written before the first progress record would, after a crash
    /// between the two, look like row 2.
    Begin,
    /// The store is at the end of the changelog.
    Run {
        /// What every load and flush must find.
        checkpoint: Checkpoint,
    },
    /// Copy the changelog from here to its end into the present copy.
    Copy {
        /// Position of the checkpoint.
        from: Offset,
    },
    /// Throw the copy away and copy the whole changelog into a new one.
    NewCopy,
}

/// Everything the table looks at, read after every transaction before us has ended.
#[derive(Debug, Clone)]
pub struct Found {
    /// The last progress record of the changelog's partition.
    pub progress: Option<FoundProgress>,
    /// What the changelog's partition holds.
    pub changelog: Range,
    /// C: the group's committed offset of the source's partition.
    pub committed: Option<Offset>,
    /// What the source's partition holds.
    pub source: Range,
    /// What the store says.
    pub checkpoint: StoredCheckpoint,
}

/// The last progress record, as found.
#[derive(Debug, Clone)]
pub struct FoundProgress {
    /// Its value, or why it is none.
    pub record: Result<Progress, ProgressError>,
    /// Where it stands in the changelog.
    pub offset: Offset,
    /// When the broker took it.
    pub appended_at: Timestamp,
}

/// What stands in a checkpoint's place in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredCheckpoint {
    /// Nothing: a new or emptied store.
    Absent,
    /// Bytes that this release cannot read. What the store holds is a copy, so it is copied anew, whatever it was.
    Unreadable,
    /// A checkpoint.
    Present(Checkpoint),
}

/// Offsets of a partition: the first record it still holds, and the place after its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first offset, also called log start.
    pub start: Offset,
    /// The offset that the next record gets.
    pub end: Offset,
}

/// Who we are: what a progress record of ours must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The consumer group of the stage.
    pub group: String,
    /// The shard.
    pub shard: ShardId,
    /// How many partitions the stage has.
    pub partitions: u32,
}

/// What rule T needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The present time.
    pub now: Timestamp,
    /// `delete.retention.ms` of the changelog.
    pub delete_retention: Duration,
}

/// Decides what to do with a shard.
///
/// # Errors
/// [`Halt`] if no copy could make it right; to be obeyed only after one more poll has shown that the shard is still ours.
pub fn decide(us: &Identity, found: &Found, retention: &Retention) -> Result<Ruling, Halt> {
    let Some(last) = &found.progress else {
        return without_progress(found); // rows 1 and 2
    };
    let progress = ours(us, last)?; // row 3
    source_agrees(progress, found)?; // rows 4 to 6
    let end = last.offset.next();
    let checkpoint = match found.checkpoint {
        StoredCheckpoint::Absent | StoredCheckpoint::Unreadable => return new_copy(found),
        StoredCheckpoint::Present(checkpoint) => checkpoint,
    };
    store_agrees(&checkpoint, progress, end)?; // rows 7 and 8
    if checkpoint.position == end && checkpoint.status == CopyStatus::Complete {
        return Ok(Ruling::Run { checkpoint }); // row 9
    }
    let usable = checkpoint.position < end && checkpoint.status != CopyStatus::Damaged;
    if usable && !rules::too_old(checkpoint.as_of, retention) {
        return copy_from(checkpoint.position, found); // row 10
    }
    new_copy(found) // row 11
}

/// Rows 1 and 2. A log that is not empty and yet has no progress record holds nothing but aborted steps: a worker may die
/// in its very first transaction. A log that was cut is another thing, for what was cut may have been ours.
fn without_progress(found: &Found) -> Result<Ruling, Halt> {
    let checkpoint = found.checkpoint != StoredCheckpoint::Absent;
    let never_cut = found.changelog.start == Offset(0);
    if never_cut && found.committed.is_none() && !checkpoint {
        return Ok(Ruling::Begin);
    }
    Err(Halt::ChangelogMissing {
        committed: found.committed,
        checkpoint,
        log: found.changelog,
    })
}

/// Row 3.
fn ours<'a>(us: &Identity, last: &'a FoundProgress) -> Result<&'a Progress, Halt> {
    let progress = last.record.as_ref().map_err(not_ours)?;
    let differs = |what: &str, found: &dyn fmt::Display, ours: &dyn fmt::Display| {
        Err(Halt::ForeignChangelog {
            fact: format!("its {what} is {found}, ours is {ours}"),
        })
    };
    if progress.group != us.group {
        return differs("group", &progress.group, &us.group);
    }
    if progress.shard != us.shard {
        return differs("shard", &progress.shard, &us.shard);
    }
    if progress.partitions != us.partitions {
        return differs("partition count", &progress.partitions, &us.partitions);
    }
    Ok(progress)
}

/// A record that no release can read is foreign, not newer: every release begins its records with the format, and brokers
/// check what they keep, so bytes of another shape were written by somebody else. To upgrade would not help.
fn not_ours(error: &ProgressError) -> Halt {
    match error {
        ProgressError::Newer(found) => Halt::NewerFormat {
            found: *found,
            known: Progress::FORMAT,
        },
        ProgressError::Unreadable(cause) => Halt::ForeignChangelog {
            fact: format!("{error}: {}", cause as &dyn Error),
        },
    }
}

/// Rows 4 to 6.
fn source_agrees(progress: &Progress, found: &Found) -> Result<(), Halt> {
    let position = progress.position;
    if let Some(committed) = found.committed.filter(|committed| *committed != position) {
        return Err(Halt::OffsetsMoved {
            committed,
            position,
        });
    }
    if position < found.source.start || position > found.source.end {
        return Err(Halt::SourceGap {
            position,
            source_log: found.source,
        });
    }
    Ok(())
}

/// Rows 7 and 8.
fn store_agrees(checkpoint: &Checkpoint, progress: &Progress, end: Offset) -> Result<(), Halt> {
    if checkpoint.lineage != progress.lineage {
        return Err(Halt::ForeignStore {
            found: checkpoint.lineage,
            ours: progress.lineage,
        });
    }
    if checkpoint.position > end {
        return Err(Halt::ChangelogBehindStore {
            position: checkpoint.position,
            end,
        });
    }
    Ok(())
}

fn new_copy(found: &Found) -> Result<Ruling, Halt> {
    reaches_back_to(Offset(0), found).map(|()| Ruling::NewCopy)
}

fn copy_from(from: Offset, found: &Found) -> Result<Ruling, Halt> {
    reaches_back_to(from, found).map(|()| Ruling::Copy { from })
}

/// Compaction leaves the log's start where it is; only somebody who deletes records moves it. What lay between the place a
/// copy begins at and the log's start is then unknown, so row 10 must halt as row 11 does: going on would call a copy
/// complete that misses changes.
fn reaches_back_to(needed: Offset, found: &Found) -> Result<(), Halt> {
    let start = found.changelog.start;
    if start > needed {
        return Err(Halt::ChangelogTruncated { needed, start });
    }
    Ok(())
}

impl Found {
    /// Returns whether row 5 was met: the shard has worked before, but the group's offset is gone. Worth a warning.
    pub fn offsets_expired(&self) -> bool {
        self.progress.is_some() && self.committed.is_none()
    }
}

impl FoundProgress {
    /// Returns where the step ended, if the record can be read.
    pub fn step_end(&self) -> Option<StepEnd> {
        let progress = self.record.as_ref().ok()?;
        Some(StepEnd {
            step: progress.step,
            offset: self.offset,
            appended_at: self.appended_at,
        })
    }
}

impl StoredCheckpoint {
    /// Reads what stands in the store.
    pub fn read(bytes: Option<&[u8]>) -> Self {
        match bytes.map(Checkpoint::decode) {
            None => Self::Absent,
            Some(Err(_)) => Self::Unreadable,
            Some(Ok(checkpoint)) => Self::Present(checkpoint),
        }
    }

    /// Returns whether somebody has found that the copy is wrong.
    pub fn is_damaged(&self) -> bool {
        matches!(self, Self::Present(checkpoint) if checkpoint.status == CopyStatus::Damaged)
    }
}

/// As people write it: `4 to 9`, the end not included.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests;
