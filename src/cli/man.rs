//! `waymark man`: the manual, made of what `--help` says.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::exit::Exit;

/// Prints the manual page, or writes those of all commands into a folder
///
/// To read it: `waymark man | man -l -`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Write waymark.1, waymark-run.1 and so on here; created where it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// If standard output or the folder can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let command = super::Arguments::command();
    if let Some(folder) = &arguments.out {
        let written = write_all(command, folder);
        written.with_context(|| format!("cannot write to {}", folder.display()))?;
    } else {
        // In one piece: a reader that goes away half-way is told of as any other.
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        io::stdout().write_all(&page)?;
    }
    Ok(Exit::Ok)
}

fn write_all(command: clap::Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder)
}
