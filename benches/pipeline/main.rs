//! What the whole path costs, on real servers: Kafka in, Redis and Kafka out, beside bare loops that do no more than move
//! the same bytes.
//!
//! `cargo bench --bench pipeline` starts one Kafka and one Redis of its own, fills a topic, and prints one table with its
//! conditions. Figures of different machines don't compare; the ratio of the whole path to the bare loop does.
//!
//! | chapter   | what it holds                                                         |
//! | --------- | --------------------------------------------------------------------- |
//! | `arrange` | servers, deployments, the `waymark` command                           |
//! | `backlog` | the whole path over a backlog: speed, processor time, memory          |
//! | `bare`    | the bare loops, each in a process of its own                          |
//! | `store`   | bytes of Redis for a customer                                         |
//! | `latency` | from an event appended to its alert readable                          |
//! | `restart` | from `kill -9` to the first output                                    |
//! | `kafka`   | where groups and topics stand                                         |
//! | `usage`   | what a process has used, and on what machine                          |
//! | `report`  | the table                                                             |

#![expect(clippy::print_stdout, reason = "figures are what this is for")]
#![expect(clippy::disallowed_methods, reason = "whoever measures reads clocks")]

mod arrange;
mod backlog;
mod bare;
mod kafka;
mod latency;
mod report;
mod restart;
mod store;
mod usage;

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueEnum};
use waymark_testkit::Servers;

use arrange::{Deployment, Stage};
use report::Report;

/// The same as that of the command: bare loops must not lose by another one.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures the whole path against real servers.
#[derive(Debug, Clone, Parser)]
struct Arguments {
    /// Events of the backlog
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Customers of the backlog
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
    /// How events are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Events a second while latency is measured
    #[arg(long, default_value_t = 5_000)]
    rate: u32,
    /// Seconds for which latency is measured; the first tenth warms up and does not count
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Numbers of customers with whom a restart is measured
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 500_000])]
    restart_customers: Vec<u32>,
    /// Measure these only
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Backlog, Part::Latency, Part::Restart])]
    only: Vec<Part>,
    /// A setting of `waymark run`: workers.threads=1
    #[arg(long)]
    set: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Said by `cargo bench`, and not by `cargo test`
    #[arg(long, hide = true)]
    bench: bool,
    /// Be a bare loop: what the parent process measures
    #[arg(long, hide = true)]
    bare: Option<String>,
}

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Avro,
    Json,
}

/// What can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Speed, processor time and memory over a backlog, bare loops, bytes in Redis
    Backlog,
    /// From event to alert
    Latency,
    /// From `kill -9` to the first output
    Restart,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if let Some(order) = &arguments.bare {
        return bare::obey(order);
    }
    if !arguments.bench {
        println!("nothing is measured in a test run: use `cargo bench --bench pipeline`");
        return Ok(());
    }
    let servers = match Servers::find() {
        Ok(servers) => servers,
        Err(missing) => {
            println!("!!! SKIPPED: real servers are needed: {missing:#}");
            return Ok(());
        }
    };
    let report = measure(&arguments, &servers)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

fn measure(arguments: &Arguments, servers: &Servers) -> Result<Report> {
    let stage = Stage::set(servers, arguments)?;
    let mut report = Report::new(stage.conditions()?);
    let has = |part| arguments.only.contains(&part);
    if has(Part::Backlog) || has(Part::Latency) {
        let deployment = Deployment::create(&stage, "backlog")?;
        say("filling the topic");
        deployment.fill(arguments.events, arguments.customers)?;
        say("the whole path");
        let backlog = backlog::measure(&deployment)?;
        if has(Part::Backlog) {
            say("the bare loops");
            report.store = Some(store::measure(&deployment)?);
            report.bare = Some(bare::measure(&deployment, &backlog)?);
            report.backlog = Some(backlog);
        }
        if has(Part::Latency) {
            say("latency");
            let lasting = Duration::from_secs(arguments.seconds);
            let latency = latency::measure(&deployment, arguments.rate, lasting);
            report.latency = Some(latency.context("measuring latency")?);
        }
    }
    if has(Part::Restart) {
        for customers in &arguments.restart_customers {
            say(&format!("restart with {customers} customers"));
            report.restarts.push(restart::measure(&stage, *customers)?);
        }
    }
    Ok(report)
}

/// Tells how far we are, beside the figures.
fn say(what: &str) {
    anstream::eprintln!("pipeline: {what} ...");
}
