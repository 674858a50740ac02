//! Definition files as the commands meet them: read, loaded, and drawn where something is wrong.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use waymark_engine::definition::{DEFAULT_TEXT, Definition, Place, Problem, ProblemSeverity};
use waymark_engine::event::WriterSchemas;

use crate::config::Config;
use crate::pipeline::Schemas;
use crate::registry::{SchemaRegistry, SchemasById};
use crate::source;

/// A definition that can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum WrongDefinition {
    /// It is not there, or not a text.
    #[error("cannot read {path}")]
    Unreadable {
        path: String,
        #[source]
        source: io::Error,
    },
    /// It has errors, and they have been said on standard error.
    #[error("{path} has errors")]
    Refused { path: String },
}

/// Loads a definition for a command that needs a sound one; what is wrong with it goes to standard error.
///
/// # Errors
/// If the file can't be read, or has errors. Warnings are for `waymark check`.
pub(super) fn load(path: &Path) -> anyhow::Result<Definition> {
    let text = read(path)?;
    Definition::parse(&text)
        .map(|(definition, _)| definition)
        .map_err(|problems| {
            for problem in &problems {
                anstream::eprintln!("{}\n", draw(problem, path, &text));
            }
            let path = path.display().to_string();
            WrongDefinition::Refused { path }.into()
        })
}

/// Returns the definition that a deployment runs.
///
/// # Errors
/// If the file can't be read, or has errors.
pub(super) fn in_force(config: &Config) -> anyhow::Result<Definition> {
    match &config.definition {
        Some(path) => load(path),
        None => Ok(Definition::shipped_default()),
    }
}

/// Returns the text of the definition that a deployment runs, right or wrong.
///
/// # Errors
/// If the file can't be read.
pub(super) fn text_in_force(config: &Config) -> Result<String, WrongDefinition> {
    match &config.definition {
        Some(path) => read(path),
        None => Ok(DEFAULT_TEXT.to_owned()),
    }
}

/// Returns what a deployment's events may be written with. A registry is not asked yet.
///
/// # Errors
/// If the folder can't be read.
pub(super) fn schemas(config: &Config) -> anyhow::Result<Schemas> {
    let folder = match &config.schemas {
        Some(folder) => source::writer_schemas(folder)?,
        None => WriterSchemas::default(),
    };
    let registry = config.registry.as_ref().map(SchemaRegistry::new);
    Ok(Schemas {
        folder: Arc::new(folder),
        registry: registry.map(|registry| Arc::new(SchemasById::of(registry))),
    })
}

/// Reads the text of a definition; `-` is standard input.
///
/// # Errors
/// [`WrongDefinition::Unreadable`] if it is not there, can't be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<String, WrongDefinition> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    text.map_err(|source| WrongDefinition::Unreadable {
        path: path.display().to_string(),
        source,
    })
}

/// Draws a problem with the line it stands in; colours are in it, to be stripped where nobody sees them.
pub(super) fn draw(problem: &Problem, path: &Path, text: &str) -> String {
    let level = match problem.severity {
        ProblemSeverity::Error => Level::ERROR,
        ProblemSeverity::Warning => Level::WARNING,
    };
    let path = path.display().to_string();
    let title = level.primary_title(&problem.message);
    let mut report = match span(problem.place, text) {
        Some(span) => {
            let annotation = AnnotationKind::Primary.span(span);
            vec![title.element(Snippet::source(text).path(&path).annotation(annotation))]
        }
        None => vec![Group::with_title(title)],
    };
    if let Some(help) = &problem.help {
        report.push(Group::with_title(Level::HELP.secondary_title(help)));
    }
    Renderer::styled().render(&report)
}

/// The bytes of a place, cut at the end of its line.
fn span(place: Place, text: &str) -> Option<Range<usize>> {
    let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
    let line = text[before..].lines().next().unwrap_or_default();
    let byte = |chars: u32| {
        let chars = usize::try_from(chars).unwrap_or(usize::MAX);
        let at = line.char_indices().nth(chars).map(|(byte, _)| byte);
        before + at.unwrap_or(line.len())
    };
    let first = place.column.saturating_sub(1);
    Some(byte(first)..byte(first.saturating_add(place.length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_and_ends_with_its_line() {
        let text = "a: 1\nä: ÖÖ x\n";
        let place = |line, column, length| Place {
            line,
            column,
            length,
        };
        assert_eq!(&text[span(place(2, 4, 2), text).expect("a line")], "ÖÖ");
        assert_eq!(&text[span(place(2, 7, 99), text).expect("a line")], "x");
        assert_eq!(span(place(9, 1, 1), text), Some(text.len()..text.len()));
        assert_eq!(span(Place::default(), text), None);
    }
}
