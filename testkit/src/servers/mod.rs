//! Where the servers are on this machine, and how they get there.
//!
//! Kafka and the Schema Registry come from Maven Central by package name, Redis from the path or else from Debian's packages; neither needs
//! root. What is fetched stays in one folder (`target/servers`, or `WAYMARK_SERVERS_DIR`), each part moved into place
//! when it is whole, under a lock, so that any number of processes may fetch at once and a fetch cut short harms nothing.
//!
//! Finding never touches the network; only fetching does.

pub(crate) mod debian;
mod kafka;
mod redis;
mod registry;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

pub use self::redis::RedisProgram;
use crate::kafka::Kafka;

/// What to say to somebody without servers.
const RECIPE: &str = "run `cargo run -p waymark-testkit --bin servers -- fetch`";

/// Proof that all servers are there: nothing starts without it.
#[derive(Debug, Clone)]
pub struct Servers {
    kafka_jars: PathBuf,
    redis: RedisProgram,
    registry_jar: PathBuf,
}

impl Servers {
    /// Finds what is there, without touching the network.
    ///
    /// # Errors
    ///
    /// Names what is missing and how to get it.
    pub fn find() -> Result<Self> {
        kafka::check_java()?;
        let folder = folder();
        let kafka_jars =
            kafka::find(&folder).with_context(|| format!("Kafka is not fetched: {RECIPE}"))?;
        let redis = redis::find(&folder).with_context(|| {
            format!("redis-server is neither on the path nor fetched: {RECIPE}")
        })?;
        let registry_jar = registry::find(&folder)
            .with_context(|| format!("the Schema Registry is not fetched: {RECIPE}"))?;
        Ok(Self {
            kafka_jars,
            redis,
            registry_jar,
        })
    }

    /// Fetches what is missing and finds the rest.
    ///
    /// # Errors
    ///
    /// Names the tool that is missing (`java`, `mvn`, `apt-get`) or repeats what it said.
    pub fn fetch() -> Result<Self> {
        kafka::check_java()?;
        let folder = folder();
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        // Held to the end: whoever comes second finds the work done.
        let lock = File::create(folder.join("lock"))
            .context("creating the lock of the folder of servers")?;
        lock.lock().context("locking the folder of servers")?;
        if kafka::find(&folder).is_none() {
            kafka::fetch(&folder).context("fetching Kafka")?;
        }
        if redis::find(&folder).is_none() {
            redis::fetch(&folder)
                .context("fetching Redis, as there is no redis-server on the path")?;
        }
        if registry::find(&folder).is_none() {
            registry::fetch(&folder).context("fetching the Schema Registry")?;
        }
        let servers = Self::find()?;
        if !servers.kafka_classes().exists() {
            Kafka::learn_classes(&servers).context("starting Kafka for the first time")?;
        }
        Ok(servers)
    }

    /// Returns the folder with the jars of Kafka.
    pub fn kafka_jars(&self) -> &Path {
        &self.kafka_jars
    }

    /// Returns the archive of the classes that a broker loads; it need not exist.
    pub(crate) fn kafka_classes(&self) -> PathBuf {
        self.kafka_jars.join("classes.jsa")
    }

    /// Returns the jar of the Schema Registry; its libraries lie beside it.
    pub fn registry_jar(&self) -> &Path {
        &self.registry_jar
    }

    /// Returns how to run Redis.
    pub fn redis(&self) -> &RedisProgram {
        &self.redis
    }
}

/// The folder of everything fetched: `target/servers` of the workspace, unless `WAYMARK_SERVERS_DIR` names another.
pub(crate) fn folder() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the kit stands outside Waymark and its configuration"
    )]
    let named = std::env::var_os("WAYMARK_SERVERS_DIR");
    named.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/servers"),
        PathBuf::from,
    )
}

/// Whether there is a program of this name on the path. Looked up instead of tried: `spawn` blocks signals until the child
/// has become the program, so a child that ends before, for want of one, has its SIGCHLD handed to any other thread. If
/// that one waits for the answer of a server, its read ends with `Interrupted`, and the test of a stranger fails.
pub(crate) fn is_on_path(name: &str) -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "the kit stands outside Waymark and its configuration"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_program = |file: PathBuf| {
        let about = file.metadata();
        about.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path).any(|folder| is_program(folder.join(name)))
}

/// Runs a tool to its end; when it fails, what it said is the error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("{name} can't be run; is it installed and on the path?"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    bail!(
        "{name} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&said).trim()
    )
}
