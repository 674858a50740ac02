//! A deployment under test: topics and group of its own, a Redis of its own, and the `waymark` commands that act on it.
//!
//! Whatever is done to it, each test ends with [`Deployment::settle`]: every process stopped, nothing left to read, and
//! `waymark verify` with nothing to complain about. Kafka belongs to the test, which may hurt it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use waymark_testkit::{Process, Redis, Servers, redis, until};

use crate::client::Client;

/// How long anything may take that is bound to happen: generous, for tests share a small machine.
pub(crate) const LONG: Duration = Duration::from_mins(2);
/// SIGTERM to the end of the process, whatever Kafka and Redis do.
pub(crate) const FAREWELL: Duration = Duration::from_secs(10);
/// Partitions of every topic, hence shards.
pub(crate) const SHARDS: i32 = 3;

const WAYMARK: &str = env!("CARGO_BIN_EXE_waymark");

/// A deployment. Its processes are the test's.
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) redis: Redis,
    pub(crate) bootstrap: String,
    folder: TempDir,
    started: u32,
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

/// A `waymark run`.
pub(crate) struct Worker {
    pub(crate) process: Process,
}

impl Deployment {
    /// Creates a deployment that takes records of 20 MB, as their owners must have set up by hand.
    pub(crate) fn create_large(servers: &Servers, name: &str, bootstrap: &str) -> Self {
        let client = Client::new(bootstrap);
        client.create_large(&format!("{name}.events"), 20_000_000);
        for topic in ["dead-letter", "late"] {
            client.create_large(&format!("{name}.{topic}"), 21_000_000); // headers come on top
        }
        Self::create(servers, name, bootstrap)
    }

    /// Creates a deployment with its topics.
    pub(crate) fn create(servers: &Servers, name: &str, bootstrap: &str) -> Self {
        let redis = Redis::start(servers, &redis::Options::default()).unwrap();
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
            started: 0,
        };
        deployment.create_topics();
        deployment
    }

    /// Creates the topics that are missing, and waits until the brokers know them.
    pub(crate) fn create_topics(&self) {
        self.must(&["topics", "create", "--partitions", &SHARDS.to_string()]);
        let check = || self.command(&["topics", "check"]).output().unwrap();
        let known = until(LONG, || check().status.success().then_some(()));
        assert!(known.is_some(), "{}", text(&check().stdout));
    }

    /// Returns a name of a topic: `events`, `customer.changelog`.
    pub(crate) fn topic(&self, of: &str) -> String {
        format!("{}.{of}", self.name)
    }

    /// Returns the group of the customer stage.
    pub(crate) fn group(&self) -> String {
        self.topic("customer")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns an independent client of its topics.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.bootstrap)
    }

    /// Sends a backlog that ends now, with duplicates, disorder and broken records in it.
    pub(crate) fn feed(&self, events: u32, customers: u32, seed: u32) {
        let of_all = [events, customers, seed].map(|number| number.to_string());
        let [events, customers, seed] = &of_all;
        let spice = ["--disorder", "10m", "--duplicates", "0.02", "--bad", "0.02"];
        let mut words = vec!["simulate", "--to-kafka", "--events", events];
        words.extend(["--customers", customers, "--seed", seed]);
        words.extend(spice);
        self.must(&words);
    }

    /// Sends a backlog that ends long ago: the clocks have to catch up for hours, so idle shards tick all the time.
    pub(crate) fn feed_of_last_year(&self, events: u32, seed: u32) {
        let [events, seed] = [events, seed].map(|number| number.to_string());
        let mut words = vec!["simulate", "--to-kafka", "--start", "2025-01-06T00:00:00Z"];
        words.extend(["--customers", "100", "--events", &events, "--seed", &seed]);
        self.must(&words);
    }

    /// Begins to send events that happen now; SIGTERM ends it.
    pub(crate) fn stream(&mut self, rate: u32, seed: u32) -> Process {
        let of_all = [rate, seed].map(|number| number.to_string());
        let [rate, seed] = &of_all;
        let mut command = self.command(&["simulate", "--to-kafka", "--rate", rate]);
        command.args(["--customers", "200", "--events", "1000000", "--seed", seed]);
        command.args(["--duplicates", "0.02", "--bad", "0.02"]);
        self.spawn("stream", &command)
    }

    /// Starts the process of this number.
    pub(crate) fn start(&mut self, ordinal: u32) -> Worker {
        self.start_as(Start {
            ordinal,
            ..Start::default()
        })
    }

    /// Starts a process.
    pub(crate) fn start_as(&mut self, start: Start<'_>) -> Worker {
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

    /// Waits until nothing is left to read: every shard stands at the end of its source.
    pub(crate) fn caught_up(&self) {
        let client = self.client();
        let (events, group) = (self.topic("events"), self.group());
        let behind = || {
            let ends = client.ends(&events);
            let at = client.committed(&group, &events);
            (ends != at).then_some((ends, at))
        };
        let there = until(LONG, || behind().is_none().then_some(()));
        assert!(
            there.is_some(),
            "(ends, committed) of {events}: {:?}",
            behind()
        );
    }

    /// Stops the processes gracefully, once nothing is left to read, and verifies. Returns the verdict.
    pub(crate) fn settle(&self, workers: Vec<Worker>) -> Value {
        self.caught_up();
        for mut worker in workers {
            worker.stop();
        }
        self.verify()
    }

    /// Verifies that nothing is lost, doubled or different, in Kafka and in Redis; returns the verdict.
    ///
    /// `verify` is ours. So the alerts are counted once more by a client that knows nothing of Waymark.
    pub(crate) fn verify(&self) -> Value {
        let (status, verdict, told) = self.verdict(&[]);
        assert_eq!(status, Some(0), "{told}");
        for shard in verdict["shards"].as_array().unwrap() {
            assert_eq!(shard["store"], "compared", "{told}");
        }
        let ids = self.client().ids(&self.topic("alerts"));
        let unique = ids.iter().collect::<std::collections::HashSet<_>>();
        assert_eq!(unique.len(), ids.len(), "an alert was published twice");
        assert_eq!(verdict["alerts"]["expected"], ids.len(), "{told}");
        verdict
    }

    /// Asks `waymark verify`: its exit code, its verdict, and what it says.
    pub(crate) fn verdict(&self, more: &[&str]) -> (Option<i32>, Value, String) {
        let mut command = self.command(&["verify", "-o", "json"]);
        let output = command.args(more).output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        let verdict = serde_json::from_str(&out).unwrap_or(Value::Null);
        (output.status.code(), verdict, out + &err)
    }

    /// Runs a command that must succeed; returns what it prints.
    pub(crate) fn must(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "waymark {words:?}: {out}{err}");
        out
    }

    /// Waits until the store has a checkpoint of every shard.
    pub(crate) fn stored(&self) {
        let keys = || self.redis.ask(&["keys", "*:cp"]).unwrap();
        let stored = || (keys().lines().count() == SHARDS.unsigned_abs() as usize).then_some(());
        until(LONG, stored).unwrap_or_else(|| panic!("checkpoints: {}", keys()));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(WAYMARK);
        command.args(words).arg("--config");
        command.arg(self.folder().join("waymark.yaml"));
        command.env("FAILPOINTS", "").env_remove("RUST_LOG");
        #[expect(
            clippy::disallowed_methods,
            reason = "settings of whoever runs the tests are none of ours"
        )]
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"WAYMARK_") {
                command.env_remove(name);
            }
        }
        command
    }

    fn spawn(&mut self, name: &str, command: &Command) -> Process {
        self.started += 1;
        let name = format!("{:03}-{name}", self.started);
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

    /// Waits until a page contains something.
    pub(crate) fn shows(&mut self, path: &str, text: &str) {
        let shown = until(LONG, || self.page(path)?.contains(text).then_some(()));
        if shown.is_none() {
            let page = self.page(path);
            panic!(
                "{path} does not show {text:?}: {page:?}{}",
                self.process.tail()
            );
        }
    }

    /// Waits until all of its shards run.
    pub(crate) fn runs(&mut self) {
        self.shows("/readyz?verbose", "HTTP/1.1 200");
    }

    /// Returns the sum of the rows of a metric whose labels contain something.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let page = self.page("/metrics").expect("it serves metrics");
        let rows = page.lines().filter(|row| {
            let rest = row.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(labels))
        });
        rows.map(|row| row.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Asks for a page: status line, headers and body.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut line = TcpStream::connect(self.address()?).ok()?;
        line.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(
            line,
            "GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n"
        )
        .ok()?;
        let mut page = String::new();
        line.read_to_string(&mut page).ok()?;
        Some(page)
    }

    fn address(&self) -> Option<SocketAddr> {
        let said = self.process.stdout() + &self.process.stderr();
        let (_, rest) = said.split_once("metrics and probes are served")?;
        let (_, rest) = rest.split_once("127.0.0.1:")?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}").parse().ok()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
