//! Debian's packages, unpacked into a folder without installing them: nobody needs to be root, and no service starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::run;

/// Downloads packages and unpacks them below `part`, a folder that may go afterwards; returns the root of what was inside.
pub(crate) fn unpack(packages: &[&str], part: &Path) -> Result<PathBuf> {
    let downloaded = part.join("packages");
    fs::create_dir(&downloaded).context("creating a folder for the packages")?;
    download(packages, &downloaded, part)?;
    let root = part.join("root");
    for entry in fs::read_dir(&downloaded).context("listing the packages")? {
        let package = entry.context("listing the packages")?.path();
        run(Command::new("dpkg").arg("-x").arg(package).arg(&root))?;
    }
    Ok(root)
}

/// Downloads with the system's package lists or, where they are missing or old, with fresh ones kept apart, for which
/// nobody needs to be root.
fn download(packages: &[&str], to: &Path, lists: &Path) -> Result<()> {
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("-q").current_dir(to);
        command
    };
    if run(apt().arg("download").args(packages)).is_ok() {
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
    run(apart().arg("download").args(packages))
}
