//! The one place that reads clocks.

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
