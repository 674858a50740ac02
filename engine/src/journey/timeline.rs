//! The last eight things that happened to a customer, for a person who looks.

use crate::event::{Kind, Timestamp};

/// Entries kept.
const ENTRIES_MAX: usize = 8;

/// The newest entries by event time, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline(Vec<TimelineEntry>);

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: Kind,
}

impl Timeline {
    /// Adds an entry at its place in time, and forgets the oldest beyond eight.
    pub fn insert(&mut self, entry: TimelineEntry) {
        let place = self.0.partition_point(|known| known.at <= entry.at);
        if self.0.len() < ENTRIES_MAX {
            self.0.insert(place, entry);
        } else if place > 0 {
            self.0[..place].rotate_left(1);
            self.0[place - 1] = entry;
        }
    }

    /// Takes over what was stored: entries, oldest first.
    pub(super) fn from_entries(entries: &[TimelineEntry]) -> Self {
        let mut kept = Vec::with_capacity(entries.len().max(ENTRIES_MAX));
        kept.extend_from_slice(entries);
        Self(kept)
    }

    /// Returns the entries, oldest first.
    pub fn entries(&self) -> &[TimelineEntry] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_eight_are_kept_in_order_whatever_the_order_of_arrival() {
        let mut timeline = Timeline::default();
        for minute in [5, 1, 9, 3, 8, 2, 7, 4, 6, 0, 10] {
            let at = Timestamp::from_millis(minute * 60_000).unwrap();
            timeline.insert(TimelineEntry {
                at,
                kind: Kind::LoggedIn,
            });
        }
        let minutes: Vec<_> = timeline
            .entries()
            .iter()
            .map(|entry| entry.at.as_millis() / 60_000)
            .collect();
        assert_eq!(minutes, [3, 4, 5, 6, 7, 8, 9, 10]);
    }
}
