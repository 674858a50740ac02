//! Why a run stops, a variant for each different reaction; and how errors are told in one line.

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

/// An error with its causes, in one line; many clients say the same thing twice.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
