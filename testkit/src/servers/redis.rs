//! Redis from the path or, where there is none, unpacked from Debian's packages without installing them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::run;

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

    fn runs(&self) -> Result<()> {
        run(self.server().arg("--version"))
    }
}

pub(super) fn find(folder: &Path) -> Option<RedisProgram> {
    let unpacked = RedisProgram::Unpacked(root(folder));
    [RedisProgram::OnPath, unpacked]
        .into_iter()
        .find(|program| program.runs().is_ok())
}

/// Downloads the packages, unpacks them beside and moves the result into place once the server runs.
pub(super) fn fetch(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the packages")?;
    let packages = part.path().join("packages");
    fs::create_dir(&packages).context("creating a folder for the packages")?;
    download(&packages, part.path())?;
    let unpacked = part.path().join("root");
    for entry in fs::read_dir(&packages).context("listing the packages")? {
        let package = entry.context("listing the packages")?.path();
        run(Command::new("dpkg").arg("-x").arg(package).arg(&unpacked))?;
    }
    RedisProgram::Unpacked(unpacked.clone())
        .runs()
        .context("the unpacked redis-server does not run")?;
    let root = root(folder);
    if root.exists() {
        fs::remove_dir_all(&root).context("removing one that does not run")?;
    }
    fs::rename(unpacked, root).context("moving Redis into place")
}

/// Downloads with the system's package lists or, where they are missing or old, with fresh ones kept apart, for which
/// nobody needs to be root.
fn download(packages: &Path, lists: &Path) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("-q").current_dir(packages);
        command
    };
    if run(apt().arg("download").args(PACKAGES)).is_ok() {
        return Ok(());
    }
    let (state, cache) = (lists.join("state"), lists.join("cache"));
    for needed in [state.join("lists/partial"), cache.join("archives/partial")] {
        fs::create_dir_all(needed).context("creating folders for apt-get")?;
    }
    let apart = || {
        let mut command = apt();
        for (name, folder) in [
            ("Dir::State::Lists", state.join("lists")),
            ("Dir::Cache", cache.clone()),
        ] {
            command
                .arg("-o")
                .arg(format!("{name}={}", folder.display()));
        }
        command
    };
    run(apart().arg("update"))?;
    run(apart().arg("download").args(PACKAGES))
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
