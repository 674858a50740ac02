//! A deployment under test: topics and group of its own, a Redis of its own, and the `waymark` commands that act on it.
//!
//! Everything goes through the command, as an operator would do it. Kafka belongs to the test, which may hurt it; names are
//! the test's own, so that many deployments share one broker. Each suite adds what it asks of a deployment.

use std::cell::Cell;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use waymark_testkit::{Process, Redis, Servers, redis, until};

use crate::client::Client;

/// How long anything may take that is bound to happen: generous, for tests share a small machine.
pub(crate) const LONG: Duration = Duration::from_mins(2);
/// SIGTERM to the end of the process, whatever Kafka and Redis do.
pub(crate) const FAREWELL: Duration = Duration::from_secs(10);
/// Partitions of `events`, hence shards of customers.
pub(crate) const SHARDS: i32 = 3;

const WAYMARK: &str = env!("CARGO_BIN_EXE_waymark");

/// A deployment. Its processes are the test's.
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) redis: Redis,
    bootstrap: String,
    folder: TempDir,
    /// Processes started so far; each keeps its log.
    started: Cell<u32>,
}

/// How to start a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Start<'a> {
    /// Its number among its equals.
    pub(crate) ordinal: u32,
    /// What happens where: the variable `FAILPOINTS`.
    pub(crate) failpoints: &'a str,
    /// Settings of its own, each `path=value`.
    pub(crate) settings: &'a [&'a str],
}

/// A `waymark run`. It dies with its handle, as by `kill -9`.
pub(crate) struct Worker {
    pub(crate) process: Process,
}

impl Deployment {
    /// Creates a deployment with its topics, and a Redis of its own.
    pub(crate) fn create(servers: &Servers, name: &str, bootstrap: &str) -> Self {
        let redis = Redis::start(servers, &redis::Options::default()).unwrap();
        Self::over(redis, name, bootstrap)
    }

    /// The same, with this Redis.
    pub(crate) fn over(redis: Redis, name: &str, bootstrap: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let assurance = if bootstrap.contains(',') {
            "production"
        } else {
            "single-broker"
        };
        let file = format!(
            "\
deployment: {name}
assurance: {assurance}
kafka:
  bootstrap.servers: {bootstrap}
  consumer: {{ session.timeout.ms: 6000, heartbeat.interval.ms: 1000 }}
  producer: {{ transaction.timeout.ms: 10000, message.timeout.ms: 8000 }}
redis: {{ port: {} }}
time: {{ tick_resume: 1s }}
http: 127.0.0.1:0
",
            redis.port()
        );
        fs::write(folder.path().join("waymark.yaml"), file).unwrap();
        let deployment = Self {
            name: name.to_owned(),
            redis,
            bootstrap: bootstrap.to_owned(),
            folder,
            started: Cell::new(0),
        };
        deployment.create_topics();
        deployment
    }

    /// Creates the topics that are missing, and waits until the brokers know them.
    pub(crate) fn create_topics(&self) {
        self.must(&["topics", "create", "--partitions", &SHARDS.to_string()]);
        let check = || self.asked(&["topics", "check"]);
        let known = until(LONG, || check().status.success().then_some(()));
        assert!(known.is_some(), "{}", text(&check().stdout));
    }

    /// Returns a name of a topic: `events`, `customer.changelog`.
    pub(crate) fn topic(&self, of: &str) -> String {
        format!("{}.{of}", self.name)
    }

    /// Returns an independent client of its topics.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.bootstrap)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the process of this number.
    pub(crate) fn start(&self, ordinal: u32) -> Worker {
        self.start_as(Start {
            ordinal,
            ..Start::default()
        })
    }

    /// Starts a process.
    pub(crate) fn start_as(&self, start: Start<'_>) -> Worker {
        let ordinal = format!("workers.ordinal={}", start.ordinal);
        let mut command = self.command(&["run", "--set", &ordinal]);
        command.args(["--set", "workers.threads=1"]);
        for setting in start.settings {
            command.args(["--set", setting]);
        }
        command.env("FAILPOINTS", start.failpoints);
        let name = format!("worker-{}", start.ordinal);
        Worker {
            process: self.spawn(&name, &command),
        }
    }

    /// Gives it a definition of its own.
    pub(crate) fn define(&self, definition: &str) {
        let file = self.folder().join("definition.yaml");
        fs::write(&file, definition).unwrap();
        let settings = self.folder().join("waymark.yaml");
        let mut settings = OpenOptions::new().append(true).open(settings).unwrap();
        writeln!(settings, "definition: '{}'", file.display()).unwrap();
    }

    /// Replays events, one a line, under the definition it was given; returns the folder of what comes out.
    pub(crate) fn replay(&self, lines: &[String]) -> PathBuf {
        self.replay_with(lines, &[])
    }

    /// The same, with more flags.
    pub(crate) fn replay_with(&self, lines: &[String], flags: &[&str]) -> PathBuf {
        let names = ["definition.yaml", "events.jsonl", "replayed"];
        let [definition, input, out] = names.map(|name| self.folder().join(name));
        fs::write(&input, lines.join("\n") + "\n").unwrap();
        let mut command = Command::new(WAYMARK);
        command.arg("replay").arg("--definition").arg(definition);
        command.args(flags);
        let output = command.arg("--out").arg(&out).arg(&input).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        out
    }

    /// Asks `waymark verify`: its exit code, its verdict, and what it says.
    pub(crate) fn verdict(&self, more: &[&str]) -> (Option<i32>, Value, String) {
        let output = self.asked(&[&["verify", "-o", "json"], more].concat());
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let verdict = serde_json::from_str(&out).unwrap_or(Value::Null);
        (output.status.code(), verdict, out + &err)
    }

    /// Runs a command that must succeed; returns what it prints.
    pub(crate) fn must(&self, words: &[&str]) -> String {
        let output = self.asked(words);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "waymark {words:?}: {out}{err}");
        out
    }

    /// Runs a command to its end.
    pub(crate) fn asked(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Returns a command with the settings of this deployment.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(WAYMARK);
        command.args(words).arg("--config");
        command.arg(self.folder().join("waymark.yaml"));
        command.env("FAILPOINTS", "").env_remove("RUST_LOG");
        #[expect(
            clippy::disallowed_methods,
            reason = "settings of whoever runs the tests are none of ours"
        )]
        for (name, _) in std::env::vars_os() {
            let is_setting = |prefix: &str| name.as_encoded_bytes().starts_with(prefix.as_bytes());
            if is_setting("WAYMARK_") || is_setting("OTEL_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Starts a process that keeps its log in the folder of the deployment.
    pub(crate) fn spawn(&self, name: &str, command: &Command) -> Process {
        self.started.update(|number| number + 1);
        let name = format!("{:03}-{name}", self.started.get());
        Process::spawn(&name, command, self.folder()).unwrap()
    }
}

impl Worker {
    /// Stops it gracefully and holds it to the time and the exit code.
    pub(crate) fn stop(&mut self) {
        let status = self.process.stop(FAREWELL).unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.process.tail());
    }

    /// Waits until it says something.
    pub(crate) fn says(&mut self, text: &str) {
        self.process.wait_to_say(text, LONG).unwrap();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
