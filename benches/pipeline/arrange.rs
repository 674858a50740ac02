//! Servers and deployments of one run, and the `waymark` command on them. All of it is gone when the run ends.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use waymark_testkit::{Kafka, Process, Redis, Servers, kafka, redis};

use crate::report::Conditions;
use crate::{Arguments, Format, usage};

/// How long a worker may take to leave.
const FAREWELL: Duration = Duration::from_secs(15);

/// The servers, and what all deployments have in common.
pub(crate) struct Stage {
    pub(crate) kafka: Kafka,
    pub(crate) redis: Redis,
    pub(crate) arguments: Arguments,
    folder: TempDir,
    kafka_version: String,
}

impl Stage {
    /// Starts the servers. The broker gets what figures need: memory and the full compiler.
    pub(crate) fn set(servers: &Servers, arguments: &Arguments) -> Result<Self> {
        crate::say("starting servers");
        let options = kafka::Options {
            size: kafka::Size::Large,
            ..kafka::Options::default()
        };
        Ok(Self {
            kafka: Kafka::start(servers, &options)?,
            redis: Redis::start(servers, &redis::Options::default())?,
            arguments: arguments.clone(),
            folder: tempfile::tempdir()?,
            kafka_version: usage::kafka_version(servers.kafka_jars()),
        })
    }

    /// Returns under which conditions all figures are measured.
    pub(crate) fn conditions(&self) -> Result<Conditions> {
        let redis = self.redis.ask(&["INFO", "server"])?;
        let redis = redis
            .lines()
            .find_map(|line| line.trim().strip_prefix("redis_version:"));
        Ok(Conditions {
            machine: usage::machine(),
            kafka: format!("{}, one broker, 1 GB of heap", self.kafka_version),
            redis: redis.unwrap_or("unknown").to_owned(),
            librdkafka: rdkafka::util::get_rdkafka_version().1,
            waymark: env!("CARGO_PKG_VERSION").to_owned(),
            events: self.arguments.events,
            customers: self.arguments.customers,
            format: match self.arguments.format {
                Format::Avro => "Avro, single object".to_owned(),
                Format::Json => "JSON".to_owned(),
            },
            settings: self.arguments.set.clone(),
        })
    }
}

/// One deployment on the servers.
pub(crate) struct Deployment<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) name: String,
}

impl<'a> Deployment<'a> {
    /// Creates the topics.
    pub(crate) fn create(stage: &'a Stage, name: &str) -> Result<Self> {
        let deployment = Self {
            stage,
            name: name.to_owned(),
        };
        deployment.command(&["topics", "create"], &[])?;
        Ok(deployment)
    }

    pub(crate) fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.name)
    }

    /// Writes a backlog that ends now.
    pub(crate) fn fill(&self, events: u64, customers: u32) -> Result<()> {
        let (events, customers) = (events.to_string(), customers.to_string());
        let simulate = ["simulate", "--to-kafka"];
        self.command(
            &simulate,
            &[
                "--events",
                &events,
                "--customers",
                &customers,
                "--format",
                self.format(),
            ],
        )
    }

    /// Begins a stream of events that happen now.
    pub(crate) fn stream(&self, rate: u32, events: u64, customers: u32) -> Result<Process> {
        let numbers = [rate.to_string(), events.to_string(), customers.to_string()];
        let mut command = self.waymark(&["simulate", "--to-kafka", "--seed", "2"]);
        command.args(["--rate", &numbers[0], "--events", &numbers[1]]);
        command.args(["--customers", &numbers[2], "--format", self.format()]);
        Process::spawn(&self.topic("stream"), &command, self.stage.folder.path())
    }

    /// Starts `waymark run` with both stages.
    pub(crate) fn run(&self) -> Result<Process> {
        self.run_stages("customer,cohort")
    }

    /// Starts `waymark run` with some stages.
    pub(crate) fn run_stages(&self, stages: &str) -> Result<Process> {
        let mut command = self.waymark(&["run", "--stages", stages, "--http", "off"]);
        let port = self.stage.redis.port();
        command.args(["--set", &format!("redis.port={port}")]);
        for setting in &self.stage.arguments.set {
            command.args(["--set", setting]);
        }
        Process::spawn(&self.topic("run"), &command, self.stage.folder.path())
    }

    /// Stops `waymark run` as an operator does.
    pub(crate) fn stop(mut run: Process) -> Result<()> {
        let status = run.stop(FAREWELL)?;
        ensure!(status.success(), "waymark run: {status}{}", run.tail());
        Ok(())
    }

    fn format(&self) -> &'static str {
        match self.stage.arguments.format {
            Format::Avro => "avro",
            Format::Json => "json",
        }
    }

    fn command(&self, command: &[&str], arguments: &[&str]) -> Result<()> {
        let output = self.waymark(command).args(arguments).output()?;
        ensure!(
            output.status.success(),
            "waymark {command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    fn waymark(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
        // Settings of whoever runs this, and those of the kit, are no settings of ours.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("WAYMARK_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).args(["--deployment", &self.name]);
        command.args(["--assurance", "single-broker"]);
        command.args(["--bootstrap-servers", &self.stage.kafka.bootstrap()]);
        command
    }
}

/// Tells it at once when a process has ended that should run.
pub(crate) fn alive(run: &mut Process) -> Result<()> {
    match run.ended() {
        None => Ok(()),
        Some(status) => bail!("it has ended: {status}{}", run.tail()),
    }
}

/// Waits until something is so, looking often.
pub(crate) fn wait_for(
    what: &str,
    limit: Duration,
    mut is_so: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let since = std::time::Instant::now();
    while !is_so().with_context(|| format!("waiting for {what}"))? {
        ensure!(since.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
