//! Prometheus and its `promtool`, from the path or else from Debian's packages: what reads our metrics and judges our rules.
//!
//! Fetched apart from the servers that Waymark needs, as the [stock clients](crate::clients) are. A [`Prometheus`] listens on
//! 127.0.0.1 alone and forgets everything when it is dropped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::home::Home;
use crate::ports::Port;
use crate::process::Process;
use crate::servers::{debian, folder, is_on_path, run};

/// It is ready within half a second; tests run side by side on small machines.
const LIMIT: Duration = Duration::from_mins(1);

const RECIPE: &str = "run `cargo run -p waymark-testkit --bin servers -- fetch`";

/// How to run Prometheus and `promtool` on this machine.
#[derive(Debug, Clone)]
pub enum PrometheusProgram {
    /// Installed.
    OnPath,
    /// Unpacked below this folder.
    Unpacked(PathBuf),
}

impl PrometheusProgram {
    /// Finds what is there, without touching the network.
    ///
    /// # Errors
    ///
    /// Says that nothing is, and how to get it.
    pub fn find() -> Result<Self> {
        let unpacked = Self::Unpacked(root(&folder()));
        let mut known = [Self::OnPath, unpacked].into_iter();
        let found = known.find(|program| program.is_there() && program.runs().is_ok());
        found.with_context(|| format!("prometheus is neither on the path nor fetched: {RECIPE}"))
    }

    /// Fetches it, if it is missing.
    ///
    /// # Errors
    ///
    /// Names the tool that is missing (`apt-get`, `dpkg`) or repeats what it said.
    pub fn fetch() -> Result<Self> {
        let folder = folder();
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let lock = File::create(folder.join("lock-of-prometheus")).context("creating a lock")?;
        lock.lock().context("locking the folder of Prometheus")?;
        if let Ok(found) = Self::find() {
            return Ok(found);
        }
        let part = tempfile::tempdir_in(&folder).context("creating a folder for the package")?;
        let unpacked = debian::unpack(&["prometheus"], part.path())
            .context("fetching Prometheus, as there is none on the path")?;
        let root = root(&folder);
        if root.exists() {
            fs::remove_dir_all(&root).context("removing one that does not run")?;
        }
        fs::rename(unpacked, root).context("moving Prometheus into place")?;
        Self::find()
    }

    /// Returns the command of the server, without arguments.
    pub fn server(&self) -> Command {
        self.command("prometheus")
    }

    /// Returns the command that checks and tests rules and asks servers, without arguments.
    pub fn promtool(&self) -> Command {
        self.command("promtool")
    }

    fn command(&self, name: &str) -> Command {
        match self {
            Self::OnPath => Command::new(name),
            Self::Unpacked(root) => Command::new(root.join("usr/bin").join(name)),
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Self::OnPath => is_on_path("prometheus") && is_on_path("promtool"),
            Self::Unpacked(root) => root.exists(),
        }
    }

    fn runs(&self) -> Result<()> {
        run(self.server().arg("--version"))?;
        run(self.promtool().arg("--version"))
    }
}

/// A Prometheus; it dies with its handle.
#[derive(Debug)]
pub struct Prometheus {
    process: Process, // before `home`: it dies before its folder goes
    port: Port,
    _home: Home,
}

impl Prometheus {
    /// Starts a server with these settings, the text of a `prometheus.yml`, and waits until it answers. Files in them are
    /// absolute.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time, with the tail of its log.
    pub fn start(program: &PrometheusProgram, settings: &str) -> Result<Self> {
        let home = Home::open(None, "waymark-prometheus-")?;
        let port = Port::claim()?;
        let file = home.path().join("prometheus.yml");
        fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))?;
        let mut command = program.server();
        let data = home.path().join("data");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", port.number()));
        let mut process = Process::spawn_in("prometheus", &command, home.path(), home.litter())?;
        process.wait_to_say("Server is ready to receive web requests", LIMIT)?;
        Ok(Self {
            process,
            port,
            _home: home,
        })
    }

    /// Returns where its API is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Returns the last lines of its log, to be shown with an error.
    pub fn tail(&self) -> String {
        self.process.tail()
    }
}

fn root(folder: &Path) -> PathBuf {
    folder.join("prometheus")
}
