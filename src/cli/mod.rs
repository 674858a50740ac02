//! The commands: each has a file of its name, or a folder where it is large.
//!
//! What a command produces goes to standard output, what it has to say goes to standard error. How it ended is told by
//! its exit code. What several of them share:
//!
//! | chapter      | what it holds                                              |
//! | ------------ | ---------------------------------------------------------- |
//! | `exit`       | exit codes, and which error has which                      |
//! | `config`     | the flags of settings; the command `config` too            |
//! | `definition` | definition files: read, and drawn where something is wrong |
//! | `example`    | the examples that ship inside the program                  |
//! | `report`     | the summary of a run                                       |
//! | `alert`      | an alert in one line                                       |
//! | `strimzi`    | topics and permissions as Strimzi's resources              |

mod acls;
mod alert;
mod check;
mod completions;
mod config;
mod definition;
mod demo;
mod doctor;
mod example;
mod exit;
mod graph;
mod inspect;
mod man;
mod probe;
mod replay;
mod report;
mod run;
mod schemas;
mod shard;
mod simulate;
mod strimzi;
mod tap;
mod test;
mod top;
mod topics;
mod verify;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::telemetry::{LONG, SHORT};
use exit::Exit;

use crate::view::Paint;

/// Customer journeys of business lending as a stream: what has stalled, who waits, which score has shifted
#[derive(Debug, Parser)]
#[command(version = SHORT.as_str(), long_version = LONG.as_str(), after_help = exit::CODES.as_str())]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Run(run::Arguments),
    Replay(replay::Arguments),
    Check(check::Arguments),
    Graph(graph::Arguments),
    Schemas(schemas::Arguments),
    Simulate(simulate::Arguments),
    Test(test::Arguments),
    Config(config::Arguments),
    Top(top::Arguments),
    Topics(topics::Arguments),
    Acls(acls::Arguments),
    Doctor(doctor::Arguments),
    Probe(probe::Arguments),
    Verify(verify::Arguments),
    Inspect(inspect::Arguments),
    Tap(tap::Arguments),
    Shard(shard::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
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

/// Errors stand out where there are colours.
const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

/// Runs the command line and returns what it says to its caller.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return Exit::of_clap(&said).into(),
    };
    let result = match arguments.command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Schemas(arguments) => schemas::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Topics(arguments) => topics::run(&arguments),
        Command::Acls(arguments) => acls::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Probe(arguments) => probe::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Tap(arguments) => tap::run(&arguments),
        Command::Shard(arguments) => shard::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    };
    let exit = result.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if exit != Exit::Ok {
            anstream::eprintln!("{ERROR}waymark:{ERROR:#} {error:#}");
        }
        exit
    });
    exit.into()
}

/// Returns what to paint a picture with: no colours where the terminal or `NO_COLOR` says so.
fn paint() -> Paint {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => Paint::PLAIN,
        _ => Paint::COLOURS,
    }
}

impl Output {
    /// Prints a result in this form.
    ///
    /// # Errors
    /// If standard output can't take it.
    fn print<T: Serialize>(
        self,
        result: &T,
        text: impl FnOnce(&mut dyn Write, &T) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut to = anstream::stdout().lock();
        match self {
            Output::Text => text(&mut to, result),
            Output::Json => {
                serde_json::to_writer_pretty(&mut to, result)?;
                writeln!(to)
            }
        }
    }
}
