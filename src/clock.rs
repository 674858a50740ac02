//! The one place that reads clocks.
//!
//! What happens to customers and how we deliver go by two times of day. Delivery (sessions, retention, how old a copy is)
//! always goes by the wall. Customers' time may be that of a story, which lies in the past and is told faster than it
//! happened: see [`TimeOfDay`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use waymark_engine::event::Timestamp;

/// Returns the time of day.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::MIN + since_1970
}

/// What time it is for customers: where idle shards move their clocks, and how long ago something happened.
#[derive(Debug, Clone)]
pub enum TimeOfDay {
    /// That of the wall.
    Wall,
    /// That of a story, as far as it has been told.
    Story(StoryClock),
}

/// The clock of a story: it stands wherever the teller puts it. Clones are one clock.
#[derive(Debug, Clone)]
pub struct StoryClock(Arc<AtomicI64>);

impl TimeOfDay {
    /// Returns the time.
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Wall => now(),
            Self::Story(clock) => clock.now(),
        }
    }
}

impl StoryClock {
    /// A clock that stands at the beginning.
    pub(crate) fn at(begin: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(begin.as_millis())))
    }

    /// Puts the clock forward. Everything that happened up to then must have been told, or it would come too late.
    pub(crate) fn put(&self, to: Timestamp) {
        self.0.fetch_max(to.as_millis(), Ordering::Release);
    }

    /// Returns where the clock stands.
    pub(crate) fn now(&self) -> Timestamp {
        let millis = self.0.load(Ordering::Acquire);
        Timestamp::from_millis(millis).expect("only timestamps are put in")
    }
}

/// Measures how long something takes, whatever becomes of the time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub(crate) fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Returns how long it has been.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_story_stands_where_it_was_put_and_never_goes_back() {
        let begin = Timestamp::MIN + Duration::from_hours(1_000_000);
        let clock = StoryClock::at(begin);
        let told = TimeOfDay::Story(clock.clone());
        assert_eq!(told.now(), begin);
        clock.put(begin + Duration::from_mins(5));
        clock.put(begin);
        assert_eq!(told.now(), begin + Duration::from_mins(5));
    }

    #[test]
    fn the_time_of_the_wall_passes_by_itself() {
        assert!(TimeOfDay::Wall.now() >= now() - Duration::from_mins(1));
    }
}
