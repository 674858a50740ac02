//! How one watch lives: the rules of grace, written once.
//!
//! ```text
//!   armed ───────────────── mark ──────────── mark + grace
//!     │   in time: satisfied  │  remembered     │  decided: raised at the mark,
//!     │                       │  (the first)    │  closed right behind by the remembered event
//! ```
//!
//! Each watch has at most two marks an instance: the early warning and the due time. Events count by the time they
//! happened, never by the time they arrived; events of the same time count in the order of arrival. So, with a grace
//! shorter than the way to any mark, the order of arrival within grace decides nothing about what is raised. (Of two closing
//! events less than a grace apart, the one that arrives first closes an episode that is already raised, and with it what was
//! to begin between them: waiting for the other would keep every alert open a grace longer.)

use std::time::Duration;

use smallvec::SmallVec;

use crate::definition::Rule;
use crate::derived::{Level, Status};
use crate::event::Timestamp;
use crate::journey::{CLOSINGS_MAX, Closing, Episode, Moment, PENDING_MAX, Pending, Watch};

/// A rule as its watches see it.
#[derive(Clone, Copy)]
pub(super) struct Expectation<'a> {
    pub(super) rule: &'a Rule,
    /// The shortest time from an arming event to the first mark after it, over all limits of the rule.
    pub(super) shortest: Duration,
    /// How long satisfying events are kept.
    pub(super) horizon: Duration,
}

/// What an event means for one watch.
#[derive(Clone, Copy)]
pub(super) struct Sighting {
    pub(super) moment: Moment,
    /// How long the expected thing may take, if the event arms the rule.
    pub(super) arms: Option<Duration>,
    /// The event is an expected one.
    pub(super) satisfies: bool,
    /// The event clears a raised alert; every satisfying event does.
    pub(super) clears: bool,
    /// The subject ends with it.
    pub(super) ends: bool,
}

/// A change in the life of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) status: Status,
    pub(super) level: Option<Level>,
    pub(super) sequence: u32,
    /// When it happened, in event time.
    pub(super) at: Timestamp,
    /// When it was certain: the mark plus grace, or the arrival of the closing event.
    pub(super) decided_at: Timestamp,
    pub(super) due: Option<Timestamp>,
    pub(super) armed: Moment,
    /// The event that armed the instance which got the episode this far.
    pub(super) overdue: Moment,
    pub(super) closed_by: Option<Moment>,
}

impl Expectation<'_> {
    /// Takes in an event. `stop` is the event after which the subject can't fail this rule any more, if there was one.
    pub(super) fn observe(
        &self,
        watch: &mut Watch,
        seen: &Sighting,
        stop: Option<Moment>,
        at: Timestamp,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        if seen.ends {
            watch
                .pending
                .retain(|pending| pending.armed.at <= seen.moment.at);
        }
        if seen.clears || seen.ends {
            self.settle(watch, seen);
            // An episode armed after the end should never have been: the end closes it too, as corrected.
            let concerned = watch
                .episode
                .as_ref()
                .is_some_and(|it| seen.ends || it.armed.at <= seen.moment.at);
            if concerned {
                self.close(watch, seen.moment, at, &mut transitions);
            }
        }
        let alive = stop.is_none_or(|stop| seen.moment.at < stop.at);
        if let Some(limit) = seen.arms.filter(|_| alive) {
            self.arm(watch, seen.moment, limit, stop);
        }
        if seen.clears {
            keep(&mut watch.closings, seen);
        }
        transitions
    }

    /// Decides every mark whose grace is over.
    pub(super) fn fire(&self, watch: &mut Watch, at: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        while let Some((place, (mark, level))) = self.next_mark_of(watch)
            && mark + self.rule.grace <= at
        {
            let decided_at = mark + self.rule.grace;
            let pending = &mut watch.pending[place];
            pending.warned = true;
            let in_time = pending.first.filter(|first| first.at < pending.due);
            let closing = if level == Level::Breached {
                pending.first
            } else {
                in_time
            };
            let reached = open_or_escalate(&mut watch.episode, pending, mark, level, decided_at);
            transitions.extend(reached);
            if level == Level::Breached || closing.is_some() {
                watch.pending.remove(place);
            }
            if let Some(moment) = closing {
                self.close(watch, moment, decided_at, &mut transitions);
            }
        }
        transitions
    }

    /// Returns when to call [`Expectation::fire`].
    pub(super) fn next_due(&self, watch: &Watch) -> Option<Timestamp> {
        let marks = watch
            .pending
            .iter()
            .map(|pending| self.next_mark(pending).0);
        marks.min().map(|mark| mark + self.rule.grace)
    }

    /// Returns how the open episode ends when its subject must be forgotten.
    pub(super) fn abandon(
        &self,
        watch: &Watch,
        moment: Moment,
        at: Timestamp,
    ) -> Option<Transition> {
        let episode = watch.episode.as_ref()?;
        Some(Transition {
            status: Status::Expired,
            ..self.closing(episode, moment, at)
        })
    }

    /// Forgets closing events that no late arming event can need.
    ///
    /// Of those young enough, one is needed only if the satisfying event that follows comes too late for what arms right
    /// behind the satisfying event before: whatever arms in between is satisfied by the follower all the same.
    pub(super) fn forget(&self, watch: &mut Watch, at: Timestamp) {
        let mut before = at - self.horizon;
        let closings = &mut watch.closings;
        closings.retain(|closing| closing.moment.at >= before);
        let mut place = 0;
        while place < closings.len() {
            let after = closings[place + 1..]
                .iter()
                .find(|closing| closing.satisfies);
            if after.is_some_and(|after| after.moment.at.since(before) < self.shortest) {
                closings.remove(place);
                continue;
            }
            if closings[place].satisfies {
                before = closings[place].moment.at;
            }
            place += 1;
        }
    }

    /// Arms an instance, unless something already known satisfied it in time.
    fn arm(&self, watch: &mut Watch, armed: Moment, limit: Duration, stop: Option<Moment>) {
        let mut pending = Pending {
            armed,
            due: armed.at + limit,
            warned: false,
            first: None,
        };
        let mark = self.next_mark(&pending).0;
        let known = watch
            .closings
            .iter()
            .map(|closing| (closing.moment, closing.satisfies));
        let stop = stop.map(|stop| (stop, true));
        for (moment, satisfies) in known.chain(stop).filter(|(moment, _)| moment.at > armed.at) {
            if satisfies && moment.at < mark {
                return;
            }
            if moment.at >= mark && pending.first.is_none_or(|first| moment.at < first.at) {
                pending.first = Some(moment);
            }
        }
        let place = watch
            .pending
            .partition_point(|known| known.armed.at <= armed.at);
        watch.pending.insert(place, pending);
        if watch.pending.len() > PENDING_MAX {
            watch.pending.remove(PENDING_MAX - 1);
        }
    }

    /// Settles the instances armed before a closing event: satisfied in time and gone, or remembered for its mark.
    fn settle(&self, watch: &mut Watch, seen: &Sighting) {
        let moment = seen.moment;
        watch.pending.retain(|pending| {
            if pending.armed.at > moment.at {
                return true;
            }
            if self.next_mark(pending).0 <= moment.at {
                let earlier = pending.first.filter(|first| first.at <= moment.at);
                pending.first = Some(earlier.unwrap_or(moment));
                return true;
            }
            !(seen.satisfies || seen.ends)
        });
    }

    /// Closes the open episode, unless a breach before the closing event has yet to be decided.
    fn close(
        &self,
        watch: &mut Watch,
        moment: Moment,
        decided_at: Timestamp,
        transitions: &mut Vec<Transition>,
    ) {
        let Some(episode) = &watch.episode else {
            return;
        };
        let breached_before =
            |pending: &Pending| pending.armed.at <= moment.at && pending.due <= moment.at;
        if episode.level < Some(Level::Breached) && watch.pending.iter().any(breached_before) {
            return;
        }
        transitions.push(self.closing(episode, moment, decided_at));
        watch.episode = None;
        watch.pending.retain(|pending| {
            let part_of_it = pending.warned || self.next_mark(pending).0 <= moment.at;
            pending.armed.at > moment.at || !part_of_it
        });
    }

    fn closing(&self, episode: &Episode, moment: Moment, decided_at: Timestamp) -> Transition {
        let clears =
            self.rule.expect.concerns(moment.kind) || self.rule.clear_on.concerns(moment.kind);
        let status = if moment.at < episode.since {
            Status::Corrected
        } else if clears {
            Status::Resolved
        } else {
            Status::Expired
        };
        Transition {
            status,
            level: episode.level,
            sequence: episode.sequence + 1,
            at: moment.at,
            decided_at,
            due: episode.due,
            armed: episode.armed,
            overdue: episode.overdue,
            closed_by: Some(moment),
        }
    }

    fn next_mark_of(&self, watch: &Watch) -> Option<(usize, (Timestamp, Level))> {
        let marks = watch.pending.iter().map(|pending| self.next_mark(pending));
        marks.enumerate().min_by_key(|(_, (mark, _))| *mark)
    }

    fn next_mark(&self, pending: &Pending) -> (Timestamp, Level) {
        let warn_at = if pending.warned {
            None
        } else {
            self.rule.warn_at(pending.armed.at, pending.due)
        };
        warn_at.map_or((pending.due, Level::Breached), |mark| (mark, Level::AtRisk))
    }
}

/// Opens an episode, or makes the open one worse; an instance that adds nothing joins it in silence.
fn open_or_escalate(
    open: &mut Option<Episode>,
    pending: &Pending,
    mark: Timestamp,
    level: Level,
    decided_at: Timestamp,
) -> Option<Transition> {
    let (status, sequence, armed) = match open {
        None => (Status::Raised, 1, pending.armed),
        Some(episode) if Some(level) > episode.level => {
            (Status::Updated, episode.sequence + 1, episode.armed)
        }
        Some(_) => return None,
    };
    let due = Some(pending.due);
    let level = Some(level);
    let overdue = pending.armed;
    *open = Some(Episode {
        armed,
        overdue,
        due,
        level,
        since: mark,
        sequence,
    });
    Some(Transition {
        status,
        level,
        sequence,
        at: mark,
        decided_at,
        due,
        armed,
        overdue,
        closed_by: None,
    })
}

/// Keeps a closing event for arming events that may still arrive.
fn keep(closings: &mut SmallVec<[Closing; 2]>, seen: &Sighting) {
    let closing = Closing {
        moment: seen.moment,
        satisfies: seen.satisfies,
    };
    let place = closings.partition_point(|known| known.moment.at <= closing.moment.at);
    closings.insert(place, closing);
    if closings.len() > CLOSINGS_MAX {
        closings.remove(0);
    }
}
