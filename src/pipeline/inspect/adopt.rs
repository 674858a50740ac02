//! What an operator does about `OFFSETS_MOVED`: the changelog's position wins, and the group's offset is set to it.

use std::thread;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use serde::Serialize;

use super::{InspectError, Inspector};
use crate::clock::Stopwatch;
use crate::protocol::{Halt, Offset, ShardId, Step};

/// How long to wait between two tries.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What an adoption does, or would do.
#[derive(Debug, Serialize)]
pub struct Adoption {
    /// Which shard.
    pub shard: ShardId,
    /// Its last step, which stands.
    pub step: Step,
    /// The group's offset as somebody has set it; none if it has none.
    pub committed: Option<Offset>,
    /// The changelog's position, which wins.
    pub position: Offset,
}

/// Why a shard can't be adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// It can't be looked at.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It never made a step, so there is no position to go on from.
    #[error("shard {0} has made no step: there is no position to go on from")]
    NoStep(ShardId),
    /// Something else is wrong, which no offset mends.
    #[error("moving the offset would not help")]
    Other(#[source] Box<Halt>),
    /// Somebody still works.
    #[error(
        "the group still has members, waited {0:?}: stop every process of the deployment first; a worker that was killed \
         counts as a member until its session has timed out"
    )]
    Members(Duration),
    /// The coordinator does not take it.
    #[error("the offset could not be committed")]
    Commit(#[source] KafkaError),
}

impl Adoption {
    /// Returns whether there is anything to do: offsets that expired need nothing.
    pub fn is_needed(&self) -> bool {
        self.committed
            .is_some_and(|committed| committed != self.position)
    }
}

impl Inspector {
    /// Finds out what adopting a shard would mean. Changes nothing.
    ///
    /// # Errors
    /// [`AdoptError`] if something else than its offset is wrong with the shard.
    pub fn adoption(&mut self, shard: ShardId) -> Result<Adoption, AdoptError> {
        let (found, ruling) = self.look(shard)?;
        match ruling {
            Ok(_) | Err(Halt::OffsetsMoved { .. }) => {}
            Err(other) => return Err(AdoptError::Other(Box::new(other))),
        }
        let progress = found.progress.and_then(|last| last.record.ok());
        let progress = progress.ok_or(AdoptError::NoStep(shard))?;
        Ok(Adoption {
            shard,
            step: progress.step,
            committed: found.committed,
            position: progress.position,
        })
    }

    /// Sets the group's offset to the changelog's position. Waits for workers that have just gone.
    ///
    /// # Errors
    /// [`AdoptError::Members`] while somebody works: the coordinator refuses, and so it should.
    pub fn adopt(&self, adoption: &Adoption) -> Result<(), AdoptError> {
        let (patience, waited) = (self.session + LOOK_AGAIN, Stopwatch::start());
        loop {
            match self.offsets.commit(adoption.shard, adoption.position) {
                Ok(()) => return Ok(()),
                Err(error) if !has_members(&error) => return Err(AdoptError::Commit(error)),
                Err(_) if waited.elapsed() >= patience => {
                    return Err(AdoptError::Members(patience));
                }
                Err(_) => thread::sleep(LOOK_AGAIN),
            }
        }
    }
}

/// Whether the coordinator refuses because the group is at work: then only its members may commit.
fn has_members(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    matches!(
        code,
        Some(
            RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::RebalanceInProgress
        )
    )
}
