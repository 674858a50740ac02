//! Tells systemd what the probes tell: `Type=notify` and its watchdog. Without `NOTIFY_SOCKET` nothing is told.
//!
//! | told      | when                                                                                            |
//! | --------- | ----------------------------------------------------------------------------------------------- |
//! | `READY`   | once every worker has its shards, and each shard runs or has halted: the start is over          |
//! | more time | while that takes and the loops turn; a start that hangs meets its limit                         |
//! | `WATCHDOG`| while `/livez` would say 200, several times a period; never from a timer alone                  |
//! | `STATUS`  | a sentence for `systemctl status`, when it changes                                              |
//! | `STOPPING`| when told to stop, or when the process ends by itself                                           |
//!
//! A halted shard does not hold the start up: it waits for a person, and the sentence names it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

use super::SILENCE_MAX;
use crate::clock::Stopwatch;
use crate::telemetry::{Report, ShardState, Status};

/// How often we look whether to stop.
const LOOK: Duration = Duration::from_millis(50);
/// How often we look how the process is; more often where the watchdog is impatient.
const EVERY: Duration = Duration::from_secs(1);
/// How long the last word may take: a socket that nobody reads takes none, and must not hold up a process that stops.
const FAREWELL: Duration = Duration::from_secs(1);
/// By how much the limit of the start is put off at each look, in microseconds: two minutes, for a process that lives.
const MORE_TIME: u32 = 120_000_000;

/// Tells systemd how the process is, until it is dropped.
#[derive(Debug)]
pub struct Notifier {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Notifier {
    /// Begins to tell, until `stop` is set or it is dropped.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(status: Status, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let ended = Arc::new(AtomicBool::new(false));
        let is_over = {
            let ended = Arc::clone(&ended);
            move || stop.load(Ordering::Relaxed) || ended.load(Ordering::Relaxed)
        };
        let every = sd_notify::watchdog_enabled().map_or(EVERY, |period| EVERY.min(period / 4));
        let work = move || tell(&status, every, &is_over);
        let thread = thread::Builder::new()
            .name("systemd".to_owned())
            .spawn(work)?;
        Ok(Self { ended, thread })
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let since = Stopwatch::start();
        while !self.thread.is_finished() && since.elapsed() < FAREWELL {
            thread::sleep(LOOK);
        }
    }
}

fn tell(status: &Status, every: Duration, is_over: &dyn Fn() -> bool) {
    let mut said = Said::default();
    while !is_over() {
        send(&said.next(&status.report()));
        let since = Stopwatch::start();
        while since.elapsed() < every && !is_over() {
            thread::sleep(LOOK.min(every));
        }
    }
    send(&[Word::Stopping, Word::Status("stopping".to_owned())]);
}

/// Whoever does not listen is told of no more than once.
fn send(words: &[Word]) {
    static FAILED: AtomicBool = AtomicBool::new(false);
    let states: Vec<NotifyState<'_>> = words.iter().map(Word::state).collect();
    if states.is_empty() {
        return;
    }
    if let Err(error) = sd_notify::notify(&states)
        && !FAILED.swap(true, Ordering::Relaxed)
    {
        warn!(%error, "systemd can't be told how we are");
    }
}

/// What has been said so far.
#[derive(Debug, Default)]
struct Said {
    ready: bool,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Ready,
    MoreTime,
    Alive,
    Status(String),
    Stopping,
}

impl Said {
    /// Returns what to say of a process that is like this.
    fn next(&mut self, report: &Report) -> Vec<Word> {
        let mut words = Vec::new();
        let live = report.is_live(SILENCE_MAX);
        if !self.ready && has_started(report) {
            self.ready = true;
            words.push(Word::Ready);
        }
        if live && !self.ready {
            words.push(Word::MoreTime);
        }
        if live {
            words.push(Word::Alive);
        }
        let status = sentence(report);
        if status != self.status {
            words.push(Word::Status(status.clone()));
            self.status = status;
        }
        words
    }
}

/// Whether nothing is under way any more that belongs to the start.
fn has_started(report: &Report) -> bool {
    let settled = |state: &ShardState| match state {
        ShardState::Running | ShardState::Halted { .. } => true,
        ShardState::Waiting { .. } | ShardState::Recovering => false,
    };
    report.waits_for.is_none()
        && !report.workers.is_empty()
        && report.workers.iter().all(|worker| worker.joined)
        && report.shards.iter().all(|shard| settled(&shard.state))
}

/// Says how the process is: `2 of 2 workers joined; 11 shards running, 1 halted (customer/3 SOURCE_GAP)`.
fn sentence(report: &Report) -> String {
    if let Some(why) = &report.waits_for {
        return format!("waiting: {why}");
    }
    let joined = report.workers.iter().filter(|worker| worker.joined).count();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for shard in &report.shards {
        *counts.entry(shard.state.name()).or_default() += 1;
    }
    let states = counts.iter().map(|(name, count)| format!("{count} {name}"));
    let states: Vec<String> = states.collect();
    let stuck = report.shards.iter().find_map(|shard| match &shard.state {
        ShardState::Halted { code, .. } => {
            Some(format!("{code} in {}/{}", shard.stage, shard.shard))
        }
        ShardState::Waiting { .. } | ShardState::Recovering | ShardState::Running => None,
    });
    let shards = match (&states[..], stuck) {
        ([], _) => "no shards".to_owned(),
        (states, None) => format!("shards: {}", states.join(", ")),
        (states, Some(stuck)) => format!("shards: {}; {stuck}", states.join(", ")),
    };
    format!(
        "{joined} of {} workers joined; {shards}",
        report.workers.len()
    )
}

impl Word {
    fn state(&self) -> NotifyState<'_> {
        match self {
            Word::Ready => NotifyState::Ready,
            Word::MoreTime => NotifyState::ExtendTimeoutUsec(MORE_TIME),
            Word::Alive => NotifyState::Watchdog,
            Word::Status(text) => NotifyState::Status(text),
            Word::Stopping => NotifyState::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{ShardReport, WorkerReport};

    fn worker(joined: bool, silent: u64) -> WorkerReport {
        WorkerReport {
            name: "d.customer-0".to_owned(),
            silent_for: Duration::from_secs(silent),
            joined,
        }
    }

    fn report(worker: WorkerReport, states: &[ShardState]) -> Report {
        let shards = (0..).zip(states).map(|(shard, state)| ShardReport {
            stage: "customer",
            shard,
            state: state.clone(),
            note: None,
        });
        Report {
            waits_for: None,
            workers: vec![worker],
            shards: shards.collect(),
        }
    }

    fn halted() -> ShardState {
        ShardState::Halted {
            code: "SOURCE_GAP",
            text: "position 7 is below the log start 9".to_owned(),
        }
    }

    #[test]
    fn the_start_is_over_once_every_shard_has_settled_and_is_said_once() {
        let mut said = Said::default();
        let nobody = report(worker(false, 0), &[]);
        assert_eq!(
            said.next(&nobody),
            [
                Word::MoreTime,
                Word::Alive,
                Word::Status("0 of 1 workers joined; no shards".to_owned()),
            ]
        );
        let recovering = report(
            worker(true, 0),
            &[ShardState::Running, ShardState::Recovering],
        );
        assert!(!said.next(&recovering).contains(&Word::Ready));
        let settled = report(worker(true, 0), &[ShardState::Running, halted()]);
        let words = said.next(&settled);
        assert_eq!(words[..2], [Word::Ready, Word::Alive]);
        let status = "1 of 1 workers joined; shards: 1 halted, 1 running; SOURCE_GAP in customer/1";
        assert_eq!(words[2..], [Word::Status(status.to_owned())]);
        assert_eq!(said.next(&settled), [Word::Alive], "nothing is new");
        assert!(
            !said.next(&recovering).contains(&Word::MoreTime),
            "that is no start any more"
        );
    }

    #[test]
    fn a_loop_that_hangs_is_neither_alive_nor_given_more_time() {
        let hangs = report(worker(false, SILENCE_MAX.as_secs() + 1), &[]);
        let words = Said::default().next(&hangs);
        assert!(matches!(words[..], [Word::Status(_)]), "{words:?}");
    }

    #[test]
    fn a_process_that_waits_for_a_server_says_for_which() {
        let mut waits = report(worker(true, 0), &[]);
        waits.waits_for = Some("the schema registry is away".to_owned());
        let words = Said::default().next(&waits);
        let status = "waiting: the schema registry is away".to_owned();
        assert_eq!(words, [Word::MoreTime, Word::Alive, Word::Status(status)]);
    }
}
