//! Committed values on their way into the store: write-behind, coalesced, compare-and-set on the checkpoint.
//!
//! A flush that is refused or whose answer is lost is never repeated blindly: the shard's memory is dropped, and recovery
//! reads how far the store is.

use std::time::Duration;

use tracing::warn;

use super::Worker;
use super::react::Reaction;
use crate::clock::Stopwatch;
use crate::failpoint;
use crate::pipeline::error::told;
use crate::pipeline::stage::Stage;
use crate::protocol::ShardId;
use crate::store::{Flushed, StoreError};
use crate::telemetry;

/// Keys looked at in one sweep.
const SWEEP_KEYS: usize = 1_000;

/// How long the checkpoint may stay behind steps that changed nothing.
const CATCH_UP: Duration = Duration::from_secs(1);

impl<S: Stage> Worker<S> {
    /// Flushes every shard if too many keys wait, else those that wait too long.
    pub(super) fn flush_what_is_due(&mut self) -> Result<(), Reaction> {
        let limits = &self.shared.flush;
        let waiting: usize = self
            .running
            .values()
            .map(|shard| shard.unflushed.len())
            .sum();
        let full = waiting > limits.keys;
        let due: Vec<ShardId> = self
            .running
            .values()
            .filter(|shard| match shard.unflushed.age() {
                Some(age) => full || age >= limits.age,
                // Steps without changes move the position all the same: a checkpoint must not grow old.
                None => shard.flushed.elapsed() >= CATCH_UP,
            })
            .map(|shard| shard.id)
            .collect();
        for shard in due {
            match self.flush(shard) {
                // Nothing was written; the values wait, as long as there is room. So would the next shard, for an answer.
                Err(Reaction::Again(cause)) if !full => {
                    if self.stalled.is_none() {
                        warn!(%shard, cause, "the store stalls");
                    }
                    break;
                }
                flushed => flushed?,
            }
        }
        Ok(())
    }

    /// Deletes some keys of copies that no longer count; a few in each turn, so that no step waits long for it.
    pub(super) fn sweep(&mut self) {
        let Some(shard) = self.running.values_mut().find(|shard| shard.rubbish) else {
            return;
        };
        // What can't be swept now harms nobody: the next new copy sweeps it too.
        shard.rubbish = self.store.sweep(shard.id, SWEEP_KEYS).unwrap_or(false);
    }

    /// Flushes every shard once, unless the store stalls: what it misses, the next owner copies.
    pub(super) fn flush_once(&mut self) {
        let shards: Vec<ShardId> = self.running.keys().copied().collect();
        for shard in shards {
            if let Err(reaction) = self.flush(shard) {
                warn!(%shard, ?reaction, "the last flush of a shard was not done");
                if matches!(reaction, Reaction::Again(_)) {
                    break;
                }
            }
        }
    }

    fn flush(&mut self, id: ShardId) -> Result<(), Reaction> {
        let Some(shard) = self.running.get_mut(&id) else {
            return Ok(());
        };
        let next = shard.next_checkpoint();
        if next == shard.checkpoint {
            return Ok(());
        }
        let changes = shard.unflushed.changes();
        failpoint::here("step.11");
        let took = Stopwatch::start();
        let flushed = self.store.flush(id, &shard.checkpoint, &next, &changes);
        let metrics = &self.observed.metrics;
        metrics.flushed(label(&flushed), changes.len() as u64, took.elapsed());
        failpoint::here("step.11.flushed");
        match flushed {
            Ok(Flushed::Done) => {
                shard.checkpoint = next;
                shard.unflushed.clear();
                shard.flushed = Stopwatch::start();
                Ok(())
            }
            Ok(Flushed::Refused) => {
                let cause = "a flush was refused: somebody else wrote to the store";
                Err(Reaction::Recover(id, cause.into()))
            }
            Err(stalled @ StoreError::Stalled(_)) => Err(Reaction::Again(told(&stalled))),
            Err(doubt) => Err(Reaction::Recover(id, told(&doubt))),
        }
    }
}

fn label(flushed: &Result<Flushed, StoreError>) -> telemetry::Flushed {
    match flushed {
        Ok(Flushed::Done) => telemetry::Flushed::Done,
        Ok(Flushed::Refused) => telemetry::Flushed::Refused,
        Err(StoreError::Unknown(_)) => telemetry::Flushed::Unknown,
        Err(StoreError::Stalled(_) | StoreError::Damaged(_) | StoreError::Denied(_)) => {
            telemetry::Flushed::Failed
        }
    }
}
