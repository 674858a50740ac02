//! Loading a definition file for a command that needs a sound one.

use std::path::Path;

use anyhow::Context as _;
use waymark_engine::definition::Definition;

use super::source_text;

/// A definition that can't be used; what is wrong with it has been said on standard error.
#[derive(Debug, thiserror::Error)]
#[error("the definition {path} can't be used")]
pub(super) struct WrongDefinition {
    path: String,
}

/// Loads a definition; what is wrong with it goes to standard error, line by line.
///
/// # Errors
/// If the file can't be read, or has errors. Warnings are for `waymark check`.
pub(super) fn load(path: &Path) -> anyhow::Result<Definition> {
    let wrong = || WrongDefinition {
        path: path.display().to_string(),
    };
    let text = source_text::read(path).with_context(wrong)?;
    Definition::parse(&text)
        .map(|(definition, _)| definition)
        .map_err(|problems| {
            for problem in &problems {
                anstream::eprintln!("{}\n", source_text::draw(problem, path, &text));
            }
            wrong().into()
        })
}
