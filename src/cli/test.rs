//! `waymark test`: stories in, what went otherwise than told out.

use std::io::{self, Write};
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};

use super::exit::Exit;
use crate::story::{Ending, Failure, Line, Report, StoryError, StoryFile};

/// Runs stories: files that tell which events come and which alerts follow
///
/// Keep them beside your definition and change both together. Exit codes: 0 all stories went as told, 1 some did not, 64
/// wrong usage, 78 a story file or its definition is wrong.
#[derive(Debug, clap::Args)]
#[command(after_long_help = FORMAT)]
pub(super) struct Arguments {
    /// Files of stories
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: super::Output,
}

const FORMAT: &str = r"The file:

  definition: lending.yaml        # beside this file; or a definition right here; left out: the shipped default
  stories:
    - name: an enquiry that nobody answers is raised at its due time
      start: 2026-03-02T09:00:00Z # a Monday; this one if left out
      script:
        - event: { type: profile.changed, tier: B }
        - event: { type: enquiry.opened, case: E-1 }
        - advance: 24h 10m
        - alerts:
            - { kind: enquiry_unanswered, status: raised, at: -10m, case: E-1, evidence: [enquiry.opened] }
        - event: { type: enquiry.answered, case: E-1, id: answer }
        - event: { type: enquiry.answered, case: E-1, id: answer }
          expect: duplicate
        - alerts: [{ status: resolved, at: now }]
        - advance: 10d
        - no_alerts

The clock of a story stands until the story advances it. Times are RFC 3339, `now`, or relative to the clock: `-2h`, `+10m`.

Steps:
  event       Something happens. `type` is its kind, as in JSON; the fields of its body stand beside it. Besides: `at` (now),
              `id` (event-N, N the number of the step), `customer` (ACME), `source` (story), `channel`, `actor` (such as
              customer or bank), `application`, `case`, `dimensions`. An event may be told after later ones: write its `at`.
              One ahead of the clock is set aside as time_ahead.
  expect      Beside an event, unless it shall be applied: duplicate, late, ignored, or { dead_letter: REASON }.
  advance     Time passes, and what falls due meanwhile is decided: 10m, 25h, 1d 2h.
  advance_to  The same, up to a time.
  alerts      Exactly these transitions have come since the last look, in this order. Each says as much as it cares about:
              kind, status, level, at, due, severity, customer, application, case, cohort (branch=17), rule, sequence,
              evidence (kinds of events), details, definition_version, alert_id. `none` is what an alert does not have.
  no_alerts   None has come. Alerts that nobody has looked at when the story ends are a failure.
  scores      These scores stand, among others: cohort (branch=17, all=all), touchpoint, dimension, nps, low, high (to one
              decimal), replies, promoters, passives, detractors, verdict (firm, too_few_replies), from, to (days).";

/// Runs the command.
///
/// # Errors
/// If a file of stories, or a definition, is wrong; then nothing has run.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let files = arguments.files.iter().map(|path| StoryFile::load(path));
    let files = files.collect::<Result<Vec<_>, StoryError>>()?;
    let mut report = Report::default();
    for file in &files {
        report.add(file.run());
    }
    arguments.output.print(&report, write)?;
    Ok(if report.failed == 0 {
        Exit::Ok
    } else {
        Exit::Findings
    })
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NAME: Style = Style::new().bold();

fn write(to: &mut dyn Write, report: &Report) -> io::Result<()> {
    for ending in &report.stories {
        if let Some(failure) = &ending.failure {
            write_failure(to, ending, failure)?;
        }
    }
    let Report { passed, failed, .. } = report;
    let colour = if *failed == 0 { GOOD } else { BAD };
    let stories = if *passed == 1 { "story" } else { "stories" };
    writeln!(
        to,
        "{colour}{passed} {stories} passed, {failed} failed{colour:#}"
    )
}

fn write_failure(to: &mut dyn Write, ending: &Ending, failure: &Failure) -> io::Result<()> {
    let Failure {
        line,
        step,
        difference,
    } = failure;
    let Ending { file, name, .. } = ending;
    writeln!(to, "{file}:{line}: {NAME}{name}{NAME:#}")?;
    writeln!(to, "  step {step}: {BAD}{}{BAD:#}", difference.message)?;
    let sides = [
        ("expected", &difference.expected),
        ("came", &difference.came),
    ];
    if sides.iter().any(|(_, lines)| !lines.is_empty()) {
        for (side, lines) in sides {
            let nothing = if lines.is_empty() { " nothing" } else { "" };
            writeln!(to, "  {side}:{nothing}")?;
            lines.iter().try_for_each(|line| write_line(to, line))?;
        }
    }
    writeln!(to)
}

/// A mark for those without colours; what differs stands out for the others.
fn write_line(to: &mut dyn Write, line: &Line) -> io::Result<()> {
    let mark = if line.fits { "   " } else { " ✗ " };
    write!(to, "  {mark}{{ ")?;
    for (place, said) in line.fields.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        let style = if said.fits { Style::new() } else { BAD };
        write!(to, "{comma}{style}{}: {}{style:#}", said.name, said.text)?;
    }
    writeln!(to, " }}")
}
