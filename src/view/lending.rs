//! The picture of `demo`: a lending business at work.
//!
//! ```text
//! title, clock, facts
//! stages as columns, with what is stalled in each
//! newest alerts, each followed in its place │ scores with their intervals
//! notes
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::parts::{cut, facts, panel};
use super::{Mood, Paint, Picture};

/// A lending business at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lending {
    /// What this is.
    pub(crate) title: String,
    /// What time it is there.
    pub(crate) clock: String,
    /// How much of the story is told, 0 to 1; none if nobody knows.
    pub(crate) told: Option<f64>,
    /// Names and values of what there is to say besides.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Stages in their order.
    pub(crate) stages: Vec<StageColumn>,
    /// Alerts that turned something, above the others.
    pub(crate) turns: Vec<AlertRow>,
    /// Alerts, the newest first.
    pub(crate) alerts: Vec<AlertRow>,
    /// Scores, in the order to be shown; none where nobody keeps any.
    pub(crate) scores: Option<Vec<ScoreRow>>,
    /// What to try meanwhile, line by line.
    pub(crate) notes: Vec<String>,
}

/// A stage.
#[derive(Debug, Clone, Default)]
pub(crate) struct StageColumn {
    /// Its name.
    pub(crate) name: String,
    /// Applications in it.
    pub(crate) applications: u64,
    /// Of them, those that have used up most of their time, and those beyond it.
    pub(crate) slow: u64,
    pub(crate) late: u64,
}

/// An alert, as it stands now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct AlertRow {
    /// When, in the time of the story.
    pub(crate) at: String,
    /// What sort, and where it stands: `application stalled`, `resolved`.
    pub(crate) kind: String,
    pub(crate) status: String,
    /// Whom it is about.
    pub(crate) subject: String,
    /// Why, in plain words.
    pub(crate) reason: String,
    /// How that is.
    pub(crate) mood: Mood,
}

/// A score with its interval, in points from -100 to 100.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScoreRow {
    /// Whose.
    pub(crate) name: String,
    /// The score and its bounds.
    pub(crate) score: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How many replies it rests on.
    pub(crate) replies: u64,
    /// How that is.
    pub(crate) mood: Mood,
}

/// A panel of alerts that is at least so wide tells each in one line.
const WIDE: u16 = 96;
/// `17 Mar` of `17 Mar 14:20`.
const DAY: usize = 6;
/// What scores need: a name, a number, an interval.
const SCORES_WIDTH: u16 = 46;

impl Picture for Lending {
    fn draw(&self, frame: &mut Frame<'_>, paint: Paint) {
        let notes = u16::try_from(self.notes.len()).unwrap_or(u16::MAX);
        let [head, stages, main, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(5),
            Constraint::Min(0),
            Constraint::Length(notes),
        ])
        .areas(frame.area());
        let scores_width = match self.scores {
            Some(_) => SCORES_WIDTH.min(main.width * 2 / 5),
            None => 0,
        };
        let [alerts, scores] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(scores_width)])
                .spacing(1)
                .areas(main);
        self.draw_head(frame, head, paint);
        self.draw_stages(frame, stages, paint);
        self.draw_alerts(frame, alerts, paint);
        if let Some(rows) = &self.scores {
            draw_scores(rows, frame, scores, paint);
        }
        let notes = self
            .notes
            .iter()
            .map(|note| Line::styled(note.as_str(), Paint::faint()));
        frame.render_widget(Paragraph::new(notes.collect::<Vec<_>>()), foot);
    }
}

impl Lending {
    fn draw_head(&self, frame: &mut Frame<'_>, area: Rect, paint: Paint) {
        let told = self.told.map_or_else(String::new, |share| {
            format!("  {:3.0} % told", 100.0 * share)
        });
        let title = Line::from(vec![
            Span::styled(self.title.as_str(), paint.heading()),
            Span::raw("  "),
            Span::styled(self.clock.as_str(), Modifier::BOLD),
            Span::styled(told, Paint::faint()),
        ]);
        let lines = vec![title, facts(&self.facts, area.width)];
        frame.render_widget(Paragraph::new(lines), area);
    }

    fn draw_stages(&self, frame: &mut Frame<'_>, area: Rect, paint: Paint) {
        let inner = panel(
            frame,
            area,
            "Applications by stage: ~ most of the time used up, ! beyond the limit",
            paint,
        );
        if self.stages.is_empty() {
            return;
        }
        let most = self.stages.iter().map(|it| it.applications).max();
        let most = most.unwrap_or_default().max(1);
        let columns = Layout::horizontal(vec![Constraint::Fill(1); self.stages.len()]);
        for (stage, area) in self.stages.iter().zip(columns.split(inner).iter()) {
            let width = usize::from(area.width.saturating_sub(1));
            let bar = width as f64 * stage.applications as f64 / most as f64;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to width"
            )]
            let bar = "▆".repeat(bar.ceil() as usize);
            let bars = if stage.late > 0 {
                Mood::Bad
            } else if stage.slow > 0 {
                Mood::Warning
            } else {
                Mood::Good
            };
            let (first, second) = stage.name.split_once('_').unwrap_or((&stage.name, ""));
            let lines = vec![
                Line::styled(cut(first, width), Paint::faint()),
                Line::styled(cut(second, width), Paint::faint()),
                stage.counts(width, paint),
                Line::styled(bar, paint.of(bars)),
            ];
            frame.render_widget(Paragraph::new(lines), *area);
        }
    }

    fn draw_alerts(&self, frame: &mut Frame<'_>, area: Rect, paint: Paint) {
        let inner = panel(
            frame,
            area,
            "Newest alerts, each followed in its place",
            paint,
        );
        let mut lines = Vec::new();
        let height = usize::from(inner.height);
        for row in self.turns.iter().chain(&self.alerts) {
            let wanted = row.lines(inner.width, paint);
            if lines.len() + wanted.len() > height {
                break;
            }
            lines.extend(wanted);
        }
        frame.render_widget(Paragraph::new(lines), inner);
    }
}

fn draw_scores(rows: &[ScoreRow], frame: &mut Frame<'_>, area: Rect, paint: Paint) {
    let inner = panel(frame, area, "NPS with its 95 % interval", paint);
    let names = rows.iter().map(|row| row.name.chars().count());
    let name_width = names
        .max()
        .unwrap_or(0)
        .min(usize::from(inner.width / 3).max(9));
    let lines = rows.iter().take(usize::from(inner.height));
    let lines = lines.map(|row| row.line(name_width, usize::from(inner.width), paint));
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}

impl StageColumn {
    /// `20 ~2 !1`; what is slow is left out where there is no room for it.
    fn counts(&self, width: usize, paint: Paint) -> Line<'_> {
        let of = |mark: char, number: u64| match number {
            0 => String::new(),
            number => format!(" {mark}{number}"),
        };
        let (all, late) = (self.applications.to_string(), of('!', self.late));
        let mut slow = of('~', self.slow);
        if all.len() + slow.len() + late.len() > width {
            slow.clear();
        }
        Line::from(vec![
            Span::styled(all, Modifier::BOLD),
            Span::styled(slow, paint.of(Mood::Warning)),
            Span::styled(late, paint.of(Mood::Bad)),
        ])
    }
}

impl AlertRow {
    fn lines(&self, width: u16, paint: Paint) -> Vec<Line<'_>> {
        let mood = paint.of(self.mood);
        if width >= WIDE {
            let head = vec![
                Span::styled(format!("{} ", self.at), Paint::faint()),
                Span::styled(format!("{} {}", self.kind, self.status), mood),
                Span::raw(format!("  {}: {}", self.subject, self.reason)),
            ];
            return vec![Line::from(head)];
        }
        let day = cut(&self.at, DAY);
        let head = vec![
            Span::styled(format!("{day} "), Paint::faint()),
            Span::raw(format!("{} ", self.subject)),
            Span::styled(self.kind.as_str(), mood),
        ];
        let reason = vec![
            Span::raw(" ".repeat(DAY + 1)),
            Span::styled(self.status.as_str(), mood),
            Span::raw(format!(": {}", self.reason)),
        ];
        vec![Line::from(head), Line::from(reason)]
    }
}

impl ScoreRow {
    /// `harbour       -29  ├──●───┤  126`: a scale from -100 to 100, as wide as there is room.
    fn line(&self, name_width: usize, width: usize, paint: Paint) -> Line<'_> {
        let name = cut(&self.name, name_width);
        let left = format!("{name:name_width$} {:+4.0} ", self.score);
        let replies = format!("{:5}", self.replies);
        let scale_width = width.saturating_sub(left.chars().count() + replies.len());
        let scale: String = (0..scale_width)
            .map(|place| self.mark(place, scale_width))
            .collect();
        Line::from(vec![
            Span::styled(left, paint.of(self.mood)),
            Span::styled(scale, paint.of(self.mood)),
            Span::styled(replies, Paint::faint()),
        ])
    }

    fn mark(&self, place: usize, width: usize) -> char {
        let at = |points: f64| {
            let share = (points.clamp(-100.0, 100.0) + 100.0) / 200.0;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0 to width"
            )]
            let place = (share * (width.saturating_sub(1)) as f64).round() as usize;
            place
        };
        if place == at(self.score) {
            '●'
        } else if place == at(self.low) {
            '├'
        } else if place == at(self.high) {
            '┤'
        } else if (at(self.low)..at(self.high)).contains(&place) {
            '─'
        } else if place == at(0.0) {
            '┊'
        } else {
            ' '
        }
    }
}

#[cfg(test)]
mod tests;
