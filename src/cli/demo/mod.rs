//! `waymark demo`: a lending quarter in a minute and a half, with nothing installed.
//!
//! | chapter    | what it holds                                       |
//! | ---------- | --------------------------------------------------- |
//! | `show`     | the course of it: workers, teller, whoever listens  |
//! | `patience` | how long to wait for workers who take nothing more  |
//! | `lines`    | what comes, line by line: where nobody watches      |
//! | `live`     | what comes, as a picture: on a terminal             |
//! | `summary`  | what it came to                                     |
//!
//! The machinery is that of `run`; only the broker, the store and the time of day are those of the show.

mod lines;
mod live;
mod patience;
mod show;
mod summary;

use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use waymark_engine::definition::{DEFAULT_TEXT, Definition};

use super::Output;
use super::exit::{Exit, Unreadable};
use super::run::stop_on_signal;
use crate::clock::{self, StoryClock, TimeOfDay};
use crate::config::{Config, Deployment, Environment, Flag, parse_span};
use crate::demo::{Cluster, Invented, Pace, Story, Told, passes};
use crate::pipeline::{Topics, Work};
use crate::serve::Server;
use crate::source::{self, Input, Mapping};
use crate::telemetry::{Metrics, Status, start_logging};
use crate::trace::Exporter;

use lines::Lines;
use live::Live;
use show::{Medium, Show};
use summary::Summary;

/// Shows a lending quarter in a minute and a half: nothing needs to be installed
///
/// Invents a bank's customers, or reads a log, and lets the machinery of `waymark run` work on it: applications stall and
/// move on, promoters turn away, the customers of the branch `harbour` lose their trust. Kafka is a mock broker inside this
/// process, and the store is memory: for show only, they prove nothing about delivery. Metrics are served and topics can be
/// read meanwhile. Ends by itself, or with Ctrl-C. Exit codes: 0 shown, 1 something failed, 64 to 66 and 78 as in `replay`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Another seed, another story
    #[arg(long, default_value_t = 5, conflicts_with = "inputs")]
    seed: u64,
    /// How many customers the bank has
    #[arg(long, value_name = "N", default_value_t = 3_000, conflicts_with = "inputs",
        value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,
    /// How much of the story passes in a second
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_span)]
    speed: Duration,
    /// When to stop telling at the latest; default: 90s, and a log is told to its end
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_span)]
    length: Option<Duration>,
    /// A log to tell instead: JSON lines, Avro containers or CSV, as `replay` reads them
    #[arg(long = "input", value_name = "FILE")]
    inputs: Vec<PathBuf>,
    /// How to read a CSV event log
    #[arg(long, value_name = "FILE", requires = "inputs")]
    mapping: Option<PathBuf>,
    /// The definition to run; default: the shipped one, with a target for branches
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
    /// Serve metrics and probes here; default: 127.0.0.1:9464, or another port where that is taken
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Lines instead of panels, on a terminal too
    #[arg(long)]
    plain: bool,
    /// How to print it: text, or JSON lines
    #[arg(short, long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

/// How long an invented story is told, unless something else was said.
const LENGTH: Duration = Duration::from_secs(90);

/// A quarter is too short to learn from 500 replies how a branch is doing, as the shipped definition would; so the bank of
/// the demo has stated what it expects.
const TARGET: (&str, &str) = ("{ by: branch,", "{ by: branch, target: 20,");

/// Runs the command.
///
/// # Errors
/// If the definition or a log can't be read, or the machinery fails.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let definition = arguments.definition()?;
    let mapping = arguments.mapping.as_ref().map(|path| Mapping::load(path));
    let mapping = mapping.transpose()?;
    let story = arguments.story(mapping.as_ref())?;
    let deployment = Deployment::parse("demo").expect("a literal");
    let cluster = Cluster::start(&deployment).context("the mock broker can't be started")?;
    let config = config(&cluster.servers())?;
    // Whatever the log says would stand in the middle of the picture.
    if !arguments.is_live() || !io::stderr().is_terminal() {
        start_logging(&config.log, deployment.as_str())?;
    }
    let metrics = Metrics::new();
    let status = Status::new(&metrics);
    let server = arguments.serve(&metrics, &status)?;
    let exporter = Exporter::start(None, deployment.as_str(), metrics.spans())?;
    let clock = StoryClock::at(story.begin);
    let work = Work {
        definition,
        schemas: super::definition::schemas(&config)?,
        topics: Topics::learn(&config, &config.stages)?,
        metrics,
        status,
        tracer: exporter.tracer(),
        time: TimeOfDay::Story(clock.clone()),
    };
    let poster = poster(&cluster.servers(), server.address());
    anstream::eprintln!("{}\n", poster.join("\n"));
    let show = Show {
        config: &config,
        work: &work,
        clock,
        stop: stop_on_signal()?,
        told: Told::default(),
    };
    let begin = story.begin;
    let pace = arguments.pace();
    let medium = arguments.medium(poster, &story, work.definition.nps.is_some())?;
    let (seen, took) = show.run(story, &pace, medium)?;
    let span = (begin, show.clock.now());
    arguments.close(&summary::sum_up(&seen, &show.told, span, took))?;
    Ok(Exit::Ok)
}

/// What this is, and what to try meanwhile.
fn poster(servers: &str, http: SocketAddr) -> [String; 3] {
    [
        "A mock broker in this process, for show: it proves nothing about delivery.".to_owned(),
        format!("  kcat -b {servers} -C -t demo.alerts"),
        format!("  curl http://{http}/metrics"),
    ]
}

impl Arguments {
    fn definition(&self) -> anyhow::Result<Definition> {
        if let Some(path) = &self.definition {
            return super::definition::load(path);
        }
        let text = DEFAULT_TEXT.replacen(TARGET.0, TARGET.1, 1);
        let (definition, _) = Definition::parse(&text).expect("a test reads it");
        Ok(definition)
    }

    fn story<'m>(&self, mapping: Option<&'m Mapping>) -> anyhow::Result<Story<'m>> {
        if self.inputs.is_empty() {
            let length = self.length.unwrap_or(LENGTH);
            return Ok(Story::invent(Invented {
                seed: self.seed,
                customers: self.customers,
                span: passes(self.speed, length.as_secs_f64()),
            }));
        }
        let inputs = self.inputs.iter().map(Input::parse).collect();
        let log = source::open(inputs, mapping)?;
        let story = Story::of_log(log, clock::now())?;
        Ok(story.ok_or(Unreadable("not there".to_owned()))?)
    }

    fn pace(&self) -> Pace {
        let invented = self.inputs.is_empty().then_some(LENGTH);
        Pace {
            speed: self.speed,
            limit: self.length.or(invented),
        }
    }

    /// A picture where somebody watches, else lines.
    fn medium(
        &self,
        poster: [String; 3],
        story: &Story<'_>,
        has_scores: bool,
    ) -> io::Result<Medium> {
        if self.is_live() {
            let live = Live::open(poster, (story.begin, story.end), has_scores)?;
            return Ok(Medium::Live(Box::new(live)));
        }
        Ok(Medium::Lines(Lines::new(self.output)))
    }

    fn is_live(&self) -> bool {
        !self.plain && self.output == Output::Text && io::stdout().is_terminal()
    }

    fn close(&self, summary: &Summary) -> io::Result<()> {
        let mut to = anstream::stdout().lock();
        match self.output {
            Output::Text => summary::write(&mut to, summary),
            Output::Json => writeln!(to, "{}", json!({ "summary": summary })),
        }
    }

    fn serve(&self, metrics: &Metrics, status: &Status) -> anyhow::Result<Server> {
        let start = |address| Server::start(address, metrics.clone(), status.clone());
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let served = match self.http {
            Some(address) => start(address),
            None => start(local(9464)).or_else(|_| start(local(0))),
        };
        served.context("the address for metrics and probes can't be had")
    }
}

/// Settings of the show. What the user has set for deployments of their own is none of its business.
fn config(servers: &str) -> anyhow::Result<Config> {
    let settings = [
        ("deployment", "demo"),
        ("assurance", "demo"),
        ("kafka.bootstrap.servers", servers),
        ("store", "memory"),
        // Each start on a mock says what a mock can't answer, and that it has forgotten its positions.
        ("log.level", "error"),
    ];
    let flags = settings.map(|(path, value)| Flag {
        path: path.to_owned(),
        value: value.to_owned(),
        name: "demo".to_owned(),
    });
    Ok(Config::load(None, &Environment::default(), &flags)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_demo_is_the_shipped_one_with_a_target_for_branches() {
        let (shipped, text) = TARGET;
        assert_eq!(DEFAULT_TEXT.matches(shipped).count(), 1);
        let own = DEFAULT_TEXT.replacen(shipped, text, 1);
        let nps = Definition::parse(&own).unwrap().0.nps.unwrap();
        let targets = nps.cohorts.iter().filter(|by| by.target.is_some());
        let targets: Vec<_> = targets.map(|by| (&*by.dimension, by.target)).collect();
        assert_eq!(targets, [("branch", Some(20.0))]);
    }
}
