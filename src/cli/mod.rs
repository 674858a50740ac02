//! The commands, one file each; what they share: the form of outputs, and what an exit code says.

mod check;
mod definition;
mod example;
mod exit;
mod graph;
mod replay;
mod report;
mod schema;
mod simulate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

/// Customer journeys of business lending as a stream: what has stalled, who waits, which score has shifted
///
/// Exit codes: 0 all is well, 1 findings, 64 wrong usage, 65 an input is damaged, 66 an input is missing, 73 an output
/// can't be written, 78 a definition or mapping is wrong.
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
    Replay(replay::Arguments),
    Schema(schema::Arguments),
    Simulate(simulate::Arguments),
}

/// How results are printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// Runs the command line and returns what it says to its caller.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return exit::of_clap(&said),
    };
    let result = match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        anstream::eprintln!("{ERROR}waymark:{ERROR:#} {error:#}");
        exit::of_error(&error)
    })
}

/// Errors stand out where there are colours.
const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

impl Output {
    /// Prints a result in this form; a reader that has seen enough and went away is no error.
    fn print<T: Serialize>(
        self,
        result: &T,
        text: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut to = anstream::stdout().lock();
        let written = match self {
            Output::Text => text(&mut to, result),
            Output::Json => serde_json::to_writer_pretty(&mut to, result)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(to)),
        };
        Ok(unless_gone(written)?)
    }
}

/// A reader such as `head` that has seen enough and went away is no error.
fn unless_gone(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
