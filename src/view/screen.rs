//! The terminal: taken for a picture, given back whatever happens.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::{Paint, Picture};

/// The terminal, as long as we have it. It is given back when this is dropped, and by a panic too.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    paint: Paint,
}

/// Whether a screen is taken: to give back what is not ours would put signs of control into somebody's pipe.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// What comes from a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing, as long as we waited.
    Nothing,
    /// Somebody wants to leave: `q`, Esc or Ctrl-C.
    Farewell,
    /// The terminal has another size.
    Resized,
    /// Nothing that concerns us.
    Other,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it can't be had.
    pub(crate) fn take(paint: Paint) -> io::Result<Self> {
        IS_TAKEN.store(true, Ordering::Relaxed);
        // What it has taken before it failed is given back.
        let terminal = ratatui::try_init().inspect_err(|_| Self::give_back())?;
        Ok(Self { terminal, paint })
    }

    /// Gives the terminal back if it is taken: for whoever ends the process without ado.
    pub(crate) fn give_back() {
        if IS_TAKEN.swap(false, Ordering::Relaxed) {
            ratatui::restore();
        }
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

    /// Returns the next thing that comes from the terminal; waits for it at most so long.
    ///
    /// # Errors
    /// If the terminal can't be read.
    pub(crate) fn listen(patience: Duration) -> io::Result<Heard> {
        if !event::poll(patience)? {
            return Ok(Heard::Nothing);
        }
        Ok(match event::read()? {
            Event::Resize(..) => Heard::Resized,
            event if is_farewell(&event) => Heard::Farewell,
            _ => Heard::Other,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        Self::give_back();
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
