//! `waymark inspect shard`: where shards stand, as people read it.

use std::io::{self, Write};

use clap::Args;

use super::or_dash;
use crate::cli::Output;
use crate::cli::config::{SettingFlags, Stage};
use crate::cli::exit::Exit;
use crate::cli::report::{HEADING, table, write_table};
use crate::pipeline::inspect::{Inspector, ShardReport};
use crate::protocol::ShardId;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: SettingFlags,
    /// Of which stage
    #[arg(long, value_enum, default_value_t)]
    stage: Stage,
    /// Which one; all if left out
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    number: Option<i32>,
    /// How to print it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or a server can't be asked.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let mut inspector = Inspector::open(&config, arguments.stage.into())?;
    let shards = match arguments.number {
        Some(number) => vec![ShardId(number)],
        None => inspector.shards(),
    };
    let shards = shards.into_iter().map(|shard| inspector.shard(shard));
    let reports = shards.collect::<Result<Vec<_>, _>>()?;
    arguments
        .output
        .print(&reports, |to, reports| match &reports[..] {
            [report] => write_shard(to, report),
            reports => write_shards(to, reports),
        })?;
    let halted = reports.iter().any(|report| report.halt.is_some());
    Ok(if halted { Exit::Findings } else { Exit::Ok })
}

fn write_shards(to: &mut dyn Write, reports: &[ShardReport]) -> io::Result<()> {
    let mut rows = table(
        &[
            "shard",
            "step",
            "position",
            "lag",
            "seconds",
            "committed",
            "store",
            "behind",
            "stream time",
        ],
        0,
    );
    for report in reports {
        let store = report.store.as_ref();
        rows.add_row([
            report.shard.to_string(),
            or_dash(report.step),
            or_dash(report.position),
            report.lag_records.to_string(),
            or_dash(report.lag_seconds.map(seconds)),
            or_dash(report.committed),
            or_dash(store.map(|store| store.status)),
            or_dash(store.and_then(|store| store.behind_records)),
            or_dash(report.stream_time),
        ]);
    }
    write_table(to, &rows)?;
    let halted = reports
        .iter()
        .filter_map(|report| Some((report, report.halt?)));
    for (report, halt) in halted {
        writeln!(to, "shard {}: {halt}: {}", report.shard, report.next_owner)?;
    }
    Ok(())
}

fn write_shard(to: &mut dyn Write, report: &ShardReport) -> io::Result<()> {
    writeln!(to, "{HEADING}Shard {}{HEADING:#}", report.shard)?;
    let mut say = |name: &str, value: String| writeln!(to, "  {name:<12} {value}");
    say("lineage", or_dash(report.lineage))?;
    let at = report.stepped_at.map(|at| format!(" at {at}"));
    say("step", or_dash(report.step) + &at.unwrap_or_default())?;
    say("position", or_dash(report.position))?;
    let (start, end) = (report.source_start, report.source_end);
    say("source", format!("{start} to {end}"))?;
    let age = report
        .lag_seconds
        .map(|age| format!(", {} s", seconds(age)));
    say(
        "lag",
        format!("{} records{}", report.lag_records, age.unwrap_or_default()),
    )?;
    say("committed", or_dash(report.committed))?;
    say("stream time", or_dash(report.stream_time))?;
    if let Some(store) = &report.store {
        let behind = match (store.behind_steps, store.behind_records) {
            (Some(0), Some(0)) => ", up to date".to_owned(),
            (Some(steps), Some(records)) => {
                format!(", {steps} steps and {records} records behind")
            }
            _ => String::new(),
        };
        let (position, as_of) = (or_dash(store.position), or_dash(store.as_of));
        say(
            "store",
            format!("{} at {position}, as of {as_of}{behind}", store.status),
        )?;
    }
    if let Some(books) = &report.books {
        say(
            "records",
            format!(
                "{} = {} applied + {} duplicate + {} late + {} ignored + {} dead letters",
                books.received,
                books.applied,
                books.duplicate,
                books.late,
                books.ignored,
                books.dead_lettered
            ),
        )?;
    }
    say("rules", or_dash(report.rules.as_ref()))?;
    let halt = report.halt.map(|halt| format!("{halt}: "));
    say("next owner", halt.unwrap_or_default() + &report.next_owner)
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1}")
}
