//! The commands, one file each.
//!
//! What a command produces goes to standard output, what it has to say goes to standard error. Exit codes are those
//! of `sysexits.h` where one fits: see [`Exit`].

mod check;
mod graph;
mod schema;
mod simulate;
mod source_text;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Customer journeys of business lending as a stream.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Graph(graph::Arguments),
    Schema(schema::Arguments),
    Simulate(simulate::Arguments),
}

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Ok = 0,
    /// The command did its work and found something wrong, or failed on the way.
    Findings = 1,
    /// The command line makes no sense.
    Usage = 64,
    /// A definition or configuration can't be read.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error).into(),
    };
    let result = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments).map(|()| Exit::Ok),
    };
    match result {
        Ok(exit) => exit.into(),
        // A reader such as `head` has seen enough and went away.
        Err(error) if is_broken_pipe(&error) => Exit::Ok.into(),
        Err(error) => {
            anstream::eprintln!("waymark: {error:#}");
            Exit::Findings.into()
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Prints what clap has to say; help and version are no mistakes.
fn usage(error: &clap::Error) -> Exit {
    // A reader that went away has seen enough of it.
    drop(error.print());
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Ok
    }
}
