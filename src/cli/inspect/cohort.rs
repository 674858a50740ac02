//! `waymark inspect cohort`: scores, waves and how they differ, as people read them.

use std::io::{self, Write};

use clap::Args;
use waymark_engine::cohort::{SeriesSummary, Wave};
use waymark_engine::derived::Score;

use super::{From, or_dash, write_place};
use crate::cli::Output;
use crate::cli::config::RuledFlags;
use crate::cli::definition::in_force;
use crate::cli::exit::Exit;
use crate::cli::report::{HEADING, name};
use crate::config::StageName;
use crate::pipeline::inspect::{self, CohortReport, Inspector};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: RuledFlags,
    /// Which one: branch=17; all=all is everybody
    #[arg(value_name = "DIMENSION=VALUE")]
    key: String,
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
    let mut inspector = Inspector::open(&config, StageName::Cohort)?;
    let report = inspector.cohort(&arguments.key, &definition, from)?;
    arguments.output.print(&report, write_cohort)?;
    Ok(match report.series {
        Some(_) => Exit::Ok,
        None => Exit::Findings,
    })
}

fn write_cohort(to: &mut dyn Write, report: &CohortReport) -> io::Result<()> {
    writeln!(to, "{HEADING}Cohort {}{HEADING:#}", report.cohort)?;
    write_place(to, &report.place)?;
    let Some(series) = &report.series else {
        return writeln!(to, "  not known");
    };
    let (due, bytes) = (or_dash(report.due), report.place.bytes);
    writeln!(to, "  looked at next {due}, {bytes} bytes")?;
    for it in series {
        write_series(to, it)?;
    }
    Ok(())
}

fn write_series(to: &mut dyn Write, summary: &SeriesSummary) -> io::Result<()> {
    let Score {
        series,
        from,
        to: last,
        replies,
        ..
    } = &summary.score;
    let instrument = name(&series.instrument);
    let of = [&series.touchpoint, &series.score_dimension];
    let of = of.into_iter().filter(|part| !part.is_empty());
    let of = of.fold(String::new(), |text, part| text + ", " + part);
    writeln!(to, "\n{HEADING}{instrument}{of}{HEADING:#}")?;
    let score = interval(summary.score.nps, summary.score.low, summary.score.high);
    writeln!(
        to,
        "  {from} to {last}: {score}, {replies} replies, {}",
        name(&summary.score.verdict)
    )?;
    for Wave { period, tally } in &summary.waves {
        let bounds = tally.interval();
        let (low, high) = (bounds.map(|it| it.low), bounds.map(|it| it.high));
        let (score, replies) = (interval(tally.nps(), low, high), tally.replies());
        writeln!(
            to,
            "  wave {} to {}: {score}, {replies} replies",
            period.from, period.to
        )?;
    }
    for it in &summary.comparisons {
        let word = if it.difference.differs {
            "differs"
        } else {
            "may be chance"
        };
        let (points, half_width) = (it.difference.points, it.difference.half_width);
        let (earlier, later) = (it.earlier.from, it.later.from);
        writeln!(
            to,
            "  {earlier} against {later}: {points:+.1} ± {half_width:.1}, {word}"
        )?;
    }
    Ok(())
}

fn interval(score: Option<f64>, low: Option<f64>, high: Option<f64>) -> String {
    match (score, low, high) {
        (Some(score), Some(low), Some(high)) => format!("{score:+.1} ({low:+.1} to {high:+.1})"),
        _ => "no score".to_owned(),
    }
}
