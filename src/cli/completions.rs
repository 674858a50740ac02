//! `waymark completions`: what a shell needs to complete commands, flags and their values.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::exit::Exit;

/// Prints completions for a shell
///
/// For bash: `waymark completions bash > /etc/bash_completion.d/waymark`, or `source <(waymark completions bash)`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// For which shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

/// Runs the command.
///
/// # Errors
/// If standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    // The generator panics where it can't write, so it writes to memory.
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    generate(arguments.shell, &mut command, "waymark", &mut script);
    io::stdout().write_all(&script)?;
    Ok(Exit::Ok)
}
