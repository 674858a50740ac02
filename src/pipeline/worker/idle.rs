//! What a shard without input does: it looks at its checkpoint every second, and moves its clock by ticks.
//!
//! A tick is a step without records. It needs a fresh answer of the broker that nothing is left to read; a timeout proves
//! nothing. So lag, an outage or an open transaction upstream stop the clock, and a dead feed never looks like silent
//! customers. The rules are those of `protocol`; here they meet the clocks, read once, so that choosing is pure.

use std::time::Duration;

use waymark_engine::event::Timestamp;

use super::owned::OwnedShard;
use crate::protocol::rules::{tick_is_due, tick_target};

/// How often an idle shard looks at its checkpoint and its clock.
const LOOK: Duration = Duration::from_secs(1);
/// The same while its clock catches up.
const LOOK_BEHIND: Duration = Duration::from_millis(100);
/// A clock that is further behind than this catches up.
const BEHIND: Duration = Duration::from_mins(1);
/// How often clock records are sent while stream time moves.
pub(super) const CLOCK: Duration = Duration::from_secs(1);
/// How long a shard goes without a step at most: its offsets must not expire, its as-of must not grow old.
const STEP_AT_LEAST: Duration = Duration::from_hours(1);

/// What an idle shard does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Nothing, until it looks again.
    Rest,
    /// A step that moves nothing but its position.
    Step,
    /// The same, and it tells the stage behind where stream time stands.
    Tell,
    /// A step that moves stream time.
    Tick,
}

/// The clocks of an idle shard, read at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    pub(super) wall: Timestamp,
    pub(super) stream_time: Option<Timestamp>,
    /// Since somebody looked at the checkpoint.
    pub(super) since_look: Duration,
    pub(super) since_tick: Duration,
    pub(super) since_step: Duration,
    /// Since a clock record was sent, if stream time has moved on from what it told.
    pub(super) untold_for: Option<Duration>,
    /// Whether there may be no tick: feeds still deliver what an outage has kept from us, or the clock is not our own.
    pub(super) ticks_wait: bool,
}

impl Clocks {
    /// Reads the clocks of a shard; `wall` is the time of day for customers.
    pub(super) fn of(shard: &OwnedShard, has_own_clock: bool, wall: Timestamp) -> Self {
        Self {
            wall,
            stream_time: shard.progress.stream_time,
            since_look: shard.looked.elapsed(),
            since_tick: shard.ticked.elapsed(),
            since_step: shard.stepped.elapsed(),
            untold_for: shard
                .untold_for(shard.progress.stream_time)
                .filter(|_| has_own_clock),
            ticks_wait: !has_own_clock || !shard.ticks_rest().is_zero(),
        }
    }

    /// Returns whether it is time to look at the shard.
    pub(super) fn look_is_due(&self) -> bool {
        let behind = self
            .stream_time
            .is_some_and(|at| self.wall.since(at) > BEHIND);
        let every = if behind && !self.ticks_wait {
            LOOK_BEHIND
        } else {
            LOOK
        };
        self.since_look >= every
    }

    /// Returns where a tick would move stream time, were it allowed.
    pub(super) fn target(&self) -> Timestamp {
        // A shard that has seen nothing and has nothing to read starts at the wall clock.
        self.stream_time
            .map_or(self.wall, |at| tick_target(self.wall, at))
    }

    /// Chooses. `next_timer` is the first one up to the target; the broker is asked only if everything else is right.
    pub(super) fn choose(
        &self,
        next_timer: Option<Timestamp>,
        nothing_left: impl FnOnce() -> bool,
    ) -> Choice {
        if self.tick_is_due(next_timer) && nothing_left() {
            Choice::Tick
        } else if self.untold_for.is_some_and(|since| since >= CLOCK) {
            // The last records came too soon after a clock record; if no tick may follow, cohorts would wait for nothing.
            Choice::Tell
        } else if self.since_step >= STEP_AT_LEAST {
            Choice::Step
        } else {
            Choice::Rest
        }
    }

    fn tick_is_due(&self, next_timer: Option<Timestamp>) -> bool {
        let due = |at| tick_is_due(self.wall, at, next_timer, self.since_tick);
        !self.ticks_wait && self.stream_time.is_none_or(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN + SECOND * 1_000_000 + Duration::from_secs(seconds)
    }

    /// A shard that looks again and may tick; its stream time stands at 0 s.
    fn clocks(wall: u64) -> Clocks {
        Clocks {
            wall: at(wall),
            stream_time: Some(at(0)),
            since_look: SECOND,
            since_tick: SECOND,
            since_step: MINUTE,
            untold_for: None,
            ticks_wait: false,
        }
    }

    fn choose(clocks: Clocks, next_timer: Option<Timestamp>) -> Choice {
        clocks.choose(next_timer, || true)
    }

    #[test]
    fn an_idle_shard_looks_every_second_and_more_often_while_it_catches_up() {
        let after = |wall, millis, ticks_wait| {
            let since_look = Duration::from_millis(millis);
            let clocks = Clocks {
                since_look,
                ticks_wait,
                ..clocks(wall)
            };
            clocks.look_is_due()
        };
        assert!(!after(60, 999, false));
        assert!(after(60, 1000, false));
        assert!(!after(61, 99, false));
        assert!(after(61, 100, false));
        assert!(!after(61, 999, true), "what may not tick can't catch up");
    }

    #[test]
    fn a_tick_comes_after_a_minute_or_with_a_timer() {
        assert_eq!(choose(clocks(59), None), Choice::Rest);
        assert_eq!(choose(clocks(60), None), Choice::Tick);
        assert_eq!(choose(clocks(20), Some(at(20))), Choice::Tick);
        assert_eq!(choose(clocks(20), Some(at(21))), Choice::Rest);
    }

    #[test]
    fn a_tick_moves_a_minute_at_most() {
        assert_eq!(clocks(20).target(), at(20));
        assert_eq!(clocks(5000).target(), at(60));
        let ahead = Clocks {
            stream_time: Some(at(90)),
            ..clocks(20)
        };
        assert_eq!(ahead.target(), at(90), "stream time never falls");
        assert_eq!(choose(ahead, Some(at(80))), Choice::Rest);
    }

    #[test]
    fn a_shard_that_has_seen_nothing_starts_at_the_wall_clock() {
        let fresh = Clocks {
            stream_time: None,
            ..clocks(5000)
        };
        assert_eq!(fresh.target(), at(5000));
        assert_eq!(choose(fresh, None), Choice::Tick);
    }

    #[test]
    fn what_is_left_to_read_stops_the_clock_and_is_asked_last() {
        assert_eq!(clocks(60).choose(None, || false), Choice::Rest);
        let not_asked = || panic!("a question to the broker for nothing");
        assert_eq!(clocks(59).choose(None, not_asked), Choice::Rest);
        let waits = Clocks {
            ticks_wait: true,
            ..clocks(60)
        };
        assert_eq!(waits.choose(Some(at(1)), not_asked), Choice::Rest);
    }

    #[test]
    fn a_clock_that_was_not_told_is_told_after_a_second_whatever_keeps_ticks_waiting() {
        let untold = |since, ticks_wait| Clocks {
            untold_for: Some(since),
            ticks_wait,
            ..clocks(60)
        };
        assert_eq!(choose(untold(SECOND, true), None), Choice::Tell);
        assert_eq!(untold(SECOND, false).choose(None, || false), Choice::Tell);
        assert_eq!(
            choose(untold(SECOND, false), None),
            Choice::Tick,
            "it tells"
        );
        assert_eq!(choose(untold(SECOND / 2, true), None), Choice::Rest);
    }

    #[test]
    fn a_shard_makes_a_step_every_hour_at_least() {
        let hour = Clocks {
            since_step: MINUTE * 60,
            ..clocks(60)
        };
        assert_eq!(hour.choose(None, || false), Choice::Step);
        assert_eq!(hour.choose(None, || true), Choice::Tick);
    }
}
