//! `waymark inspect customer`: a journey, as people read it.

use std::io::{self, Write};

use clap::Args;
use waymark_engine::event::Timestamp;

use super::{From, or_dash, section, write_place};
use crate::cli::Output;
use crate::cli::config::RuledFlags;
use crate::cli::definition::in_force;
use crate::cli::exit::Exit;
use crate::cli::report::{HEADING, name};
use crate::config::StageName;
use crate::pipeline::inspect::{
    self, ApplicationView, CustomerReport, EpisodeView, Inspector, JourneyView, ReplyView,
    StatedView, TimelineView, WaitingView,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
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

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or a server can't be asked.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let definition = in_force(&config)?;
    let from = arguments.from.map(inspect::From::from);
    let report = Inspector::open(&config, StageName::Customer)?.customer(
        &arguments.id,
        &definition,
        from,
    )?;
    arguments.output.print(&report, write_customer)?;
    Ok(match report.journey {
        Some(_) => Exit::Ok,
        None => Exit::Findings,
    })
}

fn write_customer(to: &mut dyn Write, report: &CustomerReport) -> io::Result<()> {
    writeln!(to, "{HEADING}Customer {}{HEADING:#}", report.customer)?;
    write_place(to, &report.place)?;
    let Some(journey) = &report.journey else {
        return writeln!(to, "  not known");
    };
    writeln!(
        to,
        "  looked at next {}, {} bytes",
        or_dash(journey.due),
        report.place.bytes
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
