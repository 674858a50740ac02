//! What pictures have in common: a frame with a heading, a line of facts, a grid of cells.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use super::{Mood, Paint};

/// Rows of cells under a heading each; the first column is a text, the others stand at their right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grid {
    /// What the columns are.
    pub(crate) header: Vec<&'static str>,
    /// The cells, and how the row is.
    pub(crate) rows: Vec<(Mood, Vec<String>)>,
}

/// Draws a line above with a heading; returns what is left.
pub(super) fn panel(frame: &mut Frame<'_>, area: Rect, title: &str, paint: Paint) -> Rect {
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(Paint::faint())
        .title(Span::styled(format!(" {title} "), paint.heading()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

/// Returns a line of values with their names: as many as fit.
pub(super) fn facts<'f>(facts: &'f [(&'static str, String)], width: u16) -> Line<'f> {
    let mut spans: Vec<Span<'f>> = Vec::new();
    let mut left = usize::from(width);
    for (name, value) in facts {
        let wanted = value.chars().count() + name.chars().count() + 1;
        if wanted > left {
            break;
        }
        left = left.saturating_sub(wanted + 2);
        spans.push(Span::styled(value.as_str(), Modifier::BOLD));
        spans.push(Span::styled(format!(" {name}  "), Paint::faint()));
    }
    Line::from(spans)
}

/// Returns the beginning of a text, as long as there is room.
pub(super) fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

impl Grid {
    /// Draws as many rows as there is room for, and says how many are left.
    pub(super) fn draw(&self, frame: &mut Frame<'_>, area: Rect, paint: Paint) {
        let widths = self.widths();
        let header = self.header.iter().map(|name| (*name).to_owned());
        let mut lines = vec![Line::styled(line(header, &widths), Paint::faint())];
        let room = usize::from(area.height.saturating_sub(1));
        let shown = if self.rows.len() > room {
            room.saturating_sub(1)
        } else {
            self.rows.len()
        };
        for (mood, cells) in &self.rows[..shown] {
            let text = line(cells.iter().cloned(), &widths);
            lines.push(Line::styled(text, paint.of(*mood)));
        }
        if shown < self.rows.len() {
            let left = format!("and {} more", self.rows.len() - shown);
            lines.push(Line::styled(left, Paint::faint()));
        }
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// Returns how wide it is when nothing is cut off.
    pub(super) fn width(&self) -> u16 {
        let widths = self.widths();
        let gaps = 2 * widths.len().saturating_sub(1);
        u16::try_from(widths.iter().sum::<usize>() + gaps).unwrap_or(u16::MAX)
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(self.header[column].chars().count())
        };
        (0..self.header.len()).map(width).collect()
    }
}

fn line(cells: impl Iterator<Item = String>, widths: &[usize]) -> String {
    let cells = cells.zip(widths).enumerate();
    let cells = cells.map(|(column, (cell, width))| {
        if column == 0 {
            format!("{cell:width$}")
        } else {
            format!("  {cell:>width$}")
        }
    });
    cells.collect()
}
