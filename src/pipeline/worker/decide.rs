//! What a step means for one shard: pure, from what was collected and loaded to what is to be committed.
//!
//! ```text
//! for each record: gate ─► timers up to its time ─► the engine ─► outcome     (or: no record, a tick)
//! ```
//!
//! Timers fire between records, in their order, never at the end of a step. If more are due than were loaded, the step is
//! cut before the first record beyond the last one loaded: a storm becomes more steps, and results stay the same.

mod causes;
mod states;

use std::collections::BTreeMap;
use std::sync::Arc;

use waymark_engine::definition::Edition;
use waymark_engine::derived::{Alert, Delta, Score};
use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Books, Derived, Key, Outcome, Shard};

use super::owned::OwnedShard;
use super::unflushed::InFlight;
use crate::pipeline::stage::{Item, Move, Stage, Strays, Unreadable};
use crate::protocol::{Offset, Progress};
use crate::store::Loaded;

use causes::Causes;
use states::States;

/// What decides besides the records themselves.
pub(super) struct Deciding<'a, S> {
    pub(super) stage: &'a S,
    /// The definition in force.
    pub(super) edition: &'a Edition,
    /// The largest state that the changelog takes, in bytes.
    pub(super) state_bytes_max: usize,
}

/// What a shard takes in a step.
#[derive(Debug)]
pub(super) struct Intake<'a, I> {
    pub(super) items: &'a [Item<I>],
    /// V when the collection was closed.
    pub(super) position: Offset,
    /// Where an idle tick moves stream time; no items then.
    pub(super) tick_to: Option<Timestamp>,
    /// Up to when timers were asked for; none if they can't fire.
    pub(super) due_before: Option<Timestamp>,
    /// Timers asked for at most: with as many loaded, there may be more.
    pub(super) due_max: usize,
}

impl<I> Clone for Intake<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Intake<'_, I> {}

impl<I> Intake<'_, I> {
    /// Returns the same without the records from a place on.
    pub(super) fn up_to(&self, place: usize) -> Self {
        Intake {
            items: &self.items[..place],
            position: self.position_at(place),
            ..*self
        }
    }

    /// Returns V after the records before a place.
    pub(super) fn position_at(&self, place: usize) -> Offset {
        self.items
            .get(place)
            .map_or(self.position, |next| next.offset)
    }
}

/// What a step of a shard will have done once it is committed.
#[derive(Debug)]
pub(super) struct Decided {
    pub(super) progress: Progress,
    pub(super) changes: Vec<InFlight>,
    pub(super) alerts: Vec<Alert>,
    pub(super) deltas: Vec<Delta>,
    pub(super) scores: Vec<Score>,
    /// Which records have brought the alerts and the deltas.
    pub(super) causes: Causes,
    /// Places of items that are set aside, and why.
    pub(super) set_aside: Vec<(usize, Outcome)>,
    /// How its records ended.
    pub(super) books: Books,
    /// How often its records have moved an application where.
    pub(super) moves: BTreeMap<Move, u64>,
    /// When the broker appended the last of its records.
    pub(super) read_until: Option<Timestamp>,
    /// Whether this is an idle tick.
    pub(super) tick: bool,
    /// Whether the transaction carries clock records of this shard.
    pub(super) clock_told: bool,
    /// The step ends before the last record collected: reading must go back to its position.
    pub(super) cut: bool,
    /// Records taken.
    pub(super) records: u64,
    /// Those that should not have come, or should have and did not.
    pub(super) strays: Strays,
}

impl Decided {
    /// The first step of a shard: nothing but the beginning of its history.
    pub(super) fn opening(mut progress: Progress, edition: &Edition) -> Self {
        progress.step = progress.step.next();
        progress.made_by(edition);
        Self {
            progress,
            changes: Vec::new(),
            alerts: Vec::new(),
            deltas: Vec::new(),
            scores: Vec::new(),
            causes: Causes::default(),
            set_aside: Vec::new(),
            books: Books::default(),
            moves: BTreeMap::new(),
            read_until: None,
            tick: false,
            clock_told: false,
            cut: false,
            records: 0,
            strays: Strays::default(),
        }
    }
}

/// Why a step can't be decided.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecided {
    /// A state in the store can't be read: the copy is no copy.
    #[error("the stored state of {key:?} cannot be read")]
    State {
        /// Whose.
        key: Key,
        /// What is wrong with it.
        source: Unreadable,
    },
    /// A state has outgrown what the changelog takes.
    #[error(
        "the state of {key:?} would have {bytes} bytes, and the changelog takes {bytes_max} at most"
    )]
    TooLarge {
        /// Whose.
        key: Key,
        /// How large it would be.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// Something that must hold does not.
    #[error("deciding a step crashed: {0}")]
    Crashed(String),
}

/// Decides a step of one shard.
///
/// # Errors
/// [`Undecided`]; nothing has happened.
pub(super) fn decide<S: Stage>(
    with: &Deciding<'_, S>,
    shard: &OwnedShard,
    intake: &Intake<'_, S::Input>,
    loaded: &Loaded,
) -> Result<Decided, Undecided> {
    let stage = with.stage;
    let states = States::load(stage, &shard.unflushed, loaded, intake)?;
    let mut step = Step {
        with,
        progress: &shard.progress,
        gate: stage.gate(&shard.progress),
        engine: Shard::new(Arc::clone(stage.processor()), shard.progress.stream_time),
        states,
        derived: Derived::default(),
        causes: Causes::default(),
        set_aside: Vec::new(),
        books: Books::default(),
        moves: BTreeMap::new(),
    };
    let taken = step.take_all(intake.items);
    if let Some(to) = intake.tick_to {
        step.tick(to);
    }
    step.finish(intake, taken)
}

/// A step of one shard under way.
struct Step<'a, S: Stage> {
    with: &'a Deciding<'a, S>,
    progress: &'a Progress,
    gate: S::Gate,
    engine: Shard<Arc<S::Processor>>,
    states: States<'a, S>,
    derived: Derived,
    causes: Causes,
    set_aside: Vec<(usize, Outcome)>,
    books: Books,
    moves: BTreeMap<Move, u64>,
}

impl<S: Stage> Step<'_, S> {
    /// Takes records until one lies beyond the timers that are loaded; returns how many were taken.
    fn take_all(&mut self, items: &[Item<S::Input>]) -> usize {
        for (place, item) in items.iter().enumerate() {
            if self.reaches(item).is_some_and(|to| self.is_beyond(to)) {
                if place == 0 {
                    // Not even the first record can be taken before these timers have fired.
                    self.fire_loaded();
                }
                return place;
            }
            let outcome = self.take(item);
            let input = item.decoded.as_ref().ok();
            self.causes
                .enter(place, input.and_then(S::event), &self.derived);
            self.books.enter(&outcome);
            match outcome {
                Outcome::Applied => {
                    if let Some(moved) = input.and_then(|it| self.with.stage.move_of(it)) {
                        *self.moves.entry(moved).or_default() += 1;
                    }
                }
                Outcome::Late | Outcome::DeadLettered(_) => self.set_aside.push((place, outcome)),
                Outcome::Duplicate | Outcome::Ignored => {}
            }
        }
        items.len()
    }

    /// Where stream time will stand once this record is taken; none if it moves nothing.
    fn reaches(&self, item: &Item<S::Input>) -> Option<Timestamp> {
        let reaches = self.with.stage.reaches(&self.gate, item)?;
        self.engine.stream_time().max(Some(reaches))
    }

    /// Returns whether timers up to a time may be missing. Of those at the very time of the last one some may.
    fn is_beyond(&self, to: Timestamp) -> bool {
        let last = self.states.last_timer.as_ref();
        last.is_some_and(|(due, _)| to >= *due)
    }

    fn take(&mut self, item: &Item<S::Input>) -> Outcome {
        if let Some(key) = item.decoded.as_ref().ok().and_then(S::key) {
            self.states.need(key);
        }
        let (engine, table) = (&mut self.engine, &mut self.states.table);
        let stage = self.with.stage;
        stage.take(&mut self.gate, engine, table, item, &mut self.derived)
    }

    /// Moves stream time on, as far as timers are loaded.
    fn tick(&mut self, to: Timestamp) {
        if self.is_beyond(self.engine.stream_time().map_or(to, |now| now.max(to))) {
            self.fire_loaded();
        } else {
            let table = &mut self.states.table;
            self.engine.advance(table, to, &mut self.derived);
        }
    }

    /// Fires the timers up to the last one loaded, and nothing behind it.
    fn fire_loaded(&mut self) {
        if let Some(last) = &self.states.last_timer {
            let table = &mut self.states.table;
            self.engine.advance_to_timer(table, last, &mut self.derived);
        }
    }

    fn finish(self, intake: &Intake<'_, S::Input>, taken: usize) -> Result<Decided, Undecided> {
        let mut progress = self.progress.clone();
        progress.step = progress.step.next();
        progress.position = intake.position_at(taken);
        progress.books.add(&self.books);
        progress.stream_time = self.engine.stream_time();
        progress.made_by(self.with.edition);
        let strays = self.with.stage.leave(self.gate, &mut progress);
        Ok(Decided {
            progress,
            strays,
            changes: self.states.into_changes(self.with.state_bytes_max)?,
            alerts: self.derived.alerts,
            deltas: self.derived.deltas,
            scores: self.derived.scores,
            causes: self.causes,
            set_aside: self.set_aside,
            books: self.books,
            moves: self.moves,
            read_until: intake.items[..taken].last().map(|item| item.appended_at),
            tick: intake.tick_to.is_some(),
            clock_told: false,
            cut: taken < intake.items.len(),
            records: taken as u64,
        })
    }
}

#[cfg(test)]
mod tests;
