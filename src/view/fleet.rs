//! The picture of `top`: a deployment at work, with what needs somebody on top.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::parts::{Grid, facts, panel};
use super::{Mood, Paint, Picture};

/// A deployment at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fleet {
    /// What this is.
    pub(crate) title: String,
    /// Names and values of what there is to say of all of it.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What needs somebody, or waits for something.
    pub(crate) troubles: Vec<String>,
    /// Shards, those that need somebody first.
    pub(crate) shards: Grid,
    /// Alerts by kind and status.
    pub(crate) alerts: Grid,
}

/// What the heading of the alerts needs.
const TITLE: u16 = 30;
/// Troubles told; the picture is for the rest too.
const TROUBLES_MAX: usize = 5;

impl Picture for Fleet {
    fn draw(&self, frame: &mut Frame<'_>, paint: Paint) {
        let told = self.troubles.len().min(TROUBLES_MAX);
        let [head, troubles, main] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Length(u16::try_from(told).unwrap_or(u16::MAX)),
            Constraint::Min(0),
        ])
        .areas(frame.area());
        let [shards, alerts] = self.share(main);
        let title = Line::from(vec![
            Span::styled(self.title.as_str(), paint.heading()),
            Span::styled("  q leaves", Paint::faint()),
        ]);
        let lines = vec![title, facts(&self.facts, head.width)];
        frame.render_widget(Paragraph::new(lines), head);
        let told = self.troubles.iter().take(TROUBLES_MAX);
        let told = told.map(|trouble| Line::styled(trouble.as_str(), paint.of(Mood::Bad)));
        frame.render_widget(Paragraph::new(told.collect::<Vec<_>>()), troubles);
        let area = panel(frame, shards, "Shards", paint);
        self.shards.draw(frame, area, paint);
        let area = panel(frame, alerts, "Alerts since the start", paint);
        self.alerts.draw(frame, area, paint);
    }
}

impl Fleet {
    /// Shards and alerts beside each other where there is room, else below each other.
    fn share(&self, area: Rect) -> [Rect; 2] {
        const GAP: u16 = 2;
        let (shards, alerts) = (self.shards.width(), self.alerts.width().max(TITLE));
        if area.width >= shards.saturating_add(alerts).saturating_add(GAP) {
            let widths = [Constraint::Min(0), Constraint::Length(alerts)];
            return Layout::horizontal(widths).spacing(GAP).areas(area);
        }
        let lines = u16::try_from(self.alerts.rows.len()).unwrap_or(u16::MAX);
        let lines = lines.saturating_add(2).min(area.height / 2);
        Layout::vertical([Constraint::Min(0), Constraint::Length(lines)]).areas(area)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::drawn;

    fn fleet(shards: usize) -> Fleet {
        let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect();
        let mut rows = vec![(Mood::Bad, row(&["customer/4", "halted", "12", "-"]))];
        rows.resize(
            shards,
            (Mood::Plain, row(&["cohort/0", "running", "0", "12:30:05"])),
        );
        Fleet {
            title: "waymark top".to_owned(),
            facts: vec![("records/s", "733".to_owned())],
            troubles: vec!["customer/4 halted: SOURCE_GAP".to_owned()],
            shards: Grid {
                header: vec!["shard", "state", "lag", "stream time"],
                rows,
            },
            alerts: Grid {
                header: vec!["kind", "raised"],
                rows: vec![(Mood::Plain, row(&["nps_shift", "1"]))],
            },
        }
    }

    #[test]
    fn what_needs_somebody_stands_on_top_and_the_rest_has_its_columns() {
        let expected = "\
waymark top  q leaves
733 records/s
customer/4 halted: SOURCE_GAP
 Shards ────────────────────────────────
shard         state  lag  stream time
customer/4   halted   12            -
cohort/0    running    0     12:30:05
 Alerts since the start ────────────────
kind       raised
nps_shift       1";
        assert_eq!(drawn(&fleet(2), 40, 10).join("\n"), expected);
    }

    #[test]
    fn shards_that_find_no_room_are_counted() {
        let lines = drawn(&fleet(9), 40, 10);
        assert_eq!(lines[6], "and 8 more");
    }

    #[test]
    fn a_wide_terminal_has_the_alerts_beside_the_shards() {
        let lines = drawn(&fleet(2), 160, 8);
        assert!(
            lines[3].contains("Shards") && lines[3].contains("Alerts"),
            "{lines:#?}"
        );
    }

    #[test]
    fn a_terminal_that_is_far_too_small_harms_nobody() {
        for (width, height) in [(1, 1), (12, 4), (200, 3)] {
            assert_eq!(drawn(&fleet(9), width, height).len(), usize::from(height));
        }
        assert!(!drawn(&Fleet::default(), 80, 24).is_empty());
    }
}
