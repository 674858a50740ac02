//! One call that writes what steps have changed, built so that the script has nothing left to work out.

use std::collections::BTreeMap;

use redis::{Cmd, Script};
use waymark_engine::event::Timestamp;

use super::keys::{Keys, bucket_of};
use crate::protocol::{Checkpoint, CopyStatus};
use crate::store::Change;

/// The script that flushes.
pub(super) fn script() -> Script {
    Script::new(include_str!("flush.lua"))
}

/// The script that deletes what no longer counts.
pub(super) fn sweep_script() -> Script {
    Script::new(include_str!("sweep.lua"))
}

/// What changes in a due bucket.
#[derive(Default)]
struct Bucket<'a> {
    added: Vec<(Timestamp, &'a str)>,
    removed: Vec<&'a str>,
}

/// The call of the flush script for some changes, or for none: then it only sets the checkpoint.
pub(super) fn call(
    script: &Script,
    keys: &Keys,
    expected: &[u8],
    next: &Checkpoint,
    changes: &[Change],
) -> Cmd {
    let buckets = buckets(changes);
    let set = || {
        changes
            .iter()
            .filter_map(|it| Some((&it.key, it.value.as_ref()?)))
    };
    let deleted = || changes.iter().filter(|it| it.value.is_none());

    let mut call = redis::cmd("EVALSHA");
    call.arg(script.get_hash());
    call.arg(2 + buckets.len() + changes.len());
    call.arg(keys.checkpoint());
    call.arg(keys.directory(next.copy));
    for bucket in buckets.keys() {
        call.arg(keys.bucket(next.copy, &bucket.to_string()));
    }
    let mut state = keys.states(next.copy);
    let prefix = state.len();
    for key in set().map(|(key, _)| key).chain(deleted().map(|it| &it.key)) {
        state.truncate(prefix);
        state.push_str(key);
        call.arg(state.as_bytes());
    }

    let mut damaged = *next;
    damaged.status = CopyStatus::Damaged;
    call.arg(expected);
    call.arg(next.encode());
    call.arg(damaged.encode());
    call.arg(buckets.len());
    call.arg(set().count());
    for (bucket, Bucket { added, removed }) in &buckets {
        call.arg(bucket);
        call.arg(2 * added.len());
        for (due, key) in added {
            call.arg(due.as_millis()).arg(key);
        }
        call.arg(removed.len()).arg(removed);
    }
    for (_, value) in set() {
        call.arg(value.as_slice());
    }
    call
}

fn buckets(changes: &[Change]) -> BTreeMap<i64, Bucket<'_>> {
    let mut buckets = BTreeMap::<_, Bucket<'_>>::new();
    for change in changes {
        let due = change.due.filter(|_| change.value.is_some());
        if due == change.stored_due {
            continue;
        }
        if let Some(due) = due {
            let bucket = buckets.entry(bucket_of(due)).or_default();
            bucket.added.push((due, &change.key));
        }
        // Within a bucket the new time replaces the old one.
        if let Some(old) = change.stored_due.map(bucket_of)
            && due.map(bucket_of) != Some(old)
        {
            buckets.entry(old).or_default().removed.push(&change.key);
        }
    }
    buckets
}
