//! `waymark inspect`: what is known of a customer, and where shards stand. Reads only, and belongs to no group.

use std::fmt::Display;
use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use waymark_engine::event::Timestamp;

use super::Output;
use super::config::{RuledFlags, SettingFlags};
use super::definition::in_force;
use super::exit::Exit;
use super::report::{HEADING, name, table, write_table};
use crate::pipeline::inspect::{
    self, ApplicationView, CustomerReport, EpisodeView, Inspector, JourneyView, ReplyView,
    ShardReport, StatedView, TimelineView, WaitingView,
};
use crate::protocol::ShardId;

/// Shows what is known of a customer, or where shards stand; changes nothing
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the journey of a customer: clocks, open expectations and alerts, the last things that happened
    Customer(Customer),
    /// Show where shards stand: in the source, in the changelog, in the store
    ///
    /// Exit code 1: a shard would stand still if a worker took it over now.
    Shard(Shard),
}

#[derive(Debug, Args)]
struct Customer {
    #[command(flatten)]
    settings: RuledFlags,
    /// Who
    #[arg(value_name = "ID")]
    id: String,
    /// Where to look; default: in the store, if it has a copy
    #[arg(long, value_enum)]
    from: Option<From>,
    /// How to print it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
struct Shard {
    #[command(flatten)]
    settings: SettingFlags,
    /// Which one; all if left out
    #[arg(value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    number: Option<i32>,
    /// How to print it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Where to look for a journey.
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
        What::Customer(arguments) => customer(arguments),
        What::Shard(arguments) => shard(arguments),
    }
}

fn customer(arguments: &Customer) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let (definition, _) = in_force(&config)?;
    let from = arguments.from.map(|from| match from {
        From::Store => inspect::From::Store,
        From::Changelog => inspect::From::Changelog,
    });
    let report = Inspector::open(&config)?.customer(&arguments.id, &definition, from)?;
    arguments.output.print(&report, write_customer)?;
    Ok(match report.journey {
        Some(_) => Exit::Ok,
        None => Exit::Findings,
    })
}

fn shard(arguments: &Shard) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let mut inspector = Inspector::open(&config)?;
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

fn write_customer(to: &mut dyn Write, report: &CustomerReport) -> io::Result<()> {
    let place = match report.from {
        inspect::From::Store => "the store",
        inspect::From::Changelog => "the changelog",
    };
    writeln!(to, "{HEADING}Customer {}{HEADING:#}", report.customer)?;
    writeln!(
        to,
        "  shard {}, read from {place} at {}, as of {}, {} records behind",
        report.shard,
        report.position,
        or_dash(report.as_of),
        report.behind_records
    )?;
    writeln!(to, "  stream time {}", or_dash(report.stream_time))?;
    let Some(journey) = &report.journey else {
        return writeln!(to, "  not known");
    };
    writeln!(
        to,
        "  looked at next {}, {} bytes",
        or_dash(journey.due),
        report.bytes
    )?;
    if let Some(at) = journey.erased_at {
        writeln!(to, "  erased: nothing up to {at} is known or will be")?;
    }
    write_journey(to, journey)
}

fn write_journey(to: &mut dyn Write, journey: &JourneyView) -> io::Result<()> {
    let profile = journey.profile.iter();
    section(
        to,
        "Profile",
        profile.map(|(name, StatedView { value, at })| format!("{name} {value}, since {at}")),
    )?;
    section(
        to,
        "Applications",
        journey.applications.iter().map(application),
    )?;
    section(
        to,
        "Open alerts",
        journey.open_alerts.iter().map(|alert| {
            let EpisodeView {
                rule,
                subject,
                since,
                due,
                sequence,
                ..
            } = alert;
            let level = alert.level.map(|level| format!(" {}", name(&level)));
            let level = level.unwrap_or_default();
            let due = due.map(|due| format!(", due {due}")).unwrap_or_default();
            format!("{rule}{level}, {subject}, since {since}{due}, sequence {sequence}")
        }),
    )?;
    section(
        to,
        "Waiting for",
        journey.waiting.iter().map(|waiting| {
            let WaitingView {
                rule,
                subject,
                armed_by,
                armed_at,
                due,
                warned,
            } = waiting;
            let warned = if *warned { ", warned" } else { "" };
            format!("{due} {rule}, {subject}, armed by {armed_by} at {armed_at}{warned}")
        }),
    )?;
    section(
        to,
        "Replies",
        journey.replies.iter().map(|reply| {
            let ReplyView {
                respondent,
                touchpoint,
                score,
                at,
                ..
            } = reply;
            let instrument = name(&reply.instrument);
            format!("{at} {instrument} {score} by {respondent:?} after {touchpoint:?}")
        }),
    )?;
    let timeline = journey.timeline.iter();
    section(
        to,
        "What happened last",
        timeline.map(|TimelineView { at, kind }| format!("{at} {kind}")),
    )
}

fn application(application: &ApplicationView) -> String {
    let since = |what: &str, at: Timestamp| format!(", {what} {at}");
    let submitted = application.submitted_at.map(|at| since("submitted", at));
    let stage = application.stage.as_ref();
    let stage = stage.map(|stage| format!(", in {} since {}", stage.value, stage.at));
    let decided = application.decided.as_ref();
    let decided = decided.map(|it| format!(", {} {}", it.kind, it.at));
    let ended = application.ended.as_ref();
    let ended = ended.map(|it| format!(", {} {}", it.kind, it.at));
    let product = application.product.as_ref();
    let product = product.map(|product| format!(", {product}"));
    let parts = [product, submitted, stage, decided, ended];
    parts
        .into_iter()
        .flatten()
        .fold(application.id.clone(), |text, part| text + &part)
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

fn seconds(seconds: f64) -> String {
    format!("{seconds:.1}")
}
