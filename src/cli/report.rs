//! The summary of a run, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use waymark_engine::cohort::{Comparison, SeriesSummary};
use waymark_engine::derived::{Score, Status, Verdict};

use super::alert::write_alert;
use crate::pipeline::Summary;

pub(super) const HEADING: Style = Style::new().bold();
/// Half-width in points beyond which a comparison of two waves says nothing worth a line; the file has them all.
const TELLING_HALF_WIDTH: f64 = 30.0;

/// Prints a summary.
///
/// # Errors
/// If `to` can't take it.
pub(super) fn write(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let Summary {
        definition,
        definition_version,
        clock,
        ..
    } = summary;
    writeln!(to, "{HEADING}{definition} {definition_version}{HEADING:#}")?;
    match (clock.first_event, clock.stream_time) {
        (Some(first), Some(last)) => writeln!(to, "  from {first} to {last}")?,
        (None, _) | (_, None) => writeln!(to, "  no event counted")?,
    }
    write_records(to, summary)?;
    write_applications(to, summary)?;
    write_alerts(to, summary)?;
    write_scores(to, summary)
}

fn write_records(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let books = &summary.books;
    writeln!(
        to,
        "  {} records = {} applied + {} duplicate + {} late + {} ignored + {} dead letters{}",
        books.received,
        books.applied,
        books.duplicate,
        books.late,
        books.ignored,
        books.dead_lettered,
        in_brackets(
            books
                .dead_letters
                .iter()
                .map(|(reason, count)| format!("{count} {reason}"))
        ),
    )?;
    let states = &summary.states;
    writeln!(
        to,
        "  {} customers, the median journey takes {} bytes",
        states.customers, states.median_bytes
    )
}

fn write_applications(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let applications = &summary.applications;
    if applications.known == 0 {
        return Ok(());
    }
    let decided = applications
        .decided
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"));
    let stages = applications
        .stages
        .iter()
        .map(|(stage, count)| format!("{count} {stage}"));
    let all: Vec<String> = decided
        .chain([format!(
            "{} undecided{}",
            applications.undecided,
            in_brackets(stages)
        )])
        .collect();
    writeln!(
        to,
        "  {} applications: {}",
        applications.known,
        all.join(", ")
    )
}

fn write_alerts(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    writeln!(to, "\n{HEADING}Alerts{HEADING:#}")?;
    if summary.alerts.is_empty() {
        return writeln!(to, "  none");
    }
    // A replay holds nothing back.
    let shown = || Status::ALL.into_iter().filter(|it| *it != Status::Held);
    let names: Vec<&str> = shown().map(Status::name).collect();
    let mut table = table(&[&["kind"][..], &names, &["open"]].concat(), 1);
    for (kind, statuses) in &summary.alerts {
        let count = |status| statuses.get(&status).copied().unwrap_or_default();
        let closed = [Status::Resolved, Status::Expired, Status::Corrected].map(count);
        let open = count(Status::Raised).saturating_sub(closed.iter().sum());
        let counts = shown().map(count).chain([open]);
        table.add_row(
            [kind.to_string()]
                .into_iter()
                .chain(counts.map(|count| count.to_string())),
        );
    }
    write_table(to, &table)?;
    writeln!(to, "\n{HEADING}The latest{HEADING:#}")?;
    summary.latest_alerts.iter().try_for_each(|alert| {
        write!(to, "  ")?;
        write_alert(to, &json!(alert))
    })
}

fn write_scores(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let Some(first) = summary.nps.first() else {
        return Ok(());
    };
    writeln!(
        to,
        "\n{HEADING}NPS, {} to {}{HEADING:#}",
        first.score.from, first.score.to
    )?;
    let mut scores = table(&["cohort", "replies", "NPS", "95 % interval", "verdict"], 1);
    for SeriesSummary { score, .. } in &summary.nps {
        let points =
            |points: Option<f64>| points.map_or_else(String::new, |points| format!("{points:+.1}"));
        let interval = match (score.low, score.high) {
            (Some(low), Some(high)) => format!("{low:+.1} to {high:+.1}"),
            _ => String::new(),
        };
        let verdict = match score.verdict {
            Verdict::Firm => "firm",
            Verdict::TooFewReplies => "too few replies",
        };
        let cohort = whose(score);
        scores.add_row([
            cohort,
            score.replies.to_string(),
            points(score.nps),
            interval,
            verdict.to_owned(),
        ]);
    }
    write_table(to, &scores)?;
    write_comparisons(to, summary)
}

fn write_comparisons(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let mut by_periods: BTreeMap<_, Vec<(String, &Comparison)>> = BTreeMap::new();
    for SeriesSummary {
        score, comparisons, ..
    } in &summary.nps
    {
        let cohort = whose(score);
        for comparison in comparisons {
            let periods = (
                comparison.earlier.from,
                comparison.earlier.to,
                comparison.later.from,
                comparison.later.to,
            );
            by_periods
                .entry(periods)
                .or_default()
                .push((cohort.clone(), comparison));
        }
    }
    for ((from, to_day, later_from, later_to), cohorts) in by_periods {
        let of = cohorts.len();
        let telling =
            |(_, it): &(String, &Comparison)| it.difference.half_width <= TELLING_HALF_WIDTH;
        let cohorts: Vec<_> = cohorts.into_iter().filter(telling).collect();
        let hidden = of - cohorts.len();
        writeln!(
            to,
            "\n{HEADING}{later_from} to {later_to} against {from} to {to_day}{HEADING:#}"
        )?;
        let mut table = table(&["cohort", "difference", "95 %", "verdict"], 1);
        for (cohort, comparison) in cohorts {
            let difference = &comparison.difference;
            let verdict = if difference.differs {
                "differs"
            } else {
                "no difference shown"
            };
            table.add_row([
                cohort,
                format!("{:+.1}", difference.points),
                format!("± {:.1}", difference.half_width),
                verdict.to_owned(),
            ]);
        }
        if hidden < of {
            write_table(to, &table)?;
        }
        if hidden > 0 {
            writeln!(
                to,
                "  {hidden} of {of} cohorts have too few replies to compare"
            )?;
        }
    }
    Ok(())
}

/// Names whose score it is: a cohort, with what distinguishes one of several questions.
fn whose(score: &Score) -> String {
    let cohort = match score.cohort.dimension() {
        "all" => "all".to_owned(),
        _ => score.cohort.to_string(),
    };
    let question = [&score.series.touchpoint, &score.series.score_dimension];
    let question = question.into_iter().filter(|part| !part.is_empty());
    cohort + &in_brackets(question.map(ToString::to_string))
}

/// A table whose columns from `numbers_from` on are numbers.
pub(super) fn table(header: &[&str], numbers_from: usize) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header.to_vec());
    for column in table.column_iter_mut().skip(numbers_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

pub(super) fn write_table(to: &mut dyn Write, table: &Table) -> io::Result<()> {
    table
        .lines()
        .try_for_each(|line| writeln!(to, " {}", line.trim_end()))
}

fn in_brackets(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!(" ({})", parts.join(", "))
    }
}

/// Returns the name of a status or level as it stands in the outputs.
pub(super) fn name(value: &impl serde::Serialize) -> String {
    let name = serde_json::to_value(value).expect("unit variants become texts");
    name.as_str().unwrap_or_default().to_owned()
}
