//! The show as a picture on a terminal, drawn a few times a second.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::Value;
use waymark_engine::event::Timestamp;

use crate::cli::alert::mood;
use crate::cli::paint;
use crate::clock::Stopwatch;
use crate::demo::{Board, Seen, Told};
use crate::view::{AlertRow, Heard, Lending, Mood, ScoreRow, Screen, StageColumn};
use crate::words::{plain, reason, short_subject};

/// How often to draw.
const EVERY: Duration = Duration::from_millis(100);
/// Over which time a rate is told.
const LATELY: Duration = Duration::from_secs(3);
/// Decides which cohorts are shown beside everybody.
const DIMENSION: &str = "branch";

/// A picture under way.
pub(super) struct Live {
    screen: Screen,
    notes: Vec<String>,
    begin: Timestamp,
    end: Option<Timestamp>,
    since: Stopwatch,
    drawn: Option<Duration>,
    board: Board,
    has_scores: bool,
    /// Records taken and alerts heard, with the time at which that was so.
    lately: VecDeque<(Duration, [u64; 3])>,
}

impl Live {
    /// Takes the terminal; the story goes from `begin` to `end`, if that is known.
    ///
    /// # Errors
    /// If the terminal can't be had.
    pub(super) fn open(
        poster: [String; 3],
        (begin, end): (Timestamp, Option<Timestamp>),
        has_scores: bool,
    ) -> io::Result<Self> {
        Ok(Self {
            screen: Screen::take(paint())?,
            notes: poster.into(),
            begin,
            end,
            since: Stopwatch::start(),
            drawn: None,
            board: Board::default(),
            has_scores,
            lately: VecDeque::new(),
        })
    }

    /// Takes in what is new and draws, if it is time to; breaks off if somebody wants to leave.
    ///
    /// # Errors
    /// If the terminal fails.
    pub(super) fn show(
        &mut self,
        seen: &mut Seen,
        told: &Told,
        clock: Timestamp,
    ) -> io::Result<ControlFlow<()>> {
        let now = self.since.elapsed();
        for alert in seen.take_alerts() {
            self.board.enter(alert, now);
        }
        loop {
            match Screen::listen(Duration::ZERO)? {
                Heard::Farewell => return Ok(ControlFlow::Break(())),
                Heard::Nothing => break,
                Heard::Resized | Heard::Other => {}
            }
        }
        if self.drawn.is_none_or(|drawn| now >= drawn + EVERY) {
            self.drawn = Some(now);
            let picture = self.picture(seen, told, clock, now);
            self.screen.draw(&picture)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn picture(&mut self, seen: &Seen, told: &Told, clock: Timestamp, now: Duration) -> Lending {
        let sent = told.sent.load(Ordering::Relaxed);
        let taken = seen.books().received;
        let [records, alerts, steps] = self.rates(now, [taken, seen.transitions, seen.steps()]);
        let share = |end: Timestamp| {
            let (told, whole) = (clock.since(self.begin), end.since(self.begin));
            told.as_secs_f64() / whole.as_secs_f64().max(1.0)
        };
        let title = if sent == 0 {
            "waymark demo: the workers take their shards"
        } else {
            "waymark demo"
        };
        Lending {
            title: title.to_owned(),
            clock: time(clock, "%a %d %b %Y %H:%M"),
            told: self.end.map(share),
            facts: vec![
                ("events/s", format!("{records:.0}")),
                ("alerts/s", format!("{alerts:.0}")),
                ("waiting", sent.saturating_sub(taken).to_string()),
                ("events", taken.to_string()),
                ("alerts", seen.transitions.to_string()),
                ("customers", seen.known_customers().to_string()),
                ("steps/s", format!("{steps:.0}")),
            ],
            stages: stages(seen),
            turns: self.board.turns.iter().map(row).collect(),
            alerts: self.board.rows.iter().map(row).collect(),
            scores: self.has_scores.then(|| scores(seen)),
            notes: self.notes.clone(),
        }
    }

    /// Returns how many a second there were lately. Counters fall where the mock shows a step that was then aborted.
    fn rates(&mut self, now: Duration, counts: [u64; 3]) -> [f64; 3] {
        self.lately.push_back((now, counts));
        while self.lately.len() > 2 && self.lately[1].0 + LATELY < now {
            self.lately.pop_front();
        }
        let (then, before) = self.lately[0];
        let seconds = now.saturating_sub(then).as_secs_f64().max(0.1);
        std::array::from_fn(|place| counts[place].saturating_sub(before[place]) as f64 / seconds)
    }
}

fn stages(seen: &Seen) -> Vec<StageColumn> {
    let stages = seen.stages.iter().map(|stage| {
        let (slow, late) = seen.stalled(&stage.name);
        StageColumn {
            name: plain(&stage.name),
            applications: stage.applications,
            slow,
            late,
        }
    });
    stages.collect()
}

fn row(alert: &Value) -> AlertRow {
    let say = |key: &str| alert[key].as_str().unwrap_or_default();
    let at = Timestamp::parse(say("occurred_at")).ok();
    AlertRow {
        at: at.map_or_else(String::new, |at| time(at, "%d %b %H:%M")),
        kind: plain(say("kind")).replace('_', " "),
        status: plain(say("status")),
        subject: short_subject(alert),
        reason: reason(alert),
        mood: mood(alert),
    }
}

/// Everybody first, then the branches.
fn scores(seen: &Seen) -> Vec<ScoreRow> {
    let mut rows: Vec<(bool, ScoreRow)> = Vec::new();
    for score in seen.scores.values() {
        let say = |key: &str| score["cohort"][key].as_str().unwrap_or_default();
        let points = |key: &str| score[key].as_f64();
        let is_all = say("dimension") == "all";
        let of_branch = say("dimension") == DIMENSION;
        if let (true, Some(nps), Some(low), Some(high)) = (
            is_all || of_branch,
            points("nps"),
            points("low"),
            points("high"),
        ) {
            let row = ScoreRow {
                name: plain(say("value")),
                score: nps,
                low,
                high,
                replies: score["replies"].as_u64().unwrap_or_default(),
                mood: if of_branch && seen.has_fallen(&score["cohort"]) {
                    Mood::Bad
                } else {
                    Mood::Plain
                },
            };
            rows.push((!is_all, row));
        }
    }
    rows.sort_by(|(a, x), (b, y)| (a, &x.name).cmp(&(b, &y.name)));
    rows.into_iter().map(|(_, row)| row).collect()
}

/// The story's own civil time.
fn time(at: Timestamp, format: &str) -> String {
    let at = at.to_jiff().to_zoned(TimeZone::UTC);
    at.strftime(format).to_string()
}
