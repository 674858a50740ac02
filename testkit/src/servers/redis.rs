//! Redis from the path or, where there is none, unpacked from Debian's packages without installing them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::{debian, is_on_path, run};

/// `redis-server` is a name for a program in `redis-tools`; the libraries are those that a small system lacks.
const PACKAGES: &[&str] = &[
    "redis-server",
    "redis-tools",
    "libjemalloc2",
    "liblzf1",
    "libatomic1",
];

/// How to run Redis on this machine.
#[derive(Debug, Clone)]
pub enum RedisProgram {
    /// Installed.
    OnPath,
    /// Unpacked below this folder, with libraries of its own.
    Unpacked(PathBuf),
}

impl RedisProgram {
    /// Returns the command of the server, without arguments.
    pub fn server(&self) -> Command {
        self.command("redis-server")
    }

    /// Returns the command of the client, without arguments.
    pub fn cli(&self) -> Command {
        self.command("redis-cli")
    }

    fn command(&self, name: &str) -> Command {
        match self {
            Self::OnPath => Command::new(name),
            Self::Unpacked(root) => {
                let mut command = Command::new(root.join("usr/bin").join(name));
                command.env("LD_LIBRARY_PATH", libraries(root));
                command
            }
        }
    }

    fn is_there(&self) -> bool {
        match self {
            Self::OnPath => is_on_path("redis-server"),
            Self::Unpacked(root) => root.exists(),
        }
    }

    fn runs(&self) -> Result<()> {
        run(self.server().arg("--version"))
    }
}

pub(super) fn find(folder: &Path) -> Option<RedisProgram> {
    let unpacked = RedisProgram::Unpacked(root(folder));
    [RedisProgram::OnPath, unpacked]
        .into_iter()
        .find(|program| program.is_there() && program.runs().is_ok())
}

/// Unpacks the packages into a folder beside and moves the result into place once the server runs.
pub(super) fn fetch(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the packages")?;
    let unpacked = debian::unpack(PACKAGES, part.path())?;
    RedisProgram::Unpacked(unpacked.clone())
        .runs()
        .context("the unpacked redis-server does not run")?;
    let root = root(folder);
    if root.exists() {
        fs::remove_dir_all(&root).context("removing one that does not run")?;
    }
    fs::rename(unpacked, root).context("moving Redis into place")
}

fn root(folder: &Path) -> PathBuf {
    folder.join("redis")
}

/// The folders that hold libraries in Debian's layout, whatever the machine: `usr/lib/x86_64-linux-gnu`.
fn libraries(root: &Path) -> String {
    let entries = fs::read_dir(root.join("usr/lib"))
        .into_iter()
        .flatten()
        .flatten();
    let folders: Vec<_> = entries
        .map(|entry| entry.path().display().to_string())
        .collect();
    folders.join(":")
}
