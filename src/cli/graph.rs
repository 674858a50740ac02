//! `waymark graph`: draws stages, moves and limits.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use waymark_engine::definition::Definition;

use super::definition;
use super::exit::Exit;

/// Draws the stages of a definition, their moves and limits
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Definition file; - is standard input; without one the definition that ships with Waymark
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "mermaid")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// What Git hosts and wikis draw
    Mermaid,
    /// What Graphviz draws
    Dot,
}

/// Runs the command.
///
/// # Errors
/// If the file can't be read or has errors, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let definition = match &arguments.file {
        Some(file) => definition::load(file)?,
        None => Definition::shipped_default(),
    };
    let drawing = match arguments.format {
        Format::Mermaid => definition.mermaid(),
        Format::Dot => definition.dot(),
    };
    io::stdout().write_all(drawing.as_bytes())?;
    Ok(Exit::Ok)
}
