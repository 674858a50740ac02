//! A Schema Registry, Apicurio, as one archive from Maven Central.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::run;

/// The newest line that runs on Java 17.
const VERSION: &str = "2.6.13.Final";

const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:unpack";

/// Finds the jar that runs; the libraries lie beside it.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let jar = unpacked(folder).join(format!("apicurio-registry-app-{VERSION}-runner.jar"));
    jar.canonicalize().ok()
}

/// Unpacks the archive into a folder beside and moves it into place when it is whole.
pub(super) fn fetch(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the registry")?;
    let whole = part.path().join("whole");
    let artifact = format!("io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all");
    run(Command::new("mvn")
        .args(["--batch-mode", "--quiet", UNPACK])
        .current_dir(part.path()) // Maven would read a pom where it stands
        .arg(format!("-Dartifact={artifact}"))
        .arg(format!("-DoutputDirectory={}", whole.display())))?;
    fs::rename(&whole, unpacked(folder)).context("moving the registry into place")
}

fn unpacked(folder: &Path) -> PathBuf {
    folder.join(format!("registry-{VERSION}"))
}
