//! Stories: behaviour told as files that a person from support can read, and held by running them.
//!
//! ```text
//! file ─► raw: as typed ─► load: as meant, every time known ─► run, on the engine of a replay ─► Report
//! ```
//!
//! | chapter | what it holds                                                      |
//! | ------- | ------------------------------------------------------------------ |
//! | `raw`   | the YAML file as typed                                             |
//! | `load`  | from as typed to as meant; the definition                          |
//! | `time`  | the clock of a story, times and lengths of time                    |
//! | `event` | events, put together as JSON and decoded as any other              |
//! | `look`  | what a story expects of alerts and scores, and what they are       |
//! | `run`   | both stages at work, one story at a time; how each ended           |
//! | `known` | the names that a type reads, taken from the type itself            |
//!
//! A story has one clock. It stands until the story advances it, stream time follows it as it follows the wall clock of
//! a quiet shard, and an event ahead of it is set aside. So all times are known before anything runs.

mod event;
mod known;
mod load;
mod look;
mod raw;
mod run;
mod time;

use std::sync::Arc;

use waymark_engine::definition::Definition;
use waymark_engine::event::{Decoded, Reason, Rejection, Timestamp};

pub use load::StoryError;
pub use look::Said;
pub use run::{Difference, Ending, Failure, Line, Report};

use look::Wanted;

/// A file of stories, ready to run.
#[derive(Debug)]
pub struct StoryFile {
    file: Arc<str>,
    definition: Definition,
    stories: Vec<Story>,
}

/// Something that happens, told step by step.
#[derive(Debug)]
struct Story {
    line: u64,
    name: String,
    start: Timestamp,
    /// Invariant: looks at something, so that it can fail.
    script: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    line: u64,
    does: Does,
}

/// What a step does.
#[derive(Debug)]
enum Does {
    /// An event arrives.
    Take {
        record: Box<Result<Decoded, Rejection>>,
        expected: Expected,
    },
    /// The clock moves on.
    Advance { to: Timestamp },
    /// Somebody looks at all alerts since the last such look.
    LookAtAlerts(Vec<Wanted>),
    /// Somebody looks at the scores as they stand.
    LookAtScores(Vec<Wanted>),
}

/// How an event must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Applied,
    Duplicate,
    Late,
    Ignored,
    DeadLetter(Reason),
}
