//! `waymark schema`: prints the JSON Schemas of the files that people write, for editors.

use std::io::{self, Write};

use clap::ValueEnum;
use waymark_engine::definition;

use super::exit::Exit;

/// Prints the JSON Schema of a file, for editors
///
/// Editors with a YAML language server read it from a first line such as
/// `# yaml-language-server: $schema=definition.schema.json`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Of which file
    #[arg(value_name = "FILE")]
    file: File,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum File {
    /// The journey definition
    Definition,
}

/// Runs the command.
///
/// # Errors
/// If standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let schema = match arguments.file {
        File::Definition => definition::json_schema(),
    };
    let schema = serde_json::to_string_pretty(&schema)?;
    writeln!(io::stdout(), "{schema}")?;
    Ok(Exit::Ok)
}
