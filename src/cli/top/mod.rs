//! `waymark top`: a running deployment at a glance, from what its processes serve.
//!
//! | chapter | what it holds                                                  |
//! | ------- | -------------------------------------------------------------- |
//! | `ask`   | the pages of one process, over HTTP                            |
//! | `state` | what the pages of all processes say of the deployment          |
//! | `text`  | the same, once, for people                                     |
//! | `live`  | the same, again and again, as a picture                        |

mod ask;
mod live;
mod state;
mod text;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use clap::Args;

use super::Output;
use super::exit::Exit;
use super::run::stop_on_signal;
use crate::config::parse_span;

use ask::Process;
use state::Deployment;

pub(super) use ask::NoAnswer;

/// Shows a running deployment: shards, lag, stream time, alerts by kind, and what needs somebody
///
/// Reads `/metrics` and `/readyz` of each process named, and nothing else. On a terminal it looks again every second
/// until `q`; in a pipe, with --once or -o json it looks once. Counters count from the start of a process. Exit codes: 0
/// shown, 69 a process does not answer, or serves something else.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where a process serves its metrics; once for each process of the deployment
    #[arg(
        long = "url",
        value_name = "URL",
        default_value = "http://localhost:9464"
    )]
    urls: Vec<String>,
    /// Look once and print it, on a terminal too
    #[arg(long)]
    once: bool,
    /// How often to look
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_span)]
    every: Duration,
    /// How to print it
    #[arg(short, long, value_name = "FORM", value_enum)]
    output: Option<Output>,
}

/// Runs the command.
///
/// # Errors
/// If a process does not answer when it is asked first, or what was found can't be shown.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let processes: Vec<Process> = arguments.urls.iter().map(|url| Process::at(url)).collect();
    let first = processes.iter().map(Process::ask);
    let first = Deployment::of(first.collect::<Result<_, NoAnswer>>()?);
    let is_watched = arguments.output.is_none() && !arguments.once && io::stdout().is_terminal();
    if is_watched {
        let stop = stop_on_signal()?;
        live::watch(&processes, first, arguments.every, &stop)?;
    } else {
        let output = arguments.output.unwrap_or_default();
        output.print(&first, text::write)?;
    }
    Ok(Exit::Ok)
}
