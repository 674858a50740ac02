//! What a terminal shows: panels drawn from plain values.
//!
//! | chapter   | what it holds                                                          |
//! | --------- | ---------------------------------------------------------------------- |
//! | `screen`  | the terminal, taken and given back; what somebody types                |
//! | `paint`   | colours, or none                                                       |
//! | `lending` | applications by stage, newest alerts, scores: the picture of `demo`    |
//! | `parts`   | what pictures have in common                                           |
//! | `fleet`   | shards, alerts and halts of a deployment: the picture of `top`         |
//!
//! Whoever shows something fills in the values and hands them over; nothing here knows where they come from.

mod fleet;
mod lending;
mod paint;
mod parts;
mod screen;

pub(crate) use fleet::Fleet;
pub(crate) use lending::{AlertRow, Lending, ScoreRow, StageColumn};
pub(crate) use paint::{Mood, Paint};
pub(crate) use parts::Grid;
pub(crate) use screen::{Heard, Screen};

use ratatui::Frame;

/// Something that can be drawn.
pub(crate) trait Picture {
    /// Draws it over the whole frame.
    fn draw(&self, frame: &mut Frame<'_>, paint: Paint);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Cell;

    use super::{Paint, Picture};

    /// Draws a picture without colours and returns its lines, without blanks at their ends.
    pub(super) fn drawn(picture: &impl Picture, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| picture.draw(frame, Paint::PLAIN))
            .unwrap();
        let cells = terminal.backend().buffer().content();
        let lines = cells.chunks(usize::from(width));
        lines
            .map(|line| {
                let line: String = line.iter().map(Cell::symbol).collect();
                line.trim_end().to_owned()
            })
            .collect()
    }
}
