//! The rules of a step, each a small function, so that the worker and the model checker ask the very same ones.
//!
//! | function            | rule                                                                          |
//! | ------------------- | ----------------------------------------------------------------------------- |
//! | [`may_recover`]     | 4.3: wait until every transaction before us has ended                         |
//! | [`load_is_ours`]    | 5.2: what was loaded counts only with our checkpoint beside it                |
//! | [`commit_is_clear`] | 5.9: a success so quick that no second copy of a request can be on its way    |
//! | [`not_torn`]        | 5.10: after a recycle a transaction holds for all of its shards or for none   |
//! | [`too_old`]         | T: how far a store may lag before deletions can be missed                     |
//! | `tick_…`, `may_tick` | 6: time goes on when nothing is left to read, and only then                  |

use std::time::Duration;

use waymark_engine::event::Timestamp;

use super::{Checkpoint, Halt, Offset, Retention, ShardId, Step};

/// How far one tick moves stream time at most.
const TICK: Duration = Duration::from_mins(1);
/// Ten ticks a second: a day without input is caught up within three minutes, and feeds keep their turn.
const TICK_PAUSE: Duration = Duration::from_millis(100);
/// How long an answer about the end of a source counts as fresh.
const FRESH: Duration = Duration::from_secs(1);
/// A shard that made no step for so long has lost sight of its feeds.
const SILENCE: Duration = Duration::from_mins(2);

/// Returns whether a shard may be recovered: the last stable offset has reached what was the high watermark when the
/// shard became ours, so every transaction that passed the fence before us has ended.
///
/// Every recovery asks, also one for the store's sake alone: our own last step may still wait for its markers, which come
/// after the answer to the commit.
#[must_use]
pub fn may_recover(last_stable: Offset, high_watermark_then: Offset) -> bool {
    last_stable >= high_watermark_then
}

/// Returns whether what was loaded may be used: it must stand beside the checkpoint that we wrote, byte for byte.
#[must_use]
pub fn load_is_ours(expected: &Checkpoint, found: Option<&[u8]>) -> bool {
    expected.is(found)
}

/// Returns whether a successful commit left nothing behind in the network.
///
/// The client repeats a request after `retry.backoff.ms` at the earliest. A repeated request could end the next
/// transaction of the same producer, so anything slower than four fifths of that is doubt, even if it succeeded.
#[must_use]
pub fn commit_is_clear(
    send_took: Duration,
    commit_took: Duration,
    retry_backoff: Duration,
) -> bool {
    let quick = |took: Duration| took * 5 < retry_backoff * 4;
    quick(send_took) && quick(commit_took)
}

/// Holds a recycled producer to the atomicity of its last transaction: the step it tried on each shard, against the step
/// each shard was recovered at. Either all have it or all are one before it.
///
/// Ask before the table: what is torn also looks like moved offsets, whose cure is another.
///
/// Shards without a recovered step are left out: they are no longer ours. Ask only if no rebalance came between, for
/// another owner may have gone on.
///
/// # Errors
/// [`Halt::TornTransaction`].
pub fn not_torn(attempted: &[(ShardId, Step)], recovered: &[(ShardId, Step)]) -> Result<(), Halt> {
    let found = |shard| recovered.iter().find(|(of, _)| *of == shard);
    let shards: Vec<_> = attempted
        .iter()
        .filter_map(|(shard, tried)| Some((*shard, *tried, found(*shard)?.1)))
        .collect();
    let all_have_it = shards.iter().all(|(_, tried, found)| found == tried);
    let none_has_it = shards
        .iter()
        .all(|(_, tried, found)| found.next() == *tried);
    if all_have_it || none_has_it {
        return Ok(());
    }
    Err(Halt::TornTransaction { shards })
}

/// Rule T: returns whether deletions after `as_of` may be gone from the changelog already, or soon. Half of the time the
/// broker keeps them is ours to copy in. Asked before a copy and again before its last chunk.
#[must_use]
pub fn too_old(as_of: Timestamp, retention: &Retention) -> bool {
    retention.now.since(as_of) >= retention.delete_retention / 2
}

/// What tells of an outage when a shard is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signs {
    /// How long ago a broker left us without an answer, if one did.
    pub unanswered: Option<Duration>,
    /// When the broker took the last progress record.
    pub stepped_at: Timestamp,
    /// Until when ticks rest, as that record says.
    pub ticks_rest_until: Option<Timestamp>,
}

/// Returns whether nothing is left to read: the consumer stands at the high watermark, by an answer of this age.
///
/// The last stable offset would not do: behind an open upstream transaction there may be records.
#[must_use]
pub fn may_tick(position: Offset, high_watermark: Offset, answer_age: Duration) -> bool {
    position == high_watermark && answer_age < FRESH
}

/// Returns where a tick moves stream time to: towards the wall clock, a minute at most, never back.
pub fn tick_target(wall: Timestamp, stream_time: Timestamp) -> Timestamp {
    wall.min(stream_time + TICK).max(stream_time)
}

/// Returns whether it is time for a tick: a timer would fire (its due time and grace), or a minute has passed.
///
/// Ticks keep a pause between them, so that catching up after an outage leaves room for records.
#[must_use]
pub fn tick_is_due(
    wall: Timestamp,
    stream_time: Timestamp,
    next_timer: Option<Timestamp>,
    since_last_tick: Duration,
) -> bool {
    let target = tick_target(wall, stream_time);
    let minute_passed = target.since(stream_time) >= TICK;
    let timer_fires = target > stream_time && next_timer.is_some_and(|fires| fires <= target);
    (minute_passed || timer_fires) && since_last_tick >= TICK_PAUSE
}

/// Returns how long ticks wait, from now, when a shard was taken over: after an outage feeds deliver their backlog first,
/// else silence of ours would look like silence of customers.
///
/// Whoever owned the shard before may have begun to wait, and steps that he made meanwhile prove nothing. Clocks may be
/// wrong, so nobody is believed who says that there is longer to wait than we would ourselves.
pub fn ticks_wait(signs: &Signs, now: Timestamp, tick_resume: Duration) -> Duration {
    if now.since(signs.stepped_at) > SILENCE {
        return tick_resume;
    }
    let ours = signs.unanswered.map(|ago| tick_resume.saturating_sub(ago));
    let theirs = signs.ticks_rest_until.map(|until| until.since(now));
    ours.max(theirs).unwrap_or_default().min(tick_resume)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::MIN + HOUR * 10_000 + Duration::from_secs(seconds)
    }

    #[test]
    fn a_commit_is_clear_below_four_fifths_of_the_backoff() {
        let ms = Duration::from_millis;
        assert!(commit_is_clear(ms(799), ms(799), ms(1000)));
        assert!(!commit_is_clear(ms(800), ms(1), ms(1000)));
        assert!(!commit_is_clear(ms(1), ms(800), ms(1000)));
    }

    #[test]
    fn recovery_waits_for_the_high_watermark_of_the_take_over() {
        assert!(!may_recover(Offset(6), Offset(7)));
        assert!(may_recover(Offset(7), Offset(7)));
        assert!(may_recover(Offset(8), Offset(7)), "the log may have grown");
    }

    #[test]
    fn a_transaction_holds_for_all_of_its_shards_or_for_none() {
        let tried = [(ShardId(0), Step(5)), (ShardId(1), Step(9))];
        let found = |a, b| [(ShardId(1), Step(b)), (ShardId(0), Step(a))];
        assert_eq!(not_torn(&tried, &found(5, 9)), Ok(()));
        assert_eq!(not_torn(&tried, &found(4, 8)), Ok(()));
        for (a, b) in [(5, 8), (4, 9), (6, 9), (3, 8), (3, 7)] {
            let halt = not_torn(&tried, &found(a, b)).expect_err("torn");
            assert_eq!(halt.code(), "TORN_TRANSACTION", "{a} {b}");
        }
    }

    #[test]
    fn a_shard_that_left_bears_no_witness() {
        let tried = [(ShardId(0), Step(5)), (ShardId(1), Step(9))];
        assert_eq!(not_torn(&tried, &[(ShardId(0), Step(5))]), Ok(()));
        assert_eq!(not_torn(&tried, &[]), Ok(()));
    }

    #[test]
    fn a_store_is_too_old_at_half_the_retention() {
        let retention = Retention {
            now: at(3600),
            delete_retention: HOUR * 2,
        };
        assert!(too_old(at(0), &retention));
        assert!(!too_old(at(1), &retention));
        assert!(!too_old(at(4000), &retention), "broker clocks may be ahead");
    }

    #[test]
    fn ticks_need_a_fresh_answer_that_nothing_is_left() {
        let ms = Duration::from_millis;
        assert!(may_tick(Offset(7), Offset(7), ms(999)));
        assert!(!may_tick(Offset(7), Offset(7), ms(1000)));
        assert!(!may_tick(Offset(7), Offset(8), ms(0)));
    }

    #[test]
    fn a_tick_goes_towards_the_wall_clock_a_minute_at_most_and_never_back() {
        assert_eq!(tick_target(at(30), at(0)), at(30));
        assert_eq!(tick_target(at(500), at(0)), at(60));
        assert_eq!(tick_target(at(0), at(200)), at(200));
    }

    #[test]
    fn a_tick_comes_with_a_timer_or_a_minute_but_keeps_its_pause() {
        let pause = Duration::from_millis(100);
        assert!(!tick_is_due(at(59), at(0), None, HOUR));
        assert!(tick_is_due(at(60), at(0), None, pause));
        assert!(tick_is_due(at(20), at(0), Some(at(20)), pause));
        assert!(!tick_is_due(at(20), at(0), Some(at(21)), pause));
        assert!(!tick_is_due(
            at(90_000),
            at(0),
            None,
            Duration::from_millis(99)
        ));
        assert!(
            !tick_is_due(at(0), at(200), Some(at(100)), HOUR),
            "nothing would move"
        );
    }

    /// A shard whose last step was committed at 0 s, with no sign of an outage.
    const QUIET: Signs = Signs {
        unanswered: None,
        stepped_at: Timestamp::MIN,
        ticks_rest_until: None,
    };

    fn wait(signs: Signs, now: u64) -> Duration {
        let stepped_at = at(0);
        ticks_wait(
            &Signs {
                stepped_at,
                ..signs
            },
            at(now),
            HOUR,
        )
    }

    #[test]
    fn ticks_wait_after_an_outage() {
        assert_eq!(wait(QUIET, 120), Duration::ZERO);
        assert_eq!(wait(QUIET, 121), HOUR);
        let unanswered = |seconds| Signs {
            unanswered: Some(Duration::from_secs(seconds)),
            ..QUIET
        };
        assert_eq!(wait(unanswered(0), 0), HOUR);
        assert_eq!(wait(unanswered(600), 0), Duration::from_mins(50));
        assert_eq!(wait(unanswered(3601), 0), Duration::ZERO);
    }

    #[test]
    fn ticks_go_on_waiting_whoever_takes_the_shard_over() {
        let until = |seconds| Signs {
            ticks_rest_until: Some(at(seconds)),
            ..QUIET
        };
        assert_eq!(wait(until(605), 5), Duration::from_mins(10));
        assert_eq!(wait(until(5), 5), Duration::ZERO, "that is over");
        assert_eq!(wait(until(9000), 5), HOUR, "his clock was ahead");
        let both = Signs {
            unanswered: Some(Duration::from_mins(50)),
            ..until(1205)
        };
        assert_eq!(wait(both, 5), Duration::from_mins(20), "the longer one");
    }
}
