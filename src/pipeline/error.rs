//! Why a run stops: a variant for each different reaction.

use waymark_engine::journey::StateError;
use waymark_engine::stage::Key;

use crate::publish::PublishError;

/// Why a replay stops.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An output can't be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A stored journey can't be read back.
    #[error("the journey of customer {key:?} cannot be read back")]
    State {
        /// Whose journey.
        key: Key,
        /// What is wrong with it.
        source: StateError,
    },
}
