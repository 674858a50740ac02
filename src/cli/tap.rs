//! `waymark tap`: alerts as they come, each in a line with its reason, until somebody has seen enough.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;
use waymark_engine::derived::Status;
use waymark_engine::event::Timestamp;

use super::Output;
use super::alert::write_alert;
use super::config::SettingFlags;
use super::definition::schemas;
use super::exit::Exit;
use super::run::stop_on_signal;
use crate::clock;
use crate::config::parse_span;
use crate::kafka::Since;
use crate::pipeline::tap::{Tap, Tapped, Wanted};

/// How long to wait for a record before looking whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// Shows alerts as they come, each with its reason
///
/// Reads committed alerts without joining a group, from now on unless told otherwise, until Ctrl-C. Alerts of one
/// customer or cohort come in their order. A filter that is given more than once takes any of its values. Exit codes: 0
/// seen enough, 66 there is no topic of alerts, 69 the brokers or the schema registry can't be asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: SettingFlags,
    /// Only alerts of this rule
    #[arg(long = "rule", value_name = "ID")]
    rules: Vec<String>,
    /// Only alerts of this kind: `application_stalled`
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only alerts about this customer
    #[arg(long = "customer", value_name = "ID")]
    customers: Vec<String>,
    /// Only alerts about this cohort: `branch=17`
    #[arg(long = "cohort", value_name = "DIMENSION=VALUE")]
    cohorts: Vec<String>,
    /// Only these transitions
    #[arg(long = "status", value_name = "STATUS", value_parser = statuses())]
    statuses: Vec<String>,
    /// Begin with what was published so long ago (1h), or at this time (2026-03-31T18:00:00+02:00)
    #[arg(long, value_name = "AGO|TIME", value_parser = since, conflicts_with = "from_beginning")]
    since: Option<Since>,
    /// Begin with the oldest alert that is kept
    #[arg(long)]
    from_beginning: bool,
    /// End after so many
    #[arg(long, value_name = "NUMBER")]
    count: Option<u64>,
    /// How to print them; as JSON one alert a line
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

fn statuses() -> PossibleValuesParser {
    PossibleValuesParser::new(Status::ALL.map(Status::name))
}

fn since(text: &str) -> Result<Since, String> {
    if let Ok(at) = Timestamp::parse(text) {
        return Ok(Since::Time(at));
    }
    let ago =
        parse_span(text).map_err(|_| "write how long ago, such as 1h, or a time".to_owned())?;
    Ok(Since::Time(clock::now() - ago))
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, the brokers can't be asked, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let stop = stop_on_signal()?;
    let since = match arguments.since {
        Some(since) => since,
        None if arguments.from_beginning => Since::Beginning,
        None => Since::Now,
    };
    let mut tap = Tap::open(&config, schemas(&config)?, since, arguments.wanted())?;
    if since == Since::Now {
        anstream::eprintln!("waiting for alerts of {}", config.deployment.as_str());
    }
    show(&mut tap, arguments, &stop)?;
    Ok(Exit::Ok)
}

fn show(tap: &mut Tap, arguments: &Arguments, stop: &AtomicBool) -> anyhow::Result<()> {
    let mut left = arguments.count.unwrap_or(u64::MAX);
    let mut to = anstream::stdout().lock();
    while left > 0 && !stop.load(Ordering::Relaxed) {
        match tap.next(LOOK)? {
            Some(Tapped::Alert(alert)) => {
                write(&mut to, &alert, arguments.output)?;
                left -= 1;
            }
            Some(Tapped::Unreadable(at, why)) => {
                let (topic, partition, offset) = (at.topic, at.partition, at.offset);
                anstream::eprintln!("{topic}/{partition}@{offset} cannot be read: {why}");
            }
            None => {}
        }
    }
    Ok(())
}

fn write(to: &mut dyn Write, alert: &Value, output: Output) -> io::Result<()> {
    match output {
        Output::Text => write_alert(to, alert),
        Output::Json => writeln!(to, "{alert}"),
    }
}

impl Arguments {
    fn wanted(&self) -> Wanted {
        Wanted {
            rules: self.rules.clone(),
            kinds: self.kinds.clone(),
            customers: self.customers.clone(),
            cohorts: self.cohorts.clone(),
            statuses: self.statuses.clone(),
        }
    }
}
