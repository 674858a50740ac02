//! The terminal: taken for a picture, given back whatever happens.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::{Paint, Picture};

/// The terminal, as long as we have it. It is given back when this is dropped, and by a panic too.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    paint: Paint,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it can't be had.
    pub(crate) fn take(paint: Paint) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        Ok(Self { terminal, paint })
    }

    /// Draws a picture over all of it.
    ///
    /// # Errors
    /// If the terminal can't take it.
    pub(crate) fn draw(&mut self, picture: &impl Picture) -> io::Result<()> {
        let paint = self.paint;
        self.terminal.draw(|frame| picture.draw(frame, paint))?;
        Ok(())
    }

    /// Returns whether somebody wants to leave: `q`, Esc or Ctrl-C. Waits for a key at most so long.
    ///
    /// # Errors
    /// If the terminal can't be read.
    pub(crate) fn is_left(patience: Duration) -> io::Result<bool> {
        let mut patience = patience;
        while event::poll(patience)? {
            if is_farewell(&event::read()?) {
                return Ok(true);
            }
            patience = Duration::ZERO;
        }
        Ok(false)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn is_farewell(event: &Event) -> bool {
    let Event::Key(key) = event else {
        return false;
    };
    let is_break = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && (is_break || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
}
