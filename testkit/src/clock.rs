//! Waiting with an end. The only place of the kit that looks at a clock.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long to pause between two questions: short against a server's start, long against the cost of asking.
const PAUSE: Duration = Duration::from_millis(25);

/// Asks again and again until there is an answer, and returns it; `None` when `limit` has passed without one.
///
/// It asks at least once, and once more after the limit.
pub fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    #[expect(clippy::disallowed_methods, reason = "real servers take real time")]
    let begin = Instant::now();
    loop {
        let late = begin.elapsed() >= limit;
        match ask() {
            Some(answer) => return Some(answer),
            None if late => return None,
            None => sleep(PAUSE),
        }
    }
}
