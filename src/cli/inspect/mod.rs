//! `waymark inspect`: what is known of a customer, a cohort or an alert, and where shards stand. Reads only, and belongs to
//! no group.

mod alert;
mod cohort;
mod customer;
mod shard;

use std::fmt::Display;
use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};

use super::exit::Exit;
use super::report::HEADING;
use crate::pipeline::inspect::{self, Place};

/// Shows what is known of a customer, a cohort or an alert, or where shards stand; changes nothing
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the journey of a customer: clocks, open expectations and alerts, the last things that happened
    Customer(customer::Arguments),
    /// Show what is known of a cohort: scores with their intervals, waves and how they differ
    Cohort(cohort::Arguments),
    /// Show every transition of an alert, and where the records stand that it rests on
    Alert(alert::Arguments),
    /// Show where shards stand: in the source, in the changelog, in the store
    ///
    /// Exit code 1: a shard would stand still if a worker took it over now.
    Shard(shard::Arguments),
}

/// Where to look for a state.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    /// The store: quick, and perhaps a moment behind
    Store,
    /// The changelog: the truth, read from its beginning
    Changelog,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or a server can't be asked.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        What::Customer(arguments) => customer::run(arguments),
        What::Cohort(arguments) => cohort::run(arguments),
        What::Alert(arguments) => alert::run(arguments),
        What::Shard(arguments) => shard::run(arguments),
    }
}

impl std::convert::From<From> for inspect::From {
    fn from(from: From) -> Self {
        match from {
            From::Store => Self::Store,
            From::Changelog => Self::Changelog,
        }
    }
}

fn write_place(to: &mut dyn Write, place: &Place) -> io::Result<()> {
    let from = match place.from {
        inspect::From::Store => "the store",
        inspect::From::Changelog => "the changelog",
    };
    let (shard, position, behind) = (place.shard, place.position, place.behind_records);
    let as_of = or_dash(place.as_of);
    writeln!(
        to,
        "  shard {shard}, read from {from} at {position}, as of {as_of}, {behind} records behind"
    )?;
    writeln!(to, "  stream time {}", or_dash(place.stream_time))
}

fn section(to: &mut dyn Write, title: &str, lines: impl Iterator<Item = String>) -> io::Result<()> {
    for (place, line) in lines.enumerate() {
        if place == 0 {
            writeln!(to, "\n{HEADING}{title}{HEADING:#}")?;
        }
        writeln!(to, "  {line}")?;
    }
    Ok(())
}

fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
