//! What is wrong with a definition: where, why, and what to write instead.
//!
//! Problems are collected, never thrown: one reading of a file reports all it can.

use std::fmt;

use serde::Serialize;

/// One thing to be said about a definition file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Whether the file can be used all the same.
    pub severity: ProblemSeverity,
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is the matter, in one sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Whether a file with this problem can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemSeverity {
    /// It can't.
    Error,
    /// It can, but it probably does not mean what its author thinks.
    Warning,
}

/// A stretch of one line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Place {
    /// Line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// How many characters.
    pub length: u32,
}

impl Problem {
    /// Something that makes the file unusable.
    pub fn error(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: ProblemSeverity::Error,
            place,
            message: message.into(),
            help: None,
        }
    }

    /// Something to think about.
    pub fn warning(place: Place, message: impl Into<String>) -> Self {
        Self {
            severity: ProblemSeverity::Warning,
            ..Self::error(place, message)
        }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// `12:5: error: unknown key "witin" (help: did you mean "within"?)`, for logs; the command line draws the source.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column, .. } = self.place;
        let severity = match self.severity {
            ProblemSeverity::Error => "error",
            ProblemSeverity::Warning => "warning",
        };
        write!(f, "{line}:{column}: {severity}: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " (help: {help})"),
            None => Ok(()),
        }
    }
}
