//! `waymark simulate`: writes an invented history to a file, to standard output or to Kafka.

mod to_kafka;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use waymark_engine::event::{Timestamp, TimestampError};

use self::to_kafka::{Format, Sending};
use super::config::SettingFlags;
use super::exit::Exit;
use super::run::stop_on_signal;
use crate::clock;
use crate::simulate::{Options, Share, Simulation};

/// When a history in a file begins, unless told otherwise: a Monday.
const START: &str = "2026-01-05T00:00:00Z";

/// Invents a lending history: one event a line, in the order of arrival
///
/// The same arguments give the same bytes, on any machine, unless the history ends now or is told at a rate. A customer has about one event in four days, so 1,000
/// customers and 22,000 events make a quarter. Half way through, the service of the branch `harbour` gets worse.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Another seed, another history
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers there are
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    customers: u32,
    /// How many events to write; duplicates and broken records come on top
    #[arg(long, value_name = "N", default_value_t = 22_000)]
    events: u64,
    /// When the history begins; default: 2026-01-05T00:00:00Z, or in Kafka such that it ends now
    #[arg(long, value_name = "TIME", value_parser = time)]
    start: Option<Timestamp>,
    /// Longest way of a record to us, such as 10m; unless 0s, the offline feed `branch-notes` takes up to three days
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    disorder: Duration,
    /// Share of events sent twice, such as 0.01
    #[arg(long, value_name = "SHARE", default_value = "0")]
    duplicates: Share,
    /// Share of events beside which a broken record is sent
    #[arg(long, value_name = "SHARE", default_value = "0")]
    bad: Share,
    /// Where to write: a file, compressed if it ends in .zst, or - for standard output
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "to_kafka",
        conflicts_with = "to_kafka"
    )]
    out: Option<PathBuf>,
    /// Send it to the topic `<deployment>.events` instead
    #[arg(long)]
    to_kafka: bool,
    /// Send so many events a second, each happening at the moment it is sent; Ctrl-C ends it
    #[arg(long, value_name = "N", requires = "to_kafka", conflicts_with_all = ["out", "start"], value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How values are written to Kafka
    #[arg(long, value_enum, default_value_t, conflicts_with = "out")]
    format: Format,
    #[command(flatten)]
    settings: SettingFlags,
}

/// Runs the command.
///
/// # Errors
/// If the output can't be written, or the brokers can't be asked. A reader that has seen enough and went away is no error.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.out {
        Some(file) => to_file(arguments, file)?,
        None => to_kafka(arguments)?,
    }
    Ok(Exit::Ok)
}

fn to_file(arguments: &Arguments, file: &Path) -> anyhow::Result<()> {
    let start = time(START).expect("a literal");
    match write(Simulation::new(&arguments.options(start)), file) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.with_context(|| format!("cannot write {}", file.display())),
    }
}

fn to_kafka(arguments: &Arguments) -> anyhow::Result<()> {
    let config = arguments.settings.load()?;
    let now = clock::now();
    let options = arguments.options(now);
    let options = match (arguments.start, arguments.rate) {
        (None, None) => options.ending_at(now),
        (Some(_), _) | (None, Some(_)) => options,
    };
    let sending = Sending {
        format: arguments.format,
        rate: arguments.rate,
    };
    let (simulation, stop) = (Simulation::new(&options), stop_on_signal()?);
    to_kafka::send(simulation, &config, sending, &stop)
}

impl Arguments {
    /// What to invent; `start` is used unless something else was said.
    fn options(&self, start: Timestamp) -> Options {
        Options {
            seed: self.seed,
            customers: self.customers,
            events: self.events,
            start: self.start.unwrap_or(start),
            disorder: self.disorder,
            duplicates: self.duplicates,
            bad: self.bad,
        }
    }
}

fn write(simulation: Simulation, out: &Path) -> io::Result<()> {
    if out == Path::new("-") {
        drop(write_lines(simulation, io::stdout().lock())?);
    } else if out.extension().is_some_and(|extension| extension == "zst") {
        let encoder = zstd::Encoder::new(File::create(out)?, 0)?;
        write_lines(simulation, encoder)?.finish()?;
    } else {
        write_lines(simulation, File::create(out)?)?;
    }
    Ok(())
}

/// Writes all lines and gives the writer back, flushed.
fn write_lines<W: Write>(mut simulation: Simulation, to: W) -> io::Result<W> {
    let progress = progress(simulation.facts_left());
    let mut to = BufWriter::with_capacity(1 << 16, to);
    while let Some(arrival) = simulation.next() {
        to.write_all(arrival.json().as_bytes())?;
        to.write_all(b"\n")?;
        progress.set_position(progress.length().unwrap_or(0) - simulation.facts_left());
    }
    progress.finish_and_clear();
    to.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Shows how far we are, on standard error if that is a terminal.
fn progress(events: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")
        .expect("the template is a literal, checked by a test");
    ProgressBar::new(events).with_style(style)
}

fn time(text: &str) -> Result<Timestamp, TimestampError> {
    Timestamp::parse(text)
}

fn duration(text: &str) -> Result<Duration, String> {
    let said: Result<jiff::SignedDuration, _> = text.parse();
    said.ok()
        .and_then(|said| Duration::try_from(said).ok())
        .ok_or_else(|| format!("{text:?} is not a duration, such as 90s, 10m or 2h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_template_is_valid() {
        assert_eq!(progress(7).length(), Some(7));
    }

    #[test]
    fn a_duration_is_read_as_people_write_it() {
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert!(duration("ten").is_err() && duration("-1m").is_err());
    }
}
