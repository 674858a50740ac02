//! What a worker does about what went wrong: one [`Reaction`] for each sort of trouble, whatever its cause.
//!
//! Nothing here looks for the cause. Whoever meets trouble says what must be done about it, and here it is done.

use tracing::{error, warn};

use super::collect::Uncollected;
use super::commit::Doubt;
use super::takeover::Candidate;
use super::{Worker, WorkerError};
use crate::clock::Stopwatch;
use crate::failpoint;
use crate::pipeline::error::told;
use crate::pipeline::stage::Stage;
use crate::protocol::{Halt, ShardId};
use crate::publish::PublishDoubt;
use crate::telemetry::ShardState;

/// What to do about something that went wrong in a turn.
#[derive(Debug)]
pub(super) enum Reaction {
    /// The group has decided something: nothing is ours until the next turn has looked at it.
    StartAnew,
    /// Nothing has happened: drop what was collected and, after a pause, read it again.
    Again(String),
    /// Forget what we know of a shard and recover it.
    Recover(ShardId, String),
    /// The same for all shards: it is not known which one it concerns.
    RecoverAll(String),
    /// The outcome of a transaction is in doubt: forget everything, take a new producer, recover all shards.
    Recycle(Doubt),
    /// A shard must stand still.
    Halt(ShardId, Halt),
    /// The group says that we are no member of it.
    Expelled(String),
    /// This worker is of no use any more.
    End(WorkerError),
}

impl<S: Stage> Worker<S> {
    /// Does what has to be done; the next turn goes on from there.
    ///
    /// # Errors
    /// [`WorkerError`] if this worker is of no use any more.
    pub(super) fn react(&mut self, reaction: Reaction) -> Result<(), WorkerError> {
        match reaction {
            Reaction::StartAnew => {}
            Reaction::Again(cause) => {
                if self.stalled.as_ref() != Some(&cause) {
                    warn!(cause, "trying again until it works");
                }
                self.show_stalled(cause);
                self.pause()?;
            }
            Reaction::Recover(shard, cause) => {
                warn!(%shard, cause, "recovering a shard");
                failpoint::here("step.12");
                self.running.remove(&shard);
                self.candidates.insert(shard, Candidate::default());
                self.show(shard, ShardState::Recovering);
            }
            Reaction::RecoverAll(cause) => {
                warn!(cause, "recovering all shards");
                self.forget_all_and_recover();
            }
            Reaction::Recycle(doubt) => {
                self.observed.metrics.recycled(doubt.cause());
                if doubt.is_unanswered() {
                    self.unanswered = Some(Stopwatch::start());
                }
                warn!(
                    cause = told(&doubt),
                    "a transaction is in doubt, taking a new producer"
                );
                self.transactions.discard();
                self.forget_all_and_recover();
                failpoint::here("step.10");
            }
            Reaction::Halt(shard, halt) => {
                self.halt(shard, halt);
                if let Err(reaction) = self.read_on() {
                    warn!(?reaction, "reading on after a halt");
                    self.pause()?;
                }
            }
            Reaction::Expelled(why) => self.rejoin(why)?,
            Reaction::End(error) => return Err(error),
        }
        Ok(())
    }

    /// Halts whatever is ours.
    pub(super) fn halt_all(&mut self, halt: &Halt) -> Result<(), Reaction> {
        let ours = self.running.keys().chain(self.candidates.keys());
        let ours: Vec<_> = ours.copied().collect();
        for shard in &ours {
            self.halt(*shard, halt.clone());
        }
        if ours.is_empty() {
            Ok(())
        } else {
            self.read_on()
        }
    }

    /// Halts a shard: it stands still until somebody acts.
    pub(super) fn halt(&mut self, shard: ShardId, halt: Halt) {
        error!(%shard, halt = halt.code(), "{halt}");
        self.show_halt(shard, &halt);
        self.running.remove(&shard);
        self.candidates.remove(&shard);
        self.halted.insert(shard, halt);
    }

    /// Halts a shard whose records belong elsewhere too often.
    pub(super) fn halt_wrong_partitioners(&mut self) -> Result<(), Reaction> {
        let wrong = self.running.values().find_map(|shard| {
            let halt = shard.misplaced.too_many()?;
            Some((shard.id, halt))
        });
        wrong.map_or(Ok(()), |(shard, halt)| Err(Reaction::Halt(shard, halt)))
    }

    fn forget_all_and_recover(&mut self) {
        for shard in std::mem::take(&mut self.running).into_keys() {
            self.candidates.insert(shard, Candidate::default());
            self.show(shard, ShardState::Recovering);
        }
    }
}

impl From<Uncollected> for Reaction {
    fn from(why: Uncollected) -> Self {
        match why {
            Uncollected::Rebalanced => Reaction::StartAnew,
            Uncollected::OutOfRange => {
                Reaction::RecoverAll("the source does not hold a position of ours".into())
            }
            Uncollected::Registry(error) => Reaction::Again(told(&error)),
        }
    }
}

impl From<PublishDoubt> for Reaction {
    fn from(doubt: PublishDoubt) -> Self {
        Reaction::Recycle(doubt.into())
    }
}
