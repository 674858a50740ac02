//! What every stage is: inputs in, decisions out, one key at a time.
//!
//! | chapter     | what it holds                                                       |
//! | ----------- | ------------------------------------------------------------------- |
//! | `shard`     | stream time, timers and the states a step works on                  |
//! | `books`     | how many records ended how                                          |
//! | `keys`      | keys, and maps by key                                               |
//!
//! A stage itself is one [`Processor`]. Whoever drives a shard (a replay, a worker) brings the inputs and keeps the states.

mod books;
mod keys;
mod shard;

use std::sync::Arc;

use crate::derived::{Alert, Delta, Score};
use crate::event::{Rejection, Timestamp};

pub use books::Books;
pub use keys::{Key, KeyMap, KeySet};
pub use shard::{Derived, Shard, Table};

/// The heart of one stage: how the state of a key changes, and what that says to the world.
///
/// Implementations are pure: the same state, cause and time give the same decision.
pub trait Processor {
    /// What moves a state: an event, or a delta.
    type Input;
    /// What is kept for a key.
    type State;

    /// Decides what one cause means for one key.
    ///
    /// `at` is stream time. For [`Cause::Due`] it is the time the state asked to be called at.
    fn step(
        &self,
        key: &str,
        state: Option<Self::State>,
        cause: Cause<'_, Self::Input>,
        at: Timestamp,
    ) -> Decision<Self::State>;
}

/// Shards may share one processor: it keeps nothing between two calls.
impl<P: Processor + ?Sized> Processor for Arc<P> {
    type Input = P::Input;
    type State = P::State;

    fn step(
        &self,
        key: &str,
        state: Option<P::State>,
        cause: Cause<'_, P::Input>,
        at: Timestamp,
    ) -> Decision<P::State> {
        (**self).step(key, state, cause, at)
    }
}

/// Why a processor is called.
#[derive(Debug)]
pub enum Cause<'a, I> {
    /// Something happened.
    Event(&'a I),
    /// The time the state asked for has come.
    Due,
}

/// The answer of a processor.
#[must_use]
#[derive(Debug)]
pub struct Decision<S> {
    /// How the input ended; `Applied` for [`Cause::Due`].
    pub outcome: Outcome,
    /// The state from now on; `None` deletes it.
    pub state: Option<S>,
    /// When to call again although nothing happens.
    pub due: Option<Timestamp>,
    /// Transitions of alerts, in order.
    pub alerts: Vec<Alert>,
    /// Facts for the cohort stage.
    pub deltas: Vec<Delta>,
    /// Scores of days that closed.
    pub scores: Vec<Score>,
}

/// How a record ended: each in exactly one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It moved a state.
    Applied,
    /// It was seen before.
    Duplicate,
    /// It was older than its feed may be.
    Late,
    /// It is of no concern to us.
    Ignored,
    /// It was set aside.
    DeadLettered(Rejection),
}
