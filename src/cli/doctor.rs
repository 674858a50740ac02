//! `waymark doctor`: a ticked list of all that delivery rests on, from live servers.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::Args;
use waymark_engine::definition::{Definition, Problem};

use super::Output;
use super::config::RuledFlags;
use super::definition::text_in_force;
use super::exit::Exit;
use crate::pipeline::doctor::{Area, Depth, Finding, State, examine};

/// Looks whether definition, brokers, topics, permissions, Redis, registry and clock are as delivery needs them
///
/// The same checks as at the start of `waymark run`, and some more. Joins no group and writes nothing, so whether topics
/// may be written is not tried. Exit codes: 0 nothing is wrong (`!` is waived), 1 something is, 69 a server does not answer.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: RuledFlags,
    /// How to print the list
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or the definition can't be read.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let definition = Definition::parse(&text_in_force(&config)?);
    let edition = definition.as_ref().ok();
    let edition = edition.map(|(definition, _)| &definition.edition);
    let found = examine(&config, edition, Depth::Whole);
    let mut findings = of_definition(&definition);
    findings.extend(found);
    findings.sort_by_key(|finding| finding.area);
    arguments
        .output
        .print(&findings, |to, findings| write(to, findings))?;
    Ok(exit_of(&findings))
}

fn of_definition(parsed: &Result<(Definition, Vec<Problem>), Vec<Problem>>) -> Vec<Finding> {
    let say = |state, problem: &Problem| {
        let said = format!("line {}: {}", problem.place.line, problem.message);
        Finding::new(Area::Definition, state, said)
    };
    match parsed {
        Err(problems) => problems.iter().map(|it| say(State::Wrong, it)).collect(),
        Ok((definition, warnings)) => {
            let (name, rules) = (&definition.name, definition.rules.len());
            let said = format!(
                "{name}, version {}, {rules} rules",
                definition.edition.version
            );
            let good = Finding::new(Area::Definition, State::Good, said);
            let warnings = warnings.iter().map(|it| say(State::Waived, it));
            [good].into_iter().chain(warnings).collect()
        }
    }
}

/// Returns how a look ended: what is wrong outweighs what does not answer.
fn exit_of(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.state).max() {
        Some(State::Wrong) => Exit::Findings,
        Some(State::Away) => Exit::Unavailable,
        Some(State::Good | State::Waived) | None => Exit::Ok,
    }
}

fn write(to: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    for finding in findings {
        let (tick, colour) = match finding.state {
            State::Good => ("✔", AnsiColor::Green),
            State::Waived => ("!", AnsiColor::Yellow),
            State::Away | State::Wrong => ("✘", AnsiColor::Red),
        };
        let style: Style = colour.on_default();
        let places = match &finding.places[..] {
            [] => String::new(),
            places => format!(" ({})", places.join(", ")),
        };
        let (area, said) = (finding.area.name(), &finding.said);
        writeln!(to, "{style}{tick}{style:#} {area}: {said}{places}")?;
    }
    let count = |state| findings.iter().filter(|it| it.state == state).count();
    let (wrong, away, waived) = (
        count(State::Wrong),
        count(State::Away),
        count(State::Waived),
    );
    match (wrong, away) {
        (0, 0) => writeln!(to, "\nnothing is wrong, {waived} waived"),
        (0, _) => writeln!(to, "\n{away} do not answer, {waived} waived"),
        _ => writeln!(to, "\n{wrong} wrong, {away} do not answer, {waived} waived"),
    }
}
