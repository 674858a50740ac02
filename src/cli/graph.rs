//! `waymark graph`: draws stages, moves and limits.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use waymark_engine::definition::{DEFAULT_TEXT, Definition};

use super::exit::Exit;
use super::source_text;

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
/// If standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let path = arguments.file.clone().unwrap_or_default();
    let text = match &arguments.file {
        None => DEFAULT_TEXT.to_owned(),
        Some(file) => match source_text::read(file) {
            Ok(text) => text,
            Err(error) => {
                anstream::eprintln!("waymark: cannot read {}: {error}", file.display());
                return Ok(Exit::Config);
            }
        },
    };
    let definition = match Definition::parse(&text) {
        Ok((definition, _)) => definition,
        Err(problems) => {
            for problem in problems {
                anstream::eprintln!("{}\n", source_text::draw(&problem, &path, &text));
            }
            return Ok(Exit::Findings);
        }
    };
    let drawing = match arguments.format {
        Format::Mermaid => definition.mermaid(),
        Format::Dot => definition.dot(),
    };
    io::stdout().write_all(drawing.as_bytes())?;
    Ok(Exit::Ok)
}
