//! Loading a definition file for a command that needs a sound one.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use waymark_engine::definition::Definition;

/// A definition that can't be used; what is wrong with it has been said on standard error.
#[derive(Debug, thiserror::Error)]
#[error("{path}: the definition has errors; `waymark check {path}` explains them")]
pub(super) struct WrongDefinition {
    path: String,
}

/// Loads a definition; what is wrong with it goes to standard error.
///
/// # Errors
/// If the file can't be read, or has errors. Warnings are for `waymark check`.
pub(super) fn load(path: &Path) -> anyhow::Result<Definition> {
    let wrong = || WrongDefinition {
        path: path.display().to_string(),
    };
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read {}", path.display()))
        .context(wrong())?;
    Definition::parse(&text)
        .map(|(definition, _)| definition)
        .map_err(|problems| {
            for problem in problems {
                anstream::eprintln!("{}:{problem}", path.display());
            }
            wrong().into()
        })
}
