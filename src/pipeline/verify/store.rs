//! Every value in the store against the changelog, and the index of due times against the states.
//!
//! The store follows the changelog: the two are compared at a moment when its checkpoint stands behind the last change. A
//! deployment that is busy may never offer one; then the verdict is not whole.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use waymark_engine::event::Timestamp;
use waymark_engine::stage::Key;

use super::compare::readable;
use super::fold::Fold;
use super::verdict::{Described, Sort, StoreLook, Verdict, Wrong};
use super::{Scope, VerifyError};
use crate::changelog::ChangelogReader;
use crate::pipeline::error::told;
use crate::pipeline::stage::Stage;
use crate::protocol::{Checkpoint, CopyId, CopyStatus, ShardId};
use crate::store::{Flushed, RedisStore, Store, StoreError};

/// Looks before we give up on a store that is always elsewhere.
const LOOKS: u32 = 20;
/// Between two looks: a flush comes some 200 ms after its step.
const PAUSE: Duration = Duration::from_millis(150);

/// What a reading of the store has found, before it is known to count.
#[derive(Default)]
struct Found {
    /// Keys that differ, are missing or are nobody's.
    wrong: Vec<(Wrong, Described)>,
    compared: u64,
}

/// Compares the copy of a shard with its changelog; `fold` is read on until the two stand at the same place.
///
/// The index of due times is left out where it takes a definition to know what it should be, and any may have been in force:
/// of a state that nothing has touched since, it holds what the one before said.
pub(super) fn compare<S: Stage>(
    stage: &S,
    store: &mut RedisStore,
    reader: &ChangelogReader,
    fold: &mut Fold,
    verdict: &mut Verdict,
) -> Result<StoreLook, VerifyError> {
    let dues = S::STATE_TELLS_DUE || verdict.scope == Scope::Everything;
    let mut why = String::new();
    for _ in 0..LOOKS {
        fold.read_on(reader)?;
        let bytes = store.open(fold.shard)?;
        match quiet(bytes.as_deref(), fold) {
            Ok(copy) => {
                let found = match look(stage, store, fold, copy, dues) {
                    Err(VerifyError::Store(StoreError::Damaged(cause))) => {
                        verdict.wrong(Sort::Store, Wrong::Different, || Described {
                            which: format!("{} states in the store, shard {}", S::NAME, fold.shard),
                            expected: Some("a copy that can be read".to_owned()),
                            found: Some(told(&*cause)),
                        });
                        return Ok(StoreLook::Compared);
                    }
                    found => found?,
                };
                // The same checkpoint before and behind: what we read is of one moment.
                if store.open(fold.shard)? == bytes {
                    verdict.store.expected += found.compared;
                    for (wrong, described) in found.wrong {
                        verdict.wrong(Sort::Store, wrong, || described);
                    }
                    return Ok(StoreLook::Compared);
                }
                "it is being written".clone_into(&mut why);
            }
            Err(reason) => why = reason,
        }
        thread::sleep(PAUSE);
    }
    Ok(StoreLook::NotCompared(why))
}

/// Marks the copy of a shard as damaged, so that its owner copies the changelog anew; returns whether it stands.
pub(super) fn condemn(store: &mut RedisStore, shard: ShardId) -> Result<bool, VerifyError> {
    let Some(bytes) = store.open(shard)? else {
        return Ok(false);
    };
    let Ok(checkpoint) = Checkpoint::decode(&bytes) else {
        return Ok(true); // as good as damaged
    };
    let condemned = store.new_copy(shard, Some(&bytes), &checkpoint.damaged())?;
    Ok(condemned == Flushed::Done)
}

/// Returns the copy to compare, or why there is none at present.
fn quiet(bytes: Option<&[u8]>, fold: &Fold) -> Result<CopyId, String> {
    let last = fold.last.as_ref();
    let (progress, end) = last.expect("nobody compares a shard that has made no step");
    let bytes = bytes.ok_or("it has no checkpoint of the shard")?;
    let checkpoint = Checkpoint::decode(bytes).map_err(|error| error.to_string())?;
    if checkpoint.lineage != progress.lineage {
        return Err("its checkpoint is of another lineage".to_owned());
    }
    if checkpoint.status != CopyStatus::Complete {
        return Err("its copy is not complete".to_owned());
    }
    let (at, end) = (checkpoint.position, end.position());
    if at > end {
        return Err(format!(
            "it stands at {at} of the changelog, which ends at {end}"
        ));
    }
    // Steps that change no state need not be flushed.
    if at < fold.changed_until {
        return Err(format!(
            "it stands at {at} of the changelog, which ends at {end}: its owner runs, or has to run once more"
        ));
    }
    Ok(checkpoint.copy)
}

fn look<S: Stage>(
    stage: &S,
    store: &mut RedisStore,
    fold: &Fold,
    copy: CopyId,
    dues: bool,
) -> Result<Found, VerifyError> {
    let mut found = Found::default();
    let of = Of { stage, fold };
    let mut seen: HashSet<Key> = HashSet::new();
    store.states(fold.shard, copy, |key, value| {
        if seen.insert(key.clone()) {
            found.value(&of, &key, &value);
        }
    })?;
    for (key, value) in &fold.values {
        if !seen.contains(key) {
            found.wrong(
                Wrong::Lost,
                of.state(key),
                Some(of.readable(key, value)),
                None,
            );
        }
    }
    if dues {
        found.due(&of, &store.due(fold.shard, copy)?);
    }
    Ok(found)
}

impl Found {
    fn value<S: Stage>(&mut self, of: &Of<'_, S>, key: &Key, value: &[u8]) {
        self.compared += 1;
        match of.fold.values.get(key) {
            Some(expected) if expected == value => {}
            Some(expected) => self.wrong(
                Wrong::Different,
                of.state(key),
                Some(of.readable(key, expected)),
                Some(of.readable(key, value)),
            ),
            None => self.wrong(
                Wrong::Unknown,
                of.state(key),
                None,
                Some(of.readable(key, value)),
            ),
        }
    }

    /// I9: the index of due times says what the states say.
    fn due<S: Stage>(&mut self, of: &Of<'_, S>, index: &[(Timestamp, Key)]) {
        let states = of.fold.values.iter();
        let mut expected: HashSet<(Timestamp, &Key)> = states
            .filter_map(|(key, value)| Some((of.stage.due_of(key, value).ok()??, key)))
            .collect();
        self.compared += expected.len() as u64;
        for (due, key) in index {
            if !expected.remove(&(*due, key)) {
                self.wrong(Wrong::Unknown, of.due(key), None, Some(due.to_string()));
            }
        }
        for (due, key) in expected {
            self.wrong(Wrong::Lost, of.due(key), Some(due.to_string()), None);
        }
    }

    fn wrong(
        &mut self,
        wrong: Wrong,
        which: String,
        expected: Option<String>,
        found: Option<String>,
    ) {
        self.wrong.push((
            wrong,
            Described {
                which,
                expected,
                found,
            },
        ));
    }
}

/// What the store is held against.
struct Of<'a, S> {
    stage: &'a S,
    fold: &'a Fold,
}

impl<S: Stage> Of<'_, S> {
    fn state(&self, key: &Key) -> String {
        format!("{} {key} in the store, shard {}", S::NAME, self.fold.shard)
    }

    fn due(&self, key: &Key) -> String {
        format!("due time of {}", self.state(key))
    }

    fn readable(&self, key: &Key, bytes: &[u8]) -> String {
        readable(self.stage, key, bytes)
    }
}
