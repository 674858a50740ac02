//! Settings: read once from file, environment and flags, checked into plain values, handed to each room piece by piece.
//!
//! The only room that reads the environment and the configuration file. As typed they are `RawConfig`, as meant
//! [`Config`]; in between, everything that can be refused without asking a server is refused, with the place where it was
//! set and what to write instead. Later layers win: defaults, file, `WAYMARK_…` variables, flags.
//!
//! | chapter               | what it holds                                                        |
//! | --------------------- | -------------------------------------------------------------------- |
//! | `raw`                 | every key with its shape and default, as typed                       |
//! | `layers`              | defaults, file, environment, flags, and where each value was set     |
//! | `tree`                | the file, with the places of its keys                                |
//! | `environment`         | variables, and the name of the host                                  |
//! | `scalars`             | lengths of time, numbers of bytes, addresses                         |
//! | `mean`                | from as typed to as meant                                            |
//! | `deployment`          | its name, and every name that follows from it                        |
//! | `kafka`, `properties` | librdkafka's properties: handed through, ours alone, bounded, secret |
//! | `registry`            | where the Schema Registry is, and who we are to it                   |
//! | `traces`              | where spans are sent, and which                                      |
//! | `secret`              | passwords, from the environment or from files                        |
//! | `show`                | all settings in force, for `waymark config`                          |
//! | `error`               | what is wrong, with the place to change                              |
//!
//! Knows librdkafka's property names, but neither topics nor servers.

mod deployment;
mod environment;
mod error;
mod kafka;
mod layers;
mod mean;
mod properties;
mod raw;
mod registry;
mod scalars;
mod secret;
mod show;
#[cfg(test)]
mod tests;
mod traces;
mod tree;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use deployment::Deployment;
pub use environment::Environment;
pub use error::{ConfigError, Origin};
pub use kafka::Kafka;
pub use registry::{Credentials, OutputForm, Registry};
pub use scalars::parse_span;
pub use secret::{Secret, SecretError};
pub use show::Setting;
pub use traces::{HeadersError, Sampler, Share, Tracing};

/// The variable that names the configuration file where no flag does.
pub const FILE_VARIABLE: &str = "WAYMARK_CONFIG";

/// Settings as meant.
#[derive(Debug, Clone)]
pub struct Config {
    /// The tenant: prefix of every topic and group.
    pub deployment: Deployment,
    /// How much of what delivery rests on must be proven at the start.
    pub assurance: Assurance,
    /// What cannot be verified and is taken on trust.
    pub assume: BTreeSet<Assumption>,
    /// The stages that this process runs.
    pub stages: BTreeSet<StageName>,
    /// The definition file; absent: the one that ships.
    pub definition: Option<PathBuf>,
    /// Folder of the schemas that events may be written with; absent: those that ship.
    pub schemas: Option<PathBuf>,
    /// How to talk to Kafka.
    pub kafka: Kafka,
    /// Where states are kept outside Kafka.
    pub store: Store,
    /// Where schemas are looked up by their ids; absent: nowhere.
    pub registry: Option<Registry>,
    /// Who works, and in what portions.
    pub workers: Workers,
    /// How time is read.
    pub time: Time,
    /// Where probes and metrics are served; absent: nowhere.
    pub http: Option<SocketAddr>,
    /// What is told while running.
    pub log: Log,
    /// Where spans are sent; absent: nowhere.
    pub tracing: Option<Tracing>,
}

/// How much of what delivery rests on must be proven before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// All of it.
    #[default]
    Production,
    /// Replication of 1 is a warning: for tests and a laptop.
    SingleBroker,
    /// What a mock broker can't answer is a warning as well.
    Demo,
}

/// A fact that some services don't let us verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assumption {
    /// Redis evicts nothing.
    RedisNoeviction,
    /// Topics have the settings that `waymark topics print` shows.
    TopicSettings,
    /// Brokers keep offsets and transactions on three replicas, and elect no unclean leaders.
    BrokerSettings,
}

/// A stage that a process may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Events of customers in; alerts and deltas out.
    Customer,
    /// Deltas in; scores and alerts of cohorts out.
    Cohort,
}

impl StageName {
    /// Returns the name, as groups and changelogs bear it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Cohort => "cohort",
        }
    }
}

/// Where states are kept outside Kafka.
#[derive(Debug, Clone)]
pub enum Store {
    /// In the process: gone with it, and rebuilt from the changelog at every start.
    Memory,
    /// In Redis.
    Redis(Redis),
}

/// How to talk to Redis.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Number of the database.
    pub database: u32,
    /// ACL user; absent: Redis's default user.
    pub username: Option<String>,
    /// Password: read it anew for each connection.
    pub password: Option<Secret>,
    /// Absent: no TLS.
    pub tls: Option<Tls>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer, after which the connection is dropped.
    pub response_timeout: Duration,
}

/// PEM files of a TLS connection; they can be read at the start.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Who signs the server's certificate; absent: the authorities of the system.
    pub ca: Option<PathBuf>,
    /// Our certificate. Present only together with `key`.
    pub cert: Option<PathBuf>,
    /// The key of our certificate.
    pub key: Option<PathBuf>,
}

/// Who works, and in what portions.
#[derive(Debug, Clone)]
pub struct Workers {
    /// Number of this process among its equals; absent: there must be only this one.
    pub ordinal: Option<Ordinal>,
    /// Workers of the customer stage in this process, each with its own consumer, producer and store connection.
    pub threads: u32,
    /// The same of the cohort stage.
    pub cohort_threads: u32,
    /// When a step is full.
    pub step: StepLimits,
    /// When the store must catch up.
    pub flush: FlushLimits,
}

/// Number of this process among its equals, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordinal {
    /// From 0.
    pub number: u32,
    /// A setting, or the host name.
    pub origin: Origin,
}

/// A step ends when the first of these is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepLimits {
    /// Records read.
    pub records: usize,
    /// Keys whose state changed.
    pub changed_keys: usize,
    /// Bytes of the records read.
    pub bytes: usize,
    /// Time since the step before was closed, or since its first record if there are many.
    pub wait: Duration,
    /// Timers fired.
    pub timers: usize,
}

/// The store catches up when the first of these is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlushLimits {
    /// Keys that it does not have yet.
    pub keys: usize,
    /// Time since the oldest of them was committed.
    pub age: Duration,
}

/// How time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// How far an event may run ahead of the broker's clock.
    pub max_skew: Duration,
    /// How long clocks rest after an outage, so that feeds can deliver their backlog first.
    pub tick_resume: Duration,
    /// Where a shard without history begins.
    pub start: StartAt,
}

/// Where a shard without history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartAt {
    /// With everything that the topic still has.
    #[default]
    Earliest,
    /// With what arrives from now on.
    Latest,
}

/// What is told while running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// A filter in the language of `RUST_LOG`.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// Objects for programs, in the names of OpenTelemetry.
    Json,
}

/// A setting given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Which setting: `workers.threads`.
    pub path: String,
    /// What it is set to.
    pub value: String,
    /// How the user typed it: `--threads`.
    pub name: String,
}

impl Config {
    /// Reads the settings of this process; without a file, [`FILE_VARIABLE`] may name one.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is wrong, and where.
    pub fn load(
        file: Option<&Path>,
        environment: &Environment,
        flags: &[Flag],
    ) -> Result<Self, ConfigError> {
        Self::load_with_origins(file, environment, flags).map(|(config, _)| config)
    }

    /// Reads the settings of this process, and lists all of them with the places where they were set.
    ///
    /// # Errors
    /// [`ConfigError`]: the first thing that is wrong, and where.
    pub fn load_with_origins(
        file: Option<&Path>,
        environment: &Environment,
        flags: &[Flag],
    ) -> Result<(Self, Vec<Setting>), ConfigError> {
        let named = environment.variables.get(FILE_VARIABLE);
        let named = named.filter(|name| !name.is_empty()).map(PathBuf::from);
        let file = file.map(Path::to_owned).or(named);
        let layers = layers::Layers::stack(file.as_deref(), environment, flags)?;
        let raw = layers.read()?;
        let settings = show::settings(&raw, &layers);
        let config = mean::mean(raw, &layers, environment)?;
        Ok((config, settings))
    }
}
