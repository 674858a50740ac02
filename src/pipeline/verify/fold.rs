//! A changelog, folded to its end: the last value of each key, and where the shard stands.

use std::collections::HashMap;
use std::ops::ControlFlow;

use waymark_engine::stage::Key;

use super::VerifyError;
use crate::changelog::{ChangelogReader, Seen};
use crate::protocol::{FoundProgress, Offset, Progress, ShardId, StepEnd};

/// What a changelog says of one shard.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) shard: ShardId,
    /// The states as they stand in the changelog.
    pub(super) values: HashMap<Key, Vec<u8>>,
    /// The last step; none if the shard never made one.
    pub(super) last: Option<(Progress, StepEnd)>,
    /// What no shard would write.
    pub(super) problems: Vec<String>,
    /// Changes behind the last progress record: none, if steps are whole.
    loose: u64,
    next: Offset,
    /// The place after the last change: steps behind it have changed no state.
    pub(super) changed_until: Offset,
}

impl Fold {
    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            shard,
            values: HashMap::new(),
            last: None,
            problems: Vec::new(),
            loose: 0,
            next: Offset(0),
            changed_until: Offset(0),
        }
    }

    /// Leaves out everything below an offset: for a look at what has come since.
    pub(super) fn skip_to(&mut self, offset: Offset) {
        self.next = offset;
    }

    /// Reads on from where the last call ended, up to the end. Only there is a fold worth anything: what was compacted
    /// away before it is made good by what follows.
    pub(super) fn read_on(&mut self, reader: &ChangelogReader) -> Result<(), VerifyError> {
        let mut foreign = None;
        let mut go_on = || ControlFlow::Continue(());
        let from = self.next;
        reader.read(self.shard, from, &mut go_on, &mut |seen| {
            self.take(seen, &mut foreign);
            ControlFlow::Continue(())
        })?;
        if let Some(fact) = foreign {
            let shard = self.shard;
            return Err(VerifyError::Foreign { shard, fact });
        }
        if self.loose > 0 {
            let loose = self.loose;
            self.problems.push(format!(
                "{loose} changes stand behind the last progress record"
            ));
        }
        Ok(())
    }

    fn take(&mut self, seen: Seen<'_>, foreign: &mut Option<String>) {
        match seen {
            Seen::Change(change) => {
                self.loose += 1;
                self.next = change.offset.next();
                self.changed_until = self.next;
                match change.value {
                    Some(value) => self.values.insert(change.key.into(), value.to_vec()),
                    None => self.values.remove(change.key),
                };
            }
            Seen::Progress(found) => {
                self.loose = 0;
                self.next = found.offset.next();
                match step_of(*found) {
                    Ok((progress, end)) => self.step(progress, end),
                    Err(fact) => *foreign = Some(fact),
                }
            }
        }
    }

    /// Steps rise, positions never fall, and the history stays the same one. (Older progress records may be compacted
    /// away, so gaps say nothing.)
    fn step(&mut self, progress: Progress, end: StepEnd) {
        if let Some((before, _)) = &self.last {
            let fact = if before.lineage != progress.lineage {
                Some("begins another lineage")
            } else if before.step >= progress.step {
                Some("does not follow the step before it")
            } else if before.position > progress.position {
                Some("goes back in the source")
            } else {
                None
            };
            let problem = fact.map(|fact| {
                let (step, offset) = (progress.step, end.offset);
                format!("step {step} (offset {offset} of the changelog) {fact}")
            });
            self.problems.extend(problem);
        }
        self.last = Some((progress, end));
    }
}

fn step_of(found: FoundProgress) -> Result<(Progress, StepEnd), String> {
    let (offset, appended_at) = (found.offset, found.appended_at);
    let progress = found.record.map_err(|error| error.to_string())?;
    let step = progress.step;
    let end = StepEnd {
        step,
        offset,
        appended_at,
    };
    Ok((progress, end))
}
