//! `waymark shard`: what an operator does to a shard that stands still.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Output;
use super::config::{SettingFlags, Stage};
use super::exit::Exit;
use crate::pipeline::inspect::{Adoption, Inspector};
use crate::protocol::ShardId;

/// Lets a shard go on that stands still
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Go on from where the changelog stands although somebody has moved the group's offset (halt `OFFSETS_MOVED`)
    ///
    /// Shows what it would do; `--execute` does it. The group must have no members: stop every process first.
    Adopt(Adopt),
}

#[derive(Debug, Args)]
struct Adopt {
    #[command(flatten)]
    settings: SettingFlags,
    /// Of which stage
    #[arg(long, value_enum, default_value_t)]
    stage: Stage,
    /// Which shard
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    number: i32,
    /// Do it
    #[arg(long)]
    execute: bool,
    /// How to print what was done
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    adoption: Adoption,
    /// Whether anything was changed.
    executed: bool,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, a server can't be asked, or the shard can't be adopted.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let What::Adopt(arguments) = &arguments.what;
    let config = arguments.settings.load()?;
    let mut inspector = Inspector::open(&config, arguments.stage.into())?;
    let adoption = inspector.adoption(ShardId(arguments.number))?;
    let executed = arguments.execute && adoption.is_needed();
    if executed {
        inspector.adopt(&adoption)?;
    }
    let report = Report { adoption, executed };
    arguments.output.print(&report, write)?;
    Ok(Exit::Ok)
}

fn write(to: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Adoption {
        shard,
        step,
        committed,
        position,
    } = &report.adoption;
    let Some(committed) = committed.filter(|committed| committed != position) else {
        return writeln!(
            to,
            "shard {shard} stands at {position} (step {step}), and so does the group: nothing to do"
        );
    };
    writeln!(
        to,
        "shard {shard} stands at {position} (step {step}), and somebody has moved the group's offset to {committed}"
    )?;
    let records = if committed < *position {
        format!("records {committed} to {position} have been taken and are not taken again")
    } else {
        format!("records {position} to {committed} are taken, as they would have been")
    };
    writeln!(to, "going on from {position}: {records}")?;
    let end = if report.executed {
        format!("done: the group's offset is {position}; start the processes")
    } else {
        "nothing was changed: --execute does it, with all processes stopped".to_owned()
    };
    writeln!(to, "{end}")
}
