//! `waymark simulate`: writes an invented history to a file or to standard output.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use waymark_engine::event::{Timestamp, TimestampError};

use crate::simulate::{Options, Share, Simulation};

/// Invents a lending history: one event a line, in the order of arrival
///
/// The same arguments give the same bytes, on any machine. A customer has about one event in four days, so 1,000
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
    /// When the history begins
    #[arg(long, value_name = "TIME", default_value = "2026-01-05T00:00:00Z", value_parser = time)]
    start: Timestamp,
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
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// If the output can't be written. A reader that has seen enough and went away is no error.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let simulation = Simulation::new(&arguments.options());
    match write(simulation, &arguments.out) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.with_context(|| format!("cannot write {}", arguments.out.display())),
    }
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            seed: self.seed,
            customers: self.customers,
            events: self.events,
            start: self.start,
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
    while let Some(line) = simulation.next() {
        to.write_all(line.as_bytes())?;
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
