//! Colours, few and by meaning; without them the words still say everything.

use ratatui::style::{Color, Modifier, Style};

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Mood {
    /// Nothing to say of it.
    #[default]
    Plain,
    /// As it should be, or over.
    Good,
    /// Worth an eye.
    Warning,
    /// Not as it should be.
    Bad,
}

/// What there is to paint with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// No colours.
    pub(crate) const PLAIN: Self = Self { colours: false };
    /// Colours.
    pub(crate) const COLOURS: Self = Self { colours: true };

    /// Returns the style of a mood.
    pub(crate) fn of(self, mood: Mood) -> Style {
        let colour = match mood {
            Mood::Plain => return Style::new(),
            Mood::Good => Color::Green,
            Mood::Warning => Color::Yellow,
            Mood::Bad => Color::Red,
        };
        if self.colours {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    /// Returns the style of headings.
    pub(crate) fn heading(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self.colours {
            style.fg(Color::Cyan)
        } else {
            style
        }
    }

    /// Returns the style of what matters less.
    pub(crate) fn faint() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }
}
