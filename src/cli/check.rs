//! `waymark check`: says what is wrong with definition files, and in plain words what they mean.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use waymark_engine::cohort::{self, Direction};
use waymark_engine::definition::{DEFAULT_TEXT, Definition, Fall, Problem, ProblemSeverity, Shift};

use super::exit::Exit;
use super::{Output, definition};

/// Checks definition files and says in plain words what they mean
///
/// Problems go to standard error, each with its line and what to write instead. Exit code 0: fine; 1: something is
/// wrong; 78: a file can't be read.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Definition files; - is standard input
    #[arg(value_name = "FILE", required_unless_present = "print_default")]
    files: Vec<PathBuf>,
    /// Count warnings as wrong
    #[arg(long)]
    deny_warnings: bool,
    /// How to say it; as JSON one object a file, one file a line
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
    /// Print the definition that ships with Waymark, a start for your own
    #[arg(long, conflicts_with_all = ["files", "deny_warnings", "output"])]
    print_default: bool,
}

/// What is said of one file.
#[derive(Debug, Serialize)]
struct Report<'a> {
    file: &'a Path,
    problems: Vec<Problem>,
    /// Empty where the file has errors.
    meaning: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// If a file can't be read, once all others have been checked, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    if arguments.print_default {
        io::stdout().write_all(DEFAULT_TEXT.as_bytes())?;
        return Ok(Exit::Ok);
    }
    let checked: Vec<anyhow::Result<bool>> = arguments
        .files
        .iter()
        .map(|file| is_fine(file, arguments))
        .collect();
    let fine = checked.into_iter().collect::<anyhow::Result<Vec<bool>>>()?;
    if fine.into_iter().all(|fine| fine) {
        Ok(Exit::Ok)
    } else {
        Ok(Exit::Findings)
    }
}

fn is_fine(file: &Path, arguments: &Arguments) -> anyhow::Result<bool> {
    let text = definition::read(file)?;
    let report = report(file, &text);
    match arguments.output {
        Output::Text => say(&report, &text)?,
        Output::Json => writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?,
    }
    let wrong =
        |problem: &Problem| arguments.deny_warnings || problem.severity == ProblemSeverity::Error;
    Ok(!report.problems.iter().any(wrong))
}

fn report<'a>(file: &'a Path, text: &str) -> Report<'a> {
    let (problems, meaning) = match Definition::parse(text) {
        Ok((definition, warnings)) => (warnings, definition.explain(&expected_delay)),
        Err(problems) => (problems, Vec::new()),
    };
    Report {
        file,
        problems,
        meaning,
    }
}

/// Asks the detector; where no target is stated, it holds a score against the reference it will have learnt.
fn expected_delay(fall: &Fall<'_>) -> Option<f64> {
    let Shift {
        baseline_replies,
        tolerance,
        ..
    } = *fall.shift;
    let learnt = || cohort::expected_references(fall.from, baseline_replies, tolerance)[0];
    let reference = fall.by.target.unwrap_or_else(learnt);
    cohort::expected_delay(Direction::Fall, reference, fall.to, fall.threshold)
}

fn say(report: &Report<'_>, text: &str) -> io::Result<()> {
    for problem in &report.problems {
        anstream::eprintln!("{}\n", definition::draw(problem, report.file, text));
    }
    let mut out = io::stdout().lock();
    for sentence in &report.meaning {
        writeln!(out, "{sentence}")?;
    }
    Ok(())
}
