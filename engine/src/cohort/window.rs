//! The rolling window: a tally for each civil day, and which day closes next.
//!
//! A delta may run ahead of stream time, for shards of the customer stage differ in speed. What it counts lies in a
//! later day and disturbs no earlier one; what it takes back waits until its own day opens. So the score of a day
//! depends on the facts up to that day, not on which shard was faster. At most `window_days` days lie behind the day
//! that closes next; ahead lies what the fastest shard is ahead.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::derived::Category;
use crate::event::{Day, Timestamp};

use super::Tally;

/// What one delta does to counts by day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    /// The day of the reply behind it.
    pub(super) day: Day,
    /// What that day gains.
    pub(super) to: Option<Category>,
    /// What a day, the same or an earlier one, gives back.
    pub(super) from: Option<(Day, Category)>,
}

/// The days that a coming score can still include.
///
/// Invariant: no tally is empty, no day is too old for the day that closes next, and `closing` is known whenever
/// there are days.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Window {
    /// The day that closes next; `None` while there is nothing to tell.
    pub(super) closing: Option<Day>,
    /// Replies by day.
    pub(super) days: BTreeMap<Day, Tally>,
    /// What to take back once a day opens: (that day, the day that gives back).
    pub(super) ahead: BTreeMap<(Day, Day), Tally>,
}

impl Window {
    /// Counts a change, `today` being the civil day of stream time.
    pub(super) fn count(&mut self, change: &Change, today: impl FnOnce() -> Day, window_days: u16) {
        if let Some((day, category)) = change.from {
            let early = self.closing.is_some_and(|closing| change.day > closing);
            if early && day < change.day {
                let waiting = self.ahead.entry((change.day, day)).or_default();
                waiting.add(category);
            } else {
                self.take_back(day, category.into());
            }
        }
        if let Some(category) = change.to {
            self.add(change.day, category, today, window_days);
        }
    }

    /// Returns when the day that closes next ends.
    pub(super) fn closes_at(&self, zone: &TimeZone) -> Option<Timestamp> {
        self.closing.map(|day| day.plus(1).start(zone))
    }

    /// Closes a day and returns it with the tally of its window, which is empty for the last day told before a pause.
    pub(super) fn close(&mut self, window_days: u16) -> Option<(Day, Tally)> {
        let day = self.closing?;
        let tally = self.total(day, window_days);
        let next = if tally.replies() > 0 {
            Some(day.plus(1))
        } else {
            self.days.range(day.plus(1)..).next().map(|(day, _)| *day)
        };
        self.open(next, window_days);
        Some((day, tally))
    }

    /// Returns the tally of the window that ends with a day, as known so far.
    pub(super) fn as_of(&self, day: Day, window_days: u16) -> Tally {
        let mut window = self.clone();
        window.settle(day);
        window.total(day, window_days)
    }

    fn add(&mut self, day: Day, category: Category, today: impl FnOnce() -> Day, window_days: u16) {
        // Today's day closes next, or that of the reply if it is ahead; unless an earlier one waits already.
        let closing = match self.closing {
            Some(known) if known <= day => known,
            known => {
                let candidate = day.max(today());
                known.map_or(candidate, |known| known.min(candidate))
            }
        };
        if day >= first_day(closing, window_days) {
            self.closing = Some(closing);
            self.days.entry(day).or_default().add(category);
        }
    }

    fn take_back(&mut self, day: Day, taken: Tally) {
        if let Some(tally) = self.days.get_mut(&day) {
            tally.take_back(taken);
            if tally.replies() == 0 {
                self.days.remove(&day);
            }
        }
    }

    /// Makes a day the one that closes next and lets go of what it can't include.
    fn open(&mut self, next: Option<Day>, window_days: u16) {
        self.closing = next;
        if let Some(day) = next {
            self.settle(day);
            self.days = self.days.split_off(&first_day(day, window_days));
        } else {
            self.days.clear();
            self.ahead.clear();
        }
    }

    /// Takes back what waited for days up to this one.
    fn settle(&mut self, day: Day) {
        while let Some(entry) = self.ahead.first_entry()
            && entry.key().0 <= day
        {
            let ((_, gives_back), taken) = entry.remove_entry();
            self.take_back(gives_back, taken);
        }
    }

    fn total(&self, last: Day, window_days: u16) -> Tally {
        let days = self.days.range(first_day(last, window_days)..=last);
        days.map(|(_, tally)| tally).sum()
    }
}

/// Returns the first day of the window that ends with `last`.
pub(super) fn first_day(last: Day, window_days: u16) -> Day {
    last.plus(1 - i32::from(window_days.max(1)))
}
