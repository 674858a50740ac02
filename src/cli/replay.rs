//! `waymark replay`: files in, alerts and scores out.

use std::path::PathBuf;

use indicatif::{ProgressBar, ProgressStyle};
use waymark_engine::definition::Definition;
use waymark_engine::event::{Timestamp, TimestampError};
use waymark_engine::rules::Rules;

use super::example::Example;
use super::exit::{Exit, Unreadable, Usage};
use super::report;
use crate::clock;
use crate::pipeline::{Replay, STEP_RECORDS, Summary};
use crate::publish::FileOutputs;
use crate::source::{self, Input, Mapping, Record, Source};

/// Replays recorded events and writes the alerts and scores they lead to
///
/// Writes alerts.jsonl, scores.jsonl, dead-letter.jsonl, late.jsonl and, when all is there, summary.json into a folder. The
/// same input and definition give the same bytes. What can't be understood is set aside in dead-letter.jsonl with its reason.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("rules").args(["definition", "example"]))]
pub(super) struct Arguments {
    /// The definition to run; the shipped default if left out
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
    /// How to read a CSV event log
    #[arg(long, value_name = "FILE", conflicts_with = "example")]
    mapping: Option<PathBuf>,
    /// Definition and mapping of a shipped example; `lending` brings its events along
    #[arg(long, value_name = "NAME")]
    example: Option<Example>,
    /// The folder to write into; created where it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the clock ends, such as 2026-03-31T18:00:00+02:00; later events are set aside. If left out: at the last event,
    /// and those later than now are set aside
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// An input; the same as naming it without the flag
    #[arg(long = "input", value_name = "INPUT", conflicts_with = "inputs")]
    more_inputs: Vec<PathBuf>,
    /// JSON lines, Avro containers or CSV logs, plain or zstd, one after the other; - is standard input
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How to print the summary
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: super::Output,
}

/// Runs the command.
///
/// # Errors
/// If the definition, the mapping or an input can't be read, or an output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let rules = Rules::new(arguments.definition()?);
    let mapping = arguments.mapping()?;
    let source = source::open(arguments.inputs()?, mapping.as_ref())?;
    let outputs = FileOutputs::create(&arguments.out)?;
    let not_after = arguments
        .until
        .or(arguments.example.and_then(Example::not_after))
        .unwrap_or_else(clock::now);
    let summary = replay(
        source,
        Replay::new(rules, not_after),
        outputs,
        arguments.until,
    )?;
    arguments.output.print(&summary, |to, summary| {
        report::write(to, summary)?;
        writeln!(to, "\nWritten to {}", arguments.out.display())
    })?;
    match summary.unreadable() {
        Some(reason) => Err(Unreadable(reason.to_string()).into()),
        None => Ok(Exit::Ok),
    }
}

fn replay(
    mut source: Source<'_>,
    mut replay: Replay,
    mut outputs: FileOutputs,
    until: Option<Timestamp>,
) -> anyhow::Result<Summary> {
    let progress = progress(&source);
    let mut records: Vec<Record> = Vec::with_capacity(STEP_RECORDS);
    loop {
        records.clear();
        for record in source.by_ref().take(STEP_RECORDS) {
            records.push(record?);
        }
        if records.is_empty() {
            break;
        }
        replay.step(&records, &mut outputs)?;
        progress.set_position(source.progress().read_bytes);
        progress.set_message(replay.received().to_string());
    }
    let summary = replay.finish(until, &mut outputs)?;
    outputs.finish(&summary)?;
    progress.finish_and_clear();
    Ok(summary)
}

impl Arguments {
    fn definition(&self) -> anyhow::Result<Definition> {
        match (&self.definition, self.example) {
            (Some(path), _) => super::definition::load(path),
            (None, Some(example)) => Ok(example.definition()),
            (None, None) => Ok(Definition::shipped_default()),
        }
    }

    fn mapping(&self) -> anyhow::Result<Option<Mapping>> {
        match (&self.mapping, self.example) {
            (Some(path), _) => Ok(Some(Mapping::load(path)?)),
            (None, example) => Ok(example.and_then(Example::mapping)),
        }
    }

    fn inputs(&self) -> anyhow::Result<Vec<Input>> {
        let named: Vec<Input> = self
            .more_inputs
            .iter()
            .chain(&self.inputs)
            .map(Input::parse)
            .collect();
        match self.example.and_then(Example::events) {
            Some(events) if named.is_empty() => Ok(vec![events]),
            _ if named.is_empty() => {
                Err(Usage("no input: name a file, or - for standard input").into())
            }
            _ => Ok(named),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, TimestampError> {
    Timestamp::parse(text)
}

/// Shows how far we are, on standard error if that is a terminal.
fn progress(source: &Source<'_>) -> ProgressBar {
    let template = match source.progress().total_bytes {
        Some(_) => "{bar:40} {msg} records, {binary_bytes_per_sec}, {eta} left",
        None => "{spinner} {msg} records, {binary_bytes} read",
    };
    let style = ProgressStyle::with_template(template)
        .expect("the template is a literal, checked by a test");
    let bar = source
        .progress()
        .total_bytes
        .map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    bar.with_style(style).with_message("0")
}
