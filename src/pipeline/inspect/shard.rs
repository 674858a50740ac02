//! Where a shard stands: in its source, its changelog and the store.

use serde::Serialize;
use waymark_engine::definition::Edition;
use waymark_engine::event::Timestamp;
use waymark_engine::stage::Books;

use super::{InspectError, Inspector};
use crate::clock;
use crate::protocol::{
    Checkpoint, CopyStatus, Found, Halt, Lineage, Offset, Progress, Ruling, ShardId, Step,
    StoredCheckpoint,
};

/// Where a shard stands.
#[derive(Debug, Serialize)]
pub struct ShardReport {
    /// Which one.
    pub shard: ShardId,
    /// Identity of its history; none before its first step.
    pub lineage: Option<Lineage>,
    /// Its last step.
    pub step: Option<Step>,
    /// When the broker took it.
    pub stepped_at: Option<Timestamp>,
    /// V: the next record of the source to read.
    pub position: Option<Offset>,
    /// The group's offset, as lag tools see it.
    pub committed: Option<Offset>,
    /// The first record that the source still holds.
    pub source_start: Offset,
    /// The place after its last record.
    pub source_end: Offset,
    /// Records left to read, markers of transactions among them.
    pub lag_records: i64,
    /// Age of the next record to read.
    pub lag_seconds: Option<f64>,
    /// Where its clock stands.
    pub stream_time: Option<Timestamp>,
    /// How far the store is; none if there is no store that could be asked.
    pub store: Option<StoreReport>,
    /// How its records ended.
    pub books: Option<Books>,
    /// The definition that its last step was made by.
    pub rules: Option<Edition>,
    /// What a worker would do that takes it over now.
    pub next_owner: String,
    /// The name of the halt, if it would stand still.
    pub halt: Option<&'static str>,
}

/// How far the store is.
#[derive(Debug, Serialize)]
pub struct StoreReport {
    /// `complete`, `restoring`, `damaged`, `absent` or `unreadable`.
    pub status: &'static str,
    /// Where it stands in the changelog.
    pub position: Option<Offset>,
    /// Its step.
    pub step: Option<Step>,
    /// Of which time it is.
    pub as_of: Option<Timestamp>,
    /// Steps that it does not have yet.
    pub behind_steps: Option<u64>,
    /// Places of the changelog that it does not have yet, markers of transactions among them.
    pub behind_records: Option<i64>,
}

impl Inspector {
    /// Looks at one shard.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn shard(&mut self, shard: ShardId) -> Result<ShardReport, InspectError> {
        let (found, ruling) = self.look(shard)?;
        let last = found.progress.as_ref();
        let progress = last.and_then(|last| last.record.as_ref().ok());
        let position = progress.map(|progress| progress.position);
        Ok(ShardReport {
            shard,
            lineage: progress.map(|progress| progress.lineage),
            step: progress.map(|progress| progress.step),
            stepped_at: last.map(|last| last.appended_at),
            position,
            committed: found.committed,
            source_start: found.source.start,
            source_end: found.source.end,
            lag_records: lag(&found, position),
            lag_seconds: self.lag_seconds(shard, position, found.source.end)?,
            stream_time: progress.and_then(|progress| progress.stream_time),
            store: self
                .store
                .as_ref()
                .map(|_| StoreReport::of(&found, progress)),
            books: progress.map(|progress| progress.books.clone()),
            rules: progress.and_then(Progress::edition),
            next_owner: told(&ruling),
            halt: ruling.err().map(|halt| halt.code()),
        })
    }

    /// Returns the age of the next record to read, if there is one.
    fn lag_seconds(
        &self,
        shard: ShardId,
        position: Option<Offset>,
        end: Offset,
    ) -> Result<Option<f64>, InspectError> {
        let Some(position) = position.filter(|position| *position < end) else {
            return Ok(None);
        };
        let appended = self.source.appended_at(shard, position)?;
        Ok(appended.map(|at| clock::now().since(at).as_secs_f64()))
    }
}

fn lag(found: &Found, position: Option<Offset>) -> i64 {
    let position = position.unwrap_or(found.source.start);
    (found.source.end.0 - position.0).max(0)
}

fn told(ruling: &Result<Ruling, Halt>) -> String {
    match ruling {
        Ok(Ruling::Begin) => "begins its history".to_owned(),
        Ok(Ruling::Run { .. }) => "goes on: the store is up to date".to_owned(),
        Ok(Ruling::Copy { from }) => {
            format!("copies the changelog into the store from {from}, then goes on")
        }
        Ok(Ruling::NewCopy) => "copies the whole changelog into the store, then goes on".to_owned(),
        Err(halt) => halt.to_string(),
    }
}

impl StoreReport {
    fn of(found: &Found, progress: Option<&Progress>) -> Self {
        let without_checkpoint = |status| Self {
            status,
            position: None,
            step: None,
            as_of: None,
            behind_steps: None,
            behind_records: None,
        };
        match found.checkpoint {
            StoredCheckpoint::Absent => without_checkpoint("absent"),
            StoredCheckpoint::Unreadable => without_checkpoint("unreadable"),
            StoredCheckpoint::Present(checkpoint) => {
                let end = found.progress.as_ref().map(|last| last.offset.next());
                Self::present(&checkpoint, progress, end)
            }
        }
    }

    fn present(checkpoint: &Checkpoint, progress: Option<&Progress>, end: Option<Offset>) -> Self {
        let status = match checkpoint.status {
            CopyStatus::Complete => "complete",
            CopyStatus::Restoring => "restoring",
            CopyStatus::Damaged => "damaged",
        };
        Self {
            status,
            position: Some(checkpoint.position),
            step: Some(checkpoint.step),
            as_of: Some(checkpoint.as_of),
            behind_steps: progress
                .map(|progress| progress.step.0.saturating_sub(checkpoint.step.0)),
            behind_records: end.map(|end| (end.0 - checkpoint.position.0).max(0)),
        }
    }
}
