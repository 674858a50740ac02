//! What must hold in every state, and what must be reached in some.

use stateright::Property;
use waymark::protocol::{CopyStatus, Offset, Step};

use crate::kafka::{StepRecord, Values, offset};
use crate::model::{Faults, Protocol, State};
use crate::worker::Line;

pub(crate) const I1: &str = "I1: steps follow each other, no record twice, none left out";
pub(crate) const I3: &str = "I3: values are those of a single thread";
pub(crate) const I4: &str = "I4: committed offsets are V";
pub(crate) const I5: &str = "I5: the store is the changelog, folded";
pub(crate) const NO_HALT: &str = "no shard halts";
pub(crate) const DONE: &str = "in spite of every fault all is done";
pub(crate) const TAKEN_OVER: &str = "both workers commit";
pub(crate) const TORN: &str = "a torn transaction is named";

/// The first five must always hold, the others in some state; the last only where a rule is left out.
pub(crate) fn properties() -> Vec<Property<Protocol>> {
    vec![
        Property::always(I1, |_, state: &State| state.all(steps_follow)),
        Property::always(I3, |_, state: &State| state.all(values_are_right)),
        Property::always(I4, |_, state: &State| state.all(offsets_agree)),
        Property::always(I5, |_, state: &State| state.all(store_is_the_fold)),
        Property::always(NO_HALT, |_, state: &State| state.halted().is_none()),
        Property::sometimes(DONE, |model: &Protocol, state: &State| {
            let spent = state.faults == Faults::NONE && state.kafka.quiet();
            spent && state.all(|state, shard| is_done(model, state, shard))
        }),
        Property::sometimes(TAKEN_OVER, |_, state: &State| {
            let commits = |slot| state.kafka.decided(0).any(|(_, step)| step.slot == slot);
            commits(0) && commits(1)
        }),
        Property::sometimes(TORN, |_, state: &State| {
            state.halted() == Some("TORN_TRANSACTION")
        }),
    ]
}

impl State {
    fn all(&self, holds: impl Fn(&State, usize) -> bool) -> bool {
        (0..self.stores.len()).all(|shard| holds(self, shard))
    }

    pub(crate) fn halted(&self) -> Option<&'static str> {
        self.workers.iter().find_map(|worker| match worker.line {
            Line::Halted(code) => Some(code),
            _ => None,
        })
    }
}

/// k rises by exactly 1, no record is applied twice or skipped, the lineage is constant.
fn steps_follow(state: &State, shard: usize) -> bool {
    let mut before: Option<&StepRecord> = None;
    state
        .kafka
        .decided(shard)
        .all(|(_, step)| match before.replace(step) {
            None => step.step == Step(1) && step.from == Offset(0),
            Some(before) => {
                let next = step.step == before.step.next() && step.lineage == before.lineage;
                next && step.from == before.position
            }
        })
}

/// A state is the set of all records of its key so far, so the state that a step began with was the right one.
fn values_are_right(state: &State, shard: usize) -> bool {
    state.kafka.decided(shard).all(|(_, step)| {
        let upto = usize::try_from(step.position.0).expect("offsets rise from 0");
        let records = |key| (0..upto).filter(move |index| index % 2 == key);
        let set = |key| records(key).fold(0, |set, index| set | 1 << index);
        step.change.is_none_or(|(key, value)| value == set(key))
    })
}

/// Whenever no transaction is open.
fn offsets_agree(state: &State, shard: usize) -> bool {
    let position = state
        .kafka
        .decided(shard)
        .last()
        .map(|(_, step)| step.position);
    !state.kafka.quiet() || state.kafka.shards[shard].committed == position
}

/// A complete copy at x is the changelog up to x, and x is where a step ends.
fn store_is_the_fold(state: &State, shard: usize) -> bool {
    let store = &state.stores[shard];
    let Some(checkpoint) = store
        .checkpoint
        .filter(|of| of.status == CopyStatus::Complete)
    else {
        return true;
    };
    let mut values = Values::default();
    let mut end = Offset(0);
    for (at, step) in state
        .kafka
        .decided(shard)
        .filter(|(at, _)| *at < checkpoint.position)
    {
        if let Some((key, value)) = step.change {
            values[key] = value;
        }
        end = at.next();
    }
    store.values == values && checkpoint.position == end
}

fn is_done(model: &Protocol, state: &State, shard: usize) -> bool {
    let last = state.kafka.decided(shard).last();
    let checkpoint = state.stores[shard].checkpoint;
    last.zip(checkpoint)
        .is_some_and(|((at, step), checkpoint)| {
            step.position == offset(model.records)
                && checkpoint.status == CopyStatus::Complete
                && checkpoint.position == at.next()
        })
}
