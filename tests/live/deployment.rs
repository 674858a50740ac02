//! A deployment of a test's own on real servers: topics, events, processes, and the verdict of `waymark verify`.
//!
//! Everything goes through the `waymark` command, as an operator would do it; only what an operator must never do (forging
//! records, moving offsets) goes past it. Names are the test's own, so that many deployments share one broker.
//!
//! ```text
//! let Some(servers) = servers_or_skip() else { return };
//! let deployment = Deployment::on(Kafka::shared(&servers), &servers, "my-test");
//! deployment.simulate(&["--events", "3000"]);
//! let worker = deployment.start();
//! deployment.wait_until_taken();
//! drop(worker);                       // as `kill -9` does
//! Deployment::stop(deployment.start()); // recovers, flushes, leaves
//! deployment.assert_fine();
//! ```

use std::cell::Cell;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use waymark_testkit::{Kafka, Process, Redis, Servers, redis, until};

use crate::forge::Forge;

/// Shards of a deployment of ours.
pub(crate) const PARTITIONS: i32 = 4;
/// A machine under load, a broker that elects, a session that must time out: whatever is waited for comes by then.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// A deployment of a test's own.
pub(crate) struct Deployment {
    pub(crate) name: String,
    pub(crate) redis: Redis,
    bootstrap: String,
    folder: TempDir,
    /// Processes started so far; each keeps its log.
    started: Cell<u32>,
}

impl Deployment {
    /// A new deployment with empty topics, on this cluster and with a Redis of its own.
    pub(crate) fn on(kafka: &Kafka, servers: &Servers, name: &str) -> Self {
        let redis = Redis::start(servers, &redis::Options::default()).expect("a Redis");
        Self::with(kafka, redis, name)
    }

    /// The same, with this Redis.
    pub(crate) fn with(kafka: &Kafka, redis: Redis, name: &str) -> Self {
        let deployment = Self {
            name: name.to_owned(),
            redis,
            bootstrap: kafka.bootstrap(),
            folder: TempDir::new().expect("a temporary folder"),
            started: Cell::new(0),
        };
        deployment.create_topics();
        deployment
    }

    /// Creates the topics that are missing.
    pub(crate) fn create_topics(&self) {
        let partitions = PARTITIONS.to_string();
        self.told(&["topics", "create", "--partitions", &partitions]);
    }

    /// Returns the name of a topic: `deployment.topic("alerts")`.
    pub(crate) fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.name)
    }

    /// Returns a handle for what only a test may do.
    pub(crate) fn forge(&self) -> Forge {
        Forge::open(&self.bootstrap)
    }

    /// Returns the command with the settings of this deployment. Tests add to its environment what they need.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
        // The test kit's own variables look like settings of ours.
        for name in ["", "_DIR", "_LEDGER"] {
            command.env_remove(format!("WAYMARK_SERVERS{name}"));
        }
        command.env_remove("WAYMARK_DATA");
        command
            .args(arguments)
            .env("WAYMARK_DEPLOYMENT", &self.name)
            .env("WAYMARK_ASSURANCE", "single-broker")
            .env("WAYMARK_KAFKA__BOOTSTRAP_SERVERS", &self.bootstrap)
            .env("WAYMARK_REDIS__HOST", "127.0.0.1")
            .env("WAYMARK_REDIS__PORT", self.redis.port().to_string())
            .env("WAYMARK_HTTP", "127.0.0.1:0");
        command
    }

    /// Runs a command to its end.
    pub(crate) fn asked(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the command runs")
    }

    /// Runs a command that must succeed; returns what it said on standard output.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.asked(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}\n{err}");
        out
    }

    /// Sends an invented history, with all that makes life hard: disorder, repeats, records that make no sense.
    pub(crate) fn simulate(&self, arguments: &[&str]) {
        let hard = [
            "simulate",
            "--to-kafka",
            "--disorder",
            "10m",
            "--duplicates",
            "0.02",
            "--bad",
            "0.01",
        ];
        self.told(&[&hard[..], arguments].concat());
    }

    /// Starts `waymark run`, the only process of this deployment. It dies with its handle, as by `kill -9`.
    pub(crate) fn start(&self) -> Process {
        self.start_with(&[])
    }

    /// Starts `waymark run` as one of several: `deployment.start_as(1)`.
    pub(crate) fn start_as(&self, ordinal: u32) -> Process {
        self.start_with(&[("WAYMARK_WORKERS__ORDINAL", &ordinal.to_string())])
    }

    /// Starts `waymark run` with more in its environment, such as settings or failpoints.
    pub(crate) fn start_with(&self, environment: &[(&str, &str)]) -> Process {
        let number = self.started.get();
        self.started.set(number + 1);
        let mut command = self.command(&["run"]);
        command.envs(environment.iter().copied());
        Process::spawn(&format!("run-{number}"), &command, self.folder.path())
            .expect("the command runs")
    }

    /// Asks a process to stop and waits for it: what is committed is in the store then.
    pub(crate) fn stop(mut process: Process) {
        let status = process.stop(PATIENCE).expect("it stops");
        assert!(status.success(), "{}", process.tail());
    }

    /// Waits until every record of the source has been taken in a committed step, and the store has whole copies.
    pub(crate) fn wait_until_taken(&self) {
        let taken = until(PATIENCE, || {
            let shards = self.shards();
            let taken = |shard: &Value| {
                let is_whole = shard["store"]["status"] == "complete";
                shard["lag_records"] == 0 && shard["step"].is_u64() && is_whole
            };
            shards.iter().all(taken).then_some(())
        });
        assert!(taken.is_some(), "not taken in time: {:#?}", self.shards());
    }

    /// Returns what `waymark inspect shard` says of each shard.
    pub(crate) fn shards(&self) -> Vec<Value> {
        let output = self.asked(&["inspect", "shard", "-o", "json"]);
        let shards = serde_json::from_slice(&output.stdout);
        shards.unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    /// Returns the verdict of `waymark verify`.
    pub(crate) fn verdict(&self) -> Value {
        let output = self.asked(&["verify", "-o", "json"]);
        let verdict: Result<Value, _> = serde_json::from_slice(&output.stdout);
        let verdict = verdict.unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        let code = match (&verdict["fine"], &verdict["whole"]) {
            (Value::Bool(true), Value::Bool(true)) => 0,
            (Value::Bool(true), _) => 75,
            _ => 1,
        };
        assert_eq!(
            output.status.code(),
            Some(code),
            "exit code and verdict agree"
        );
        verdict
    }

    /// Holds the deployment to its promise: nothing lost, doubled or different. Where nothing runs, the store included.
    pub(crate) fn assert_fine(&self) -> Value {
        let verdict = self.verdict();
        assert_eq!(verdict["fine"], true, "{verdict:#}");
        verdict
    }

    /// The same of a deployment that stands still: every value of the store was compared, too.
    pub(crate) fn assert_fine_with_store(&self) -> Value {
        let verdict = self.assert_fine();
        for shard in verdict["shards"].as_array().expect("shards") {
            assert_eq!(shard["store"], "compared", "{shard}");
        }
        verdict
    }

    /// A connection to the store, behind the deployment's back.
    pub(crate) fn redis(&self) -> ::redis::Connection {
        let client = ::redis::Client::open(self.redis.url());
        let connection = client.and_then(|client| client.get_connection());
        connection.expect("Redis takes connections")
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
