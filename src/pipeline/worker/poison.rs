//! Records that can't be taken: they make us crash, or a state too large. They are found and set aside, so that one bad
//! record never keeps a shard from going on.
//!
//! ```text
//! crash, three times at one step ─┐                           ┌ some before it can ─► a step of those
//! a state too large ──────────────┴─► which record can't? ────┤ it is the first ────► a step that dead-letters it
//!                                                             └ not even timers can ─► halt
//! ```
//!
//! The search decides shorter and shorter steps and drops them: deciding is pure, so nothing happens meanwhile. A crash that
//! takes the process with it is not caught here, of course.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::warn;
use waymark_engine::event::{Reason, Rejection, Timestamp};

use super::decide::{Decided, Deciding, Intake, Undecided};
use super::owned::OwnedShard;
use crate::pipeline::stage::{Item, Stage};
use crate::protocol::{Halt, Step};
use crate::store::Loaded;

/// After so many crashes at one step it is no accident.
const CRASHES_MAX: u32 = 3;

/// Crashes at the present step. Losing the count is harmless.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    at: Step,
    number: u32,
}

impl Crashes {
    /// Enters one more and returns how many there were at this step.
    fn enter(&mut self, at: Step) -> u32 {
        if self.at != at {
            *self = Self { at, number: 0 };
        }
        self.number += 1;
        self.number
    }
}

/// Why no step comes of an attempt.
#[derive(Debug)]
pub(super) enum Setback {
    /// A state in the store can't be read.
    Unreadable(Undecided),
    /// It may have been an accident.
    Again(Undecided),
    /// No record is to blame.
    Halt(Halt),
}

/// What [`decide`](super::decide::decide) is, and what stands in for it in tests.
pub(super) trait Decide<S: Stage>:
    Fn(&Deciding<'_, S>, &OwnedShard, &Intake<'_, S::Input>, &Loaded) -> Result<Decided, Undecided>
{
}

impl<S: Stage, F> Decide<S> for F where
    F: Fn(
        &Deciding<'_, S>,
        &OwnedShard,
        &Intake<'_, S::Input>,
        &Loaded,
    ) -> Result<Decided, Undecided>
{
}

/// Decides a step whatever its records do, by `decide`, which outside tests is always the same function.
///
/// # Errors
/// [`Setback`]; nothing has happened.
pub(super) fn attempt<S: Stage, D: Decide<S>>(
    with: &Deciding<'_, S>,
    shard: &mut OwnedShard,
    intake: &Intake<'_, S::Input>,
    loaded: &Loaded,
    decide: D,
) -> Result<Decided, Setback> {
    let trial = |shard: &OwnedShard, intake: &Intake<'_, S::Input>| {
        caught(|| decide(with, shard, intake, loaded))
    };
    let failure = match trial(shard, intake) {
        Ok(step) => return Ok(step),
        Err(unreadable @ Undecided::State { .. }) => return Err(Setback::Unreadable(unreadable)),
        Err(failure) => failure,
    };
    let step = shard.progress.step.next();
    let crashed = matches!(failure, Undecided::Crashed(_));
    if crashed && shard.crashes.enter(step) < CRASHES_MAX {
        return Err(Setback::Again(failure));
    }
    let first = intake.items.first();
    let gate = with.stage.gate(&shard.progress);
    let search = Search {
        trial: |intake: &Intake<'_, S::Input>| trial(shard, intake),
        first_time: first.and_then(|first| with.stage.reaches(&gate, first)),
        input: PhantomData,
    };
    search.find(intake, failure).map_err(|failure| {
        let cause = failure.to_string();
        Setback::Halt(Halt::PoisonTimer { step, cause })
    })
}

/// What a crash leaves behind is the memory of this attempt alone, which is dropped here.
fn caught(decide: impl FnOnce() -> Result<Decided, Undecided>) -> Result<Decided, Undecided> {
    catch_unwind(AssertUnwindSafe(decide))
        .unwrap_or_else(|panic| Err(Undecided::Crashed(text_of(&*panic).to_owned())))
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// The search for the record that can't be taken.
struct Search<T, I> {
    trial: T,
    /// Where the first record moves stream time, if it may.
    first_time: Option<Timestamp>,
    input: PhantomData<fn(&I)>,
}

impl<I: Clone, T: Fn(&Intake<'_, I>) -> Result<Decided, Undecided>> Search<T, I> {
    /// Returns the longest step that can be decided before it, or one that sets it aside.
    fn find(&self, intake: &Intake<'_, I>, failure: Undecided) -> Result<Decided, Undecided> {
        let mut failure = failure;
        let mut longest = None;
        let (mut good, mut bad) = (0, intake.items.len());
        while bad - good > 1 {
            let middle = usize::midpoint(good, bad);
            match (self.trial)(&intake.up_to(middle)) {
                Ok(step) => (good, longest) = (middle, Some(step)),
                Err(shorter) => (bad, failure) = (middle, shorter),
            }
        }
        let step = match (longest, intake.items.first()) {
            (Some(step), _) => step,
            (None, Some(first)) => self.set_aside(intake, first, &failure)?,
            (None, None) => return Err(failure),
        };
        Ok(Decided {
            cut: good.max(1) < intake.items.len(),
            ..step
        })
    }

    /// Dead-letters the first record: no state changes, and no time passes.
    fn set_aside(
        &self,
        intake: &Intake<'_, I>,
        first: &Item<I>,
        failure: &Undecided,
    ) -> Result<Decided, Undecided> {
        // Timers fire before the record. If they can't do so without it, it is not to blame.
        (self.trial)(&Intake {
            tick_to: self.first_time,
            ..intake.up_to(0)
        })?;
        warn!(offset = %first.offset, %failure, "a record is poison");
        let poison = Item {
            condemned: Some(Rejection::new(Reason::Poison, failure.to_string())),
            ..first.clone()
        };
        (self.trial)(&Intake {
            items: &[poison],
            ..intake.up_to(1)
        })
    }
}

#[cfg(test)]
mod tests;
