//! What is wrong with a mapping, and where: one sentence for people.

use std::sync::Arc;

use serde_saphyr::{Location, Spanned};

use super::Spot;
use crate::source::error::nearest;

/// What is wrong with a mapping, and where.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("{file}: cannot be read")]
    Read {
        /// The file of the mapping.
        file: Arc<str>,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file does not say what a mapping says.
    #[error("{file}:{line}:{column}: {message}")]
    Wrong {
        /// The file of the mapping.
        file: Arc<str>,
        /// Where, from 1; 0 if unknown.
        line: u64,
        /// Where in the line, from 1; 0 if unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
}

/// A mistake in a file whose name is told later.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) spot: Spot,
    pub(super) message: String,
}

impl Mistake {
    /// Says in our words what the YAML reader says.
    pub(super) fn of_yaml(error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        Self {
            spot: error.location().unwrap_or(Location::UNKNOWN).into(),
            message: explain(error),
        }
    }
}

impl From<Location> for Spot {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

pub(super) fn spot<T>(value: &Spanned<T>) -> Spot {
    value.referenced.into()
}

pub(super) fn mistake<T>(at: &Spanned<T>) -> impl Fn(String) -> Mistake {
    let spot = spot(at);
    move |message| Mistake { spot, message }
}

fn explain(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::SerdeUnknownField {
            field, expected, ..
        } => unknown("key", field, expected),
        serde_saphyr::Error::SerdeUnknownVariant {
            variant, expected, ..
        } => unknown("value", variant, expected),
        serde_saphyr::Error::SerdeMissingField { field, .. } => format!("{field} is missing"),
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!(
                "key {:?} stands here a second time",
                key.as_deref().unwrap_or_default()
            )
        }
        other => {
            // The place is told beside the message, not inside it.
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.rsplit_once(" at line ")
                .map_or(line, |(message, _)| message)
                .to_owned()
        }
    }
}

/// Says that a name is not known, and which one may be meant.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("unknown {what} {name:?}: do you mean {near:?}?"),
        None => format!(
            "unknown {what} {name:?}: one of {} is expected",
            known.join(", ")
        ),
    }
}
