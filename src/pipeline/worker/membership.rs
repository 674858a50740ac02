//! This worker as a member of its group: which shards are ours, how we let go of them, how we come back.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tracing::{info, warn};

use super::react::Reaction;
use super::takeover::Candidate;
use super::{Worker, WorkerError};
use crate::clock::Stopwatch;
use crate::failpoint;
use crate::pipeline::stage::Stage;
use crate::source::{Polled, Rebalanced};
use crate::telemetry::{Rebalance, ShardState};

/// How long to wait before trying again what somebody else could not answer.
const PAUSE: Duration = Duration::from_millis(250);
/// Expelled so often, within so long, we are one of two processes with the same slot, which expel each other without end. A
/// broker that dies and comes back has been seen to expel a worker once.
const EXPELLED_MAX: usize = 5;
const EXPELLED_WITHIN: Duration = Duration::from_mins(2);
/// How long a group may take to decide which shards are ours: a dead member holds it up for a session, a worker that waits
/// for a broker for some ten seconds. Each time that joining anew has not helped we wait twice as long.
const UNDECIDED: Duration = Duration::from_secs(30);
const UNDECIDED_MAX: Duration = Duration::from_mins(10);

/// Since when the group owes us a decision, and for how long it may.
#[derive(Debug)]
pub(super) struct Undecided {
    since: Option<Stopwatch>,
    patience: Duration,
}

impl Undecided {
    /// A decision is owed from now on.
    pub(super) fn owed(&mut self) {
        self.since = Some(Stopwatch::start());
    }

    /// It was made.
    fn made(&mut self) {
        (self.since, self.patience) = (None, UNDECIDED);
    }
}

impl Default for Undecided {
    fn default() -> Self {
        Self {
            since: Some(Stopwatch::start()),
            patience: UNDECIDED,
        }
    }
}

impl<S: Stage> Worker<S> {
    /// Whatever is ours now starts from nothing, also what comes straight back.
    pub(super) fn start_anew(&mut self, rebalanced: Rebalanced) {
        let shards: Vec<i32> = rebalanced.shards.iter().map(|shard| shard.0).collect();
        info!(?shards, "the group has decided which shards are ours");
        self.observed.metrics.rebalanced(rebalanced.event);
        self.flush_once();
        self.let_go();
        self.membership = rebalanced.membership;
        let candidates = rebalanced.shards.into_iter();
        self.candidates = candidates
            .map(|shard| (shard, Candidate::default()))
            .collect();
        for shard in self.candidates.keys() {
            self.show(*shard, ShardState::Recovering);
        }
        match rebalanced.event {
            Rebalance::Assigned => {
                self.observed.pulse.joined();
                self.undecided.made();
            }
            Rebalance::Revoked => self.undecided.owed(),
        }
        failpoint::here("recover.1");
    }

    /// Joins the group anew if it has decided nothing for long: after an outage a worker was seen to wait for two minutes,
    /// for a coordinator that waited for somebody who was not there. Brokers that don't answer owe nothing.
    pub(super) fn press_for_decision(&mut self) -> Result<(), Reaction> {
        let Some(since) = self.undecided.since else {
            return Ok(());
        };
        if since.elapsed() < self.undecided.patience {
            return Ok(());
        }
        self.undecided.owed();
        if self.watermarks.shards(&self.shared.source_topic).is_err() {
            return Ok(());
        }
        let waited = self.undecided.patience;
        warn!(?waited, "the group decides nothing, joining anew");
        self.undecided.patience = (waited * 2).min(UNDECIDED_MAX);
        self.let_go();
        self.take_new_client().map_err(Reaction::End)
    }

    /// Joins the group anew. After an outage the coordinator may have taken two requests of ours for two members. If
    /// another process has our slot it is expelled now and does the same, until one of the two has had enough.
    pub(super) fn rejoin(&mut self, why: String) -> Result<(), WorkerError> {
        let expelled = &mut self.expelled;
        expelled.retain(|since| since.elapsed() < EXPELLED_WITHIN);
        expelled.push(Stopwatch::start());
        if expelled.len() >= EXPELLED_MAX {
            return Err(WorkerError::Expelled(why));
        }
        warn!(why, "the group has expelled us, joining anew");
        self.let_go();
        self.take_new_client()
    }

    /// Nothing is ours any more, and we are nobody.
    pub(super) fn let_go(&mut self) {
        self.observed.pulse.left();
        let ours = self.running.keys().chain(self.candidates.keys());
        for shard in ours.chain(self.halted.keys()) {
            self.hide(*shard);
        }
        self.running.clear();
        self.candidates.clear();
        self.halted.clear();
        self.in_doubt.clear();
        self.membership = None;
    }

    /// Keeps polling while nothing can be done: the group must not take us for dead.
    ///
    /// # Errors
    /// [`WorkerError`] if the client refuses what it must always take.
    pub(super) fn pause(&mut self) -> Result<(), WorkerError> {
        self.source.assign(&[])?;
        let since = Stopwatch::start();
        while since.elapsed() < PAUSE && !self.stop.load(Ordering::Relaxed) {
            match self.source.poll(PAUSE) {
                Polled::Nothing if self.source.is_rebalanced() => return Ok(()),
                Polled::Record(_)
                | Polled::Nothing
                | Polled::OutOfRange
                | Polled::Unreadable(_)
                | Polled::Hitch(_) => {}
            }
        }
        if self.source.is_rebalanced() {
            return Ok(());
        }
        self.read_on().or_else(|reaction| match reaction {
            Reaction::End(error) => Err(error),
            _ => Ok(()),
        })
    }

    /// Reads every running shard from its V on: what was collected and not committed is read again.
    pub(super) fn read_on(&mut self) -> Result<(), Reaction> {
        let positions: Vec<_> = self
            .running
            .values()
            .map(|shard| (shard.id, shard.progress.position))
            .collect();
        self.source
            .assign(&positions)
            .map_err(|error| Reaction::End(error.into()))
    }
}
