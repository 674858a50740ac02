//! States and due entries of one moment, in one to three readings.
//!
//! ```text
//! 1  checkpoint, the states asked for, the due buckets with something due, checkpoint      always
//! 2  what is due in those buckets, checkpoint                                             if there are any
//! 3  the states of what is due and was not asked for, checkpoint                          if there are any
//! ```
//!
//! Every write changes the checkpoint and is one atomic script, so nothing was written between the first checkpoint and an
//! equal one behind it. That needs no `MULTI`, in which a server without memory refuses even to read.

use redis::{Connection, Pipeline, RedisResult, Value};
use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Key, KeySet};

use super::connection::{part, unexpected};
use super::keys::Keys;
use crate::protocol::CopyId;
use crate::store::{Loaded, LoadedState, Wanted};

/// Buckets read at once: 64 of some 100 entries. Later ones are not needed if these hold enough.
const BUCKETS_AT_ONCE: usize = 64;

/// A shard's copy, as a reader sees it.
pub(super) struct Reader<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) keys: &'a Keys,
    pub(super) copy: CopyId,
}

impl Reader<'_> {
    /// Returns what is wanted, `None` if the checkpoint changed while reading.
    pub(super) fn load(&mut self, wanted: &Wanted<'_>) -> RedisResult<Option<Loaded>> {
        let mut first = redis::pipe();
        first.cmd("GET").arg(self.keys.checkpoint());
        self.ask_states(&mut first, wanted.keys);
        if let Some(at) = wanted.due_before {
            let directory = self.keys.directory(self.copy);
            ask_due(&mut first, &directory, at, wanted.due_max);
        }
        let (mut parts, now) = self.read(&mut first)?;
        let checkpoint: Option<Vec<u8>> = part(&mut parts)?;
        if now != checkpoint {
            return Ok(None);
        }
        let mut states = loaded(wanted.keys, &mut parts)?;
        let buckets: Vec<(String, i64)> = match wanted.due_before {
            Some(_) => part(&mut parts)?,
            None => Vec::new(),
        };
        let Some(due) = self.due(checkpoint.as_deref(), &buckets, wanted)? else {
            return Ok(None);
        };
        let mut known: KeySet<_> = wanted.keys.iter().collect();
        let unasked = due.iter().map(|(_, key)| key);
        let unasked: Vec<_> = unasked.filter(|key| known.insert(key)).cloned().collect();
        if !unasked.is_empty() {
            let mut third = redis::pipe();
            self.ask_states(&mut third, &unasked);
            let (mut parts, now) = self.read(&mut third)?;
            if now != checkpoint {
                return Ok(None);
            }
            states.extend(loaded(&unasked, &mut parts)?);
        }
        Ok(Some(Loaded {
            checkpoint,
            states,
            due,
        }))
    }

    /// Returns what is due in these buckets, which are in the order of time, and so are their entries.
    fn due(
        &mut self,
        checkpoint: Option<&[u8]>,
        buckets: &[(String, i64)],
        wanted: &Wanted<'_>,
    ) -> RedisResult<Option<Vec<(Timestamp, Key)>>> {
        let mut due = Vec::new();
        for buckets in buckets.chunks(BUCKETS_AT_ONCE) {
            let (Some(at), false) = (wanted.due_before, due.len() >= wanted.due_max) else {
                break;
            };
            let mut second = redis::pipe();
            for (bucket, _) in buckets {
                let bucket = self.keys.bucket(self.copy, bucket);
                ask_due(&mut second, &bucket, at, wanted.due_max);
            }
            let (mut parts, now) = self.read(&mut second)?;
            if now.as_deref() != checkpoint {
                return Ok(None);
            }
            for _ in buckets {
                let entries: Vec<(String, i64)> = part(&mut parts)?;
                let entries = entries.into_iter().map(|(key, due)| entry(key, due));
                due.extend(entries.collect::<RedisResult<Vec<_>>>()?);
            }
        }
        due.truncate(wanted.due_max);
        Ok(Some(due))
    }

    fn ask_states(&self, pipeline: &mut Pipeline, keys: &[Key]) {
        if keys.is_empty() {
            return; // MGET of nothing is an error
        }
        let mut state = self.keys.states(self.copy);
        let prefix = state.len();
        pipeline.cmd("MGET");
        for key in keys {
            state.truncate(prefix);
            state.push_str(key);
            pipeline.arg(state.as_bytes());
        }
    }

    /// Reads what is asked for, and then the checkpoint.
    fn read(
        &mut self,
        pipeline: &mut Pipeline,
    ) -> RedisResult<(impl Iterator<Item = Value> + use<>, Option<Vec<u8>>)> {
        pipeline.cmd("GET").arg(self.keys.checkpoint());
        let asked = pipeline.len();
        self.connection
            .send_packed_command(&pipeline.get_packed_pipeline())?;
        // One by one: the client itself would wait for the rest behind an answer that never came, each for its own time.
        let answer = |_| self.connection.recv_response()?.extract_error();
        let mut parts = (0..asked).map(answer).collect::<RedisResult<Vec<_>>>()?;
        let checkpoint = part(&mut parts.pop().into_iter())?;
        Ok((parts.into_iter(), checkpoint))
    }
}

fn ask_due(pipeline: &mut Pipeline, key: &str, at: Timestamp, at_most: usize) {
    pipeline
        .cmd("ZRANGEBYSCORE")
        .arg(key)
        .arg("-inf")
        .arg(at.as_millis());
    pipeline
        .arg("WITHSCORES")
        .arg("LIMIT")
        .arg(0)
        .arg(i64::try_from(at_most).unwrap_or(i64::MAX));
}

fn loaded(keys: &[Key], parts: &mut impl Iterator<Item = Value>) -> RedisResult<Vec<LoadedState>> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Option<Vec<u8>>> = part(parts)?;
    if values.len() != keys.len() {
        let said = format!("{} values of {} keys", values.len(), keys.len());
        return Err(unexpected("states", said));
    }
    let states = keys.iter().zip(values).map(|(key, value)| LoadedState {
        key: key.clone(),
        value,
    });
    Ok(states.collect())
}

fn entry(key: String, due: i64) -> RedisResult<(Timestamp, Key)> {
    let due = Timestamp::from_millis(due);
    let due = due.map_err(|error| unexpected("due entry", error.to_string()))?;
    Ok((due, key.into()))
}
