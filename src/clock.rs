//! The one place that reads the wall clock.

use waymark_engine::event::Timestamp;

/// Returns the time of day.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> Timestamp {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::MIN + since_1970
}
