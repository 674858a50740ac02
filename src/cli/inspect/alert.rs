//! `waymark inspect alert`: the life of an alert, as people read it.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use super::section;
use crate::cli::Output;
use crate::cli::config::SettingFlags;
use crate::cli::definition::schemas;
use crate::cli::exit::Exit;
use crate::cli::report::HEADING;
use crate::pipeline::inspect::{self, AlertReport, Coordinates, EvidenceView, Transition};
use crate::words::{reason, subject};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: SettingFlags,
    /// Its id: 32 hexadecimal digits
    #[arg(value_name = "ID", value_parser = id)]
    id: String,
    /// How to print it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

fn id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = text.to_ascii_lowercase();
    is_id
        .then_some(id)
        .ok_or_else(|| "an alert id has 32 hexadecimal digits".to_owned())
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or a server can't be asked.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let report = inspect::alert(&config, &arguments.id, &schemas(&config)?)?;
    arguments.output.print(&report, write_alert)?;
    Ok(if report.transitions.is_empty() {
        Exit::Findings
    } else {
        Exit::Ok
    })
}

fn write_alert(to: &mut dyn Write, report: &AlertReport) -> io::Result<()> {
    writeln!(to, "{HEADING}Alert {}{HEADING:#}", report.alert_id)?;
    let Some(first) = report.transitions.first() else {
        return writeln!(to, "  not known");
    };
    let say = |key: &str| first.alert[key].as_str().unwrap_or("-").to_owned();
    writeln!(to, "  {}, rule {}", say("kind"), say("rule"))?;
    writeln!(to, "  {}", subject(&first.alert))?;
    section(to, "Transitions", report.transitions.iter().map(transition))?;
    section(to, "Rests on", report.evidence.iter().map(evidence))
}

fn transition(it: &Transition) -> String {
    let say = |key: &str| it.alert[key].as_str().unwrap_or_default();
    let level = match say("level") {
        "" => String::new(),
        level => format!(" {level}"),
    };
    let (sequence, status, at) = (&it.alert["sequence"], say("status"), say("occurred_at"));
    let place = place(&it.at);
    format!(
        "{sequence} {status}{level}, {at}: {}; published {} as {place}",
        reason(&it.alert),
        it.appended_at
    )
}

fn evidence(it: &EvidenceView) -> String {
    let say = |key: &str| it.said.get(key).and_then(Value::as_str).unwrap_or("-");
    let at: Vec<_> = it.at.iter().map(place).collect();
    let at = match &at[..] {
        [] => "gone from the source".to_owned(),
        at => at.join(", "),
    };
    format!(
        "{} {} {}: {at}",
        say("occurred_at"),
        say("type"),
        say("event_hash")
    )
}

fn place(at: &Coordinates) -> String {
    format!("{}/{}@{}", at.topic, at.partition, at.offset)
}
