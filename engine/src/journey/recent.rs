//! Which events were seen lately: the window for duplicates.
//!
//! Two days of stream time are kept, today and yesterday, so that a repeat within 24 hours is found; at most 64
//! hashes in all, the oldest going first. Pruning costs nothing until the journey is touched again.

use crate::event::{EventHash, Timestamp};

/// Hashes kept at most: 64 × 8 bytes = 512 bytes a journey at worst.
const HASHES_MAX: usize = 64;
const DAY_MILLIS: i64 = 86_400_000;

/// Hashes of the events of two days of stream time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecentEvents {
    /// The day `today` stands for, in days since 1970-01-01 UTC.
    pub(super) day: i32,
    /// Seen on that day, in order.
    pub(super) today: Vec<EventHash>,
    /// Seen on the day before, in order.
    pub(super) yesterday: Vec<EventHash>,
}

impl RecentEvents {
    /// Returns whether an event was seen.
    pub fn contains(&self, event: EventHash) -> bool {
        self.today.contains(&event) || self.yesterday.contains(&event)
    }

    /// Notes an event seen at stream time `at`, and forgets what is older than yesterday.
    pub fn insert(&mut self, event: EventHash, at: Timestamp) {
        self.turn_to(
            i32::try_from(at.as_millis() / DAY_MILLIS).expect("year 9999 is day 2,932,896"),
        );
        self.today.push(event);
        if self.today.len() + self.yesterday.len() > HASHES_MAX {
            let oldest = if self.yesterday.is_empty() {
                &mut self.today
            } else {
                &mut self.yesterday
            };
            oldest.remove(0);
        }
    }

    fn turn_to(&mut self, day: i32) {
        if day == self.day {
            return;
        }
        // The two lists change places, so that neither is allocated anew each day.
        std::mem::swap(&mut self.today, &mut self.yesterday);
        self.today.clear();
        if day != self.day + 1 {
            self.yesterday.clear();
        }
        self.day = day;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn event(n: usize) -> EventHash {
        EventHash::of(&n.to_string())
    }

    #[test]
    fn a_repeat_within_a_day_is_found_across_midnight() {
        let mut recent = RecentEvents::default();
        recent.insert(event(1), at("2026-03-02T12:00:00Z"));
        recent.insert(event(2), at("2026-03-03T11:59:59Z"));
        assert!(recent.contains(event(1)));
        recent.insert(event(3), at("2026-03-04T00:00:00Z"));
        assert!(!recent.contains(event(1)) && recent.contains(event(2)));
    }

    #[test]
    fn after_a_longer_silence_nothing_is_kept() {
        let mut recent = RecentEvents::default();
        recent.insert(event(1), at("2026-03-02T12:00:00Z"));
        recent.insert(event(2), at("2026-03-05T12:00:00Z"));
        assert!(!recent.contains(event(1)));
    }

    #[test]
    fn never_more_than_64_and_the_oldest_go_first() {
        let mut recent = RecentEvents::default();
        for n in 0..100 {
            let day = if n < 40 {
                "2026-03-02T12:00:00Z"
            } else {
                "2026-03-03T12:00:00Z"
            };
            recent.insert(event(n), at(day));
        }
        assert_eq!(recent.today.len() + recent.yesterday.len(), 64);
        assert!(
            !recent.contains(event(35)) && recent.contains(event(36)) && recent.contains(event(99))
        );
    }
}
