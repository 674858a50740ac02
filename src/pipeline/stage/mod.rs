//! What one stage is to a worker: what its records mean, which of them move its clock, what its states are.
//!
//! | chapter    | what it holds                                                        |
//! | ---------- | -------------------------------------------------------------------- |
//! | `customer` | events of customers; the clock follows them, and ticks while idle    |
//! | `cohort`   | deltas, numbered; the clock is the least of all clocks upstream      |
//! | `written`  | the written forms of a record, told apart                            |
//! | `moves`    | what moves an application, for those who count                       |
//!
//! Everything else about a worker is the same for all stages. The worker and the run that checks it ask the same stage.

mod cohort;
mod customer;
mod moves;
mod written;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use rdkafka::Message;
use waymark_engine::event::{EventHash, Rejection, Text, Timestamp};
use waymark_engine::stage::{Derived, Outcome, Processor, Shard, Table};

use crate::protocol::{Offset, Progress};
use crate::registry::RegistryError;

pub(crate) use cohort::CohortStage;
pub(crate) use customer::CustomerStage;
pub(crate) use moves::Move;
pub(crate) use written::Opened;
pub use written::Schemas;

/// A stage.
pub(crate) trait Stage: Send + Sync + 'static {
    /// Its name, in names of topics and groups and as a label.
    const NAME: &'static str;
    /// Whether its shards move their clocks by themselves while there is nothing to read, and tell them downstream.
    const HAS_OWN_CLOCK: bool;
    /// Whether a state says by itself when it falls due, whatever the definition.
    const STATE_TELLS_DUE: bool;
    /// What a record means.
    type Input: Clone + fmt::Debug;
    /// What is kept for a key.
    type State: fmt::Debug;
    /// What decides.
    type Processor: Processor<State = Self::State>;
    /// What a shard knows besides its states while it takes records: it begins from the progress record and ends in it.
    type Gate: Clone + fmt::Debug;

    /// Returns what decides, which all shards share.
    fn processor(&self) -> &Arc<Self::Processor>;

    /// Reads what a record means, or why it means nothing.
    ///
    /// # Errors
    /// [`RegistryError`] if that can't be told now: the schema it was written with must be asked for.
    fn decode(
        &self,
        record: &impl Message,
    ) -> Result<Result<Self::Input, Rejection>, RegistryError>;

    /// Returns the key of the state that an input concerns, if it concerns one.
    fn key(input: &Self::Input) -> Option<&str>;

    /// Returns the hash of the event that an input tells of, if it tells of one.
    fn event(input: &Self::Input) -> Option<EventHash>;

    /// Returns the kinds of alerts that it may bring.
    fn alert_kinds(&self) -> Vec<Text>;

    /// Returns how it may move applications.
    fn moves(&self) -> Vec<Move> {
        Vec::new()
    }

    /// Returns how an input moves an application, if it does.
    fn move_of(&self, _: &Self::Input) -> Option<Move> {
        None
    }

    /// Returns the gate of a shard after a step.
    fn gate(&self, progress: &Progress) -> Self::Gate;

    /// Returns where a record would move stream time if it were taken now; none if it would leave it alone.
    fn reaches(&self, gate: &Self::Gate, item: &Item<Self::Input>) -> Option<Timestamp>;

    /// Takes down that a record was passed, for a look at what its successors would do.
    fn pass(&self, gate: &mut Self::Gate, item: &Item<Self::Input>);

    /// Takes a record from start to finish and returns how it ended.
    fn take(
        &self,
        gate: &mut Self::Gate,
        engine: &mut Shard<Arc<Self::Processor>>,
        table: &mut Table<Self::State>,
        item: &Item<Self::Input>,
        derived: &mut Derived,
    ) -> Outcome;

    /// Writes the gate into the progress record of the step that ends.
    fn leave(&self, gate: Self::Gate, progress: &mut Progress) -> Strays;

    /// Returns the stored form of a state.
    fn encode(state: &Self::State) -> Vec<u8>;

    /// Reads the stored form of a state, and when it falls due.
    ///
    /// # Errors
    /// [`Unreadable`] if it is none.
    fn read(&self, key: &str, bytes: &[u8]) -> Result<Stored<Self::State>, Unreadable>;

    /// Reads from the stored form of a state only when it falls due.
    ///
    /// # Errors
    /// [`Unreadable`] if it is none.
    fn due_of(&self, key: &str, bytes: &[u8]) -> Result<Option<Timestamp>, Unreadable>;
}

/// A record, and what it means.
#[derive(Debug, Clone)]
pub(crate) struct Item<I> {
    pub(crate) offset: Offset,
    /// When the broker appended it.
    pub(crate) appended_at: Timestamp,
    pub(crate) decoded: Result<I, Rejection>,
    /// Why it must be set aside although it can be read: deciding crashes over it.
    pub(crate) condemned: Option<Rejection>,
}

/// Records of a step that should not have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Strays {
    /// Those that belong to other shards.
    pub(crate) misplaced: u64,
    /// Those of the stage before that never came.
    pub(crate) missing: u64,
}

/// A state, and when it falls due.
pub(crate) struct Stored<S> {
    pub(crate) state: S,
    pub(crate) due: Option<Timestamp>,
}

/// Why bytes are no state.
pub(crate) type Unreadable = Box<dyn Error + Send + Sync>;
