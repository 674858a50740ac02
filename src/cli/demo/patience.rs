//! How long to wait for workers who take nothing more, and what to say when that is over.
//!
//! A halted shard takes nothing, however long one waits, and so does it look when nothing is heard of the workers. Work
//! that goes on is waited for, slow as it may be. Knows neither broker nor terminal.

use std::time::Duration;

use waymark_engine::event::Timestamp;

use crate::clock::Stopwatch;
use crate::telemetry::{Report, ShardState};

/// How long nothing may move: a recovery on a busy machine takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// What moves as long as the workers do: records taken, and the clock of the cohorts.
type Mark = (u64, Option<Timestamp>);

/// Waits for workers.
pub(super) struct Patience {
    since: Stopwatch,
    mark: Mark,
}

impl Patience {
    /// Begins to wait.
    pub(super) fn new() -> Self {
        Self {
            since: Stopwatch::start(),
            mark: (0, None),
        }
    }

    /// Looks how far the workers are; returns whether they have not moved for too long although something waits.
    pub(super) fn is_over(&mut self, mark: Mark, something_waits: bool) -> bool {
        if mark != self.mark || !something_waits {
            *self = Self {
                since: Stopwatch::start(),
                mark,
            };
        }
        self.since.elapsed() > PATIENCE
    }
}

/// Says that the workers have stopped, and which shards do not run.
pub(super) fn why(waiting: u64, report: &Report) -> String {
    let shards = report.shards.iter();
    let shards = shards.filter(|shard| shard.state != ShardState::Running);
    let shards = shards.map(|it| format!("shard {}/{} {}", it.stage, it.shard, it.state));
    let shards: Vec<_> = shards.collect();
    let why = if shards.is_empty() {
        "all shards run, and nothing is heard of them".to_owned()
    } else {
        shards.join("; ")
    };
    format!("nothing has moved for {PATIENCE:?} while {waiting} records wait: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Metrics, Status};

    #[test]
    fn a_halted_shard_is_named_with_what_it_says() {
        let status = Status::new(&Metrics::new());
        status.set("customer", 2, ShardState::Running);
        let silent = why(3, &status.report());
        assert!(silent.ends_with("3 records wait: all shards run, and nothing is heard of them"));
        let (code, text) = ("SOURCE_GAP", "position 7 is gone".to_owned());
        status.set("customer", 3, ShardState::Halted { code, text });
        let halted = why(3, &status.report());
        let shard = "wait: shard customer/3 halted: SOURCE_GAP: position 7 is gone";
        assert!(halted.ends_with(shard), "{halted}");
    }

    #[test]
    fn patience_begins_anew_with_each_move_and_where_nothing_waits() {
        let mut patience = Patience::new();
        let before = patience.since.elapsed();
        std::thread::sleep(Duration::from_millis(5));
        assert!(!patience.is_over((0, None), true));
        assert!(patience.since.elapsed() > before + Duration::from_millis(5));
        assert!(!patience.is_over((1, None), true));
        assert!(patience.since.elapsed() < Duration::from_millis(5));
    }
}
