//! The state of one cohort: its series, and for each what it counts and what it waits for.
//!
//! | kept for each series | bound                                                                           |
//! | -------------------- | ------------------------------------------------------------------------------- |
//! | window               | `window_days` days, and those the fastest shard is ahead: some 10 B each        |
//! | waves                | 8: some 10 B each                                                               |
//! | replies that wait    | those of one hour, of the grace and of the lead of the fastest shard: 15 B each |
//! | watch                | two detectors: 160 B                                                            |
//!
//! A cohort keeps at most 64 series. For 90 days, a grace of 10 minutes and 60 replies an hour that is
//! 900 + 80 + 1,050 + 160 B, some 2.2 KB a series and 140 KB a cohort, while no shard is ahead. At most 524,288 replies
//! of a cohort wait, 8 MB: a first start on a backlog of years has been seen to keep 60,000.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::definition;
use crate::derived::{Category, Delta, Series};
use crate::event::{Day, Timestamp};

use super::Tally;
use super::waiting::Waiting;
use super::watch::{Reply, Terms, Turn, Watch};
use super::waves::Waves;
use super::window::{Change, Window};

/// What is kept for one cohort.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cohort {
    pub(super) tracks: BTreeMap<Series, Track>,
}

/// What is kept for one series of a cohort.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Track {
    pub(super) window: Window,
    pub(super) waves: Waves,
    /// Replies of hours that are not closed.
    pub(super) waiting: Waiting,
    /// Begins with the first hour that closes.
    pub(super) watch: Option<Watch>,
}

/// What the definition asks of one cohort.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) window_days: u16,
    pub(super) waves: Option<definition::Waves>,
    pub(super) shift: Option<Monitoring>,
}

/// How a cohort is monitored for a shift.
#[derive(Debug, Clone, Copy)]
pub(super) struct Monitoring {
    /// How long past its end an hour waits for replies.
    pub(super) grace: Duration,
    pub(super) terms: Terms,
}

/// Something to tell of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    /// A day closed; the tally is that of the window ending with it.
    Closed {
        series: Series,
        day: Day,
        tally: Tally,
    },
    /// The score shifted, or settled after a shift.
    Turned { series: Series, turn: Turn },
}

/// How many series a cohort keeps. Touchpoints and score dimensions come from events, so something must bound them.
pub(super) const SERIES_MAX: usize = 64;

/// How many replies of a cohort wait for their hours to close: as stored, two thirds of what the changelog takes. They are
/// those of the lead that the fastest shard upstream has; beyond, the slowest one stands still, and replies count in windows
/// and waves alone.
const WAITING_MAX: usize = 1 << 19;

impl Cohort {
    /// Returns whether there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Returns whether a reply of this series can be kept.
    pub(super) fn has_room_for(&self, series: &Series) -> bool {
        self.tracks.len() < SERIES_MAX || self.tracks.contains_key(series)
    }

    /// Takes a delta into account, `at` being stream time, and returns when the next hour or day of its series closes: no
    /// later than before.
    pub(super) fn count(
        &mut self,
        delta: &Delta,
        plan: &Plan<'_>,
        at: Timestamp,
    ) -> Option<Timestamp> {
        let has_room = self.has_room_to_wait();
        let track = match self.tracks.get_mut(&delta.series) {
            Some(track) => track,
            None => self.tracks.entry(delta.series.clone()).or_default(),
        };
        track.count(&change(delta, plan.zone), plan, at);
        if let (Some(monitoring), true) = (&plan.shift, has_room) {
            track.wait(delta, monitoring.grace, at);
        }
        track.due(plan)
    }

    /// Returns whether one more reply can wait. Those that are there twice are told apart only where the bound is near.
    fn has_room_to_wait(&mut self) -> bool {
        let at_most = |tracks: &BTreeMap<_, Track>| -> usize {
            tracks
                .values()
                .map(|track| track.waiting.len_at_most())
                .sum()
        };
        if at_most(&self.tracks) < WAITING_MAX {
            return true;
        }
        for track in self.tracks.values_mut() {
            track.waiting.gather();
        }
        at_most(&self.tracks) < WAITING_MAX
    }

    /// Closes all hours and days that are over at `at`, in the order in which they end; returns when the next one closes.
    pub(super) fn advance(
        &mut self,
        plan: &Plan<'_>,
        at: Timestamp,
        news: &mut Vec<News>,
    ) -> Option<Timestamp> {
        loop {
            let (due, series) = self.next(plan)?;
            if due > at {
                return Some(due);
            }
            let series = series.clone();
            if let Some(track) = self.tracks.get_mut(&series) {
                track.advance(plan, due, &series, news);
            }
        }
    }

    /// Returns when the next hour or day closes.
    pub(super) fn due(&self, plan: &Plan<'_>) -> Option<Timestamp> {
        self.next(plan).map(|(due, _)| due)
    }

    fn next(&self, plan: &Plan<'_>) -> Option<(Timestamp, &Series)> {
        let due = |(series, track): (_, &Track)| Some((track.due(plan)?, series));
        self.tracks.iter().filter_map(due).min()
    }
}

fn change(delta: &Delta, zone: &TimeZone) -> Change {
    Change {
        day: Day::of(delta.occurred_at, zone),
        to: delta.to,
        from: delta.from_day.zip(delta.from),
    }
}

impl Track {
    fn count(&mut self, change: &Change, plan: &Plan<'_>, at: Timestamp) {
        let today = || Day::of(at, plan.zone);
        self.window.count(change, today, plan.window_days);
        if let Some(waves) = plan.waves {
            self.waves.count(change, waves);
        }
    }

    /// Lets a reply wait until its hour closes; one that comes later is no concern of a detector.
    fn wait(&mut self, delta: &Delta, grace: Duration, at: Timestamp) {
        if let Some(category) = delta.score.and_then(Category::of)
            && hour_end(delta.occurred_at) + grace > at
        {
            self.waiting.add(Reply {
                occurred_at: delta.occurred_at,
                event_hash: delta.event_hash,
                category,
            });
        }
    }

    fn due(&self, plan: &Plan<'_>) -> Option<Timestamp> {
        let day = self.window.closes_at(plan.zone);
        day.into_iter().chain(self.hour_closes_at(plan)).min()
    }

    /// Returns when the oldest hour closes that has replies.
    fn hour_closes_at(&self, plan: &Plan<'_>) -> Option<Timestamp> {
        let oldest = self.waiting.first()?;
        let monitoring = plan.shift.as_ref()?;
        Some(hour_end(oldest.occurred_at) + monitoring.grace)
    }

    /// Closes what is due at one moment: an hour, a day, or both.
    fn advance(&mut self, plan: &Plan<'_>, due: Timestamp, series: &Series, news: &mut Vec<News>) {
        let turns = self.close_hours(plan, due);
        news.extend(turns.into_iter().map(|turn| News::Turned {
            series: series.clone(),
            turn,
        }));
        if self
            .window
            .closes_at(plan.zone)
            .is_some_and(|end| end <= due)
            && let Some((day, tally)) = self.window.close(plan.window_days)
        {
            let series = series.clone();
            news.push(News::Closed { series, day, tally });
        }
    }

    /// Hands the replies of closed hours to the watch, in their order.
    fn close_hours(&mut self, plan: &Plan<'_>, due: Timestamp) -> Vec<Turn> {
        let Some(Monitoring { terms, .. }) = &plan.shift else {
            return Vec::new();
        };
        let mut turns = Vec::new();
        while self.hour_closes_at(plan).is_some_and(|end| end <= due)
            && let Some(reply) = self.waiting.pop_first()
        {
            let watch = self.watch.get_or_insert_with(|| Watch::begin(terms.target));
            turns.extend(watch.observe(&reply, terms));
        }
        turns
    }
}

/// Returns the end of the UTC hour that a time lies in.
fn hour_end(at: Timestamp) -> Timestamp {
    const HOUR: i64 = 3_600_000;
    Timestamp::from_millis((at.as_millis() / HOUR + 1) * HOUR).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derived::CohortName;
    use crate::event::{EventHash, Instrument};

    fn reply(number: u64, touchpoint: &str) -> Delta {
        Delta {
            event_hash: EventHash(number.to_be_bytes()),
            occurred_at: Timestamp::MIN,
            cohort: CohortName::all(),
            series: Series {
                instrument: Instrument::Nps,
                touchpoint: touchpoint.into(),
                score_dimension: "".into(),
            },
            from: None,
            from_day: None,
            to: Some(Category::Promoter),
            score: Some(9),
        }
    }

    #[test]
    fn replies_of_all_series_wait_within_one_bound_and_those_beyond_still_count() {
        let terms = Terms {
            target: Some(30.0),
            threshold: 1_000.0,
            baseline_replies: 500,
            tolerance: 5.0,
        };
        let grace = Duration::from_mins(10);
        let plan = Plan {
            zone: &TimeZone::UTC,
            window_days: 90,
            waves: None,
            shift: Some(Monitoring { grace, terms }),
        };
        let mut cohort = Cohort::default();
        let replies = WAITING_MAX as u64 + 1_000;
        for number in 0..replies {
            let touchpoint = ["branch", "web"][usize::from(number % 2 == 0)];
            cohort.count(&reply(number, touchpoint), &plan, Timestamp::MIN);
            if number < 2_000 {
                // A repeat takes no room in the end.
                cohort.count(&reply(number, touchpoint), &plan, Timestamp::MIN);
            }
        }
        let waiting = |track: &Track| track.waiting.in_order().len();
        assert_eq!(
            cohort.tracks.values().map(waiting).sum::<usize>(),
            WAITING_MAX
        );
        let counted = |track: &Track| track.window.as_of(Day(0), 90).replies();
        assert_eq!(
            cohort.tracks.values().map(counted).sum::<u64>(),
            replies + 2_000
        );
        assert!(cohort.encode().len() < 12 << 20);
    }
}
