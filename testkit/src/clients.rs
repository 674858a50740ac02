//! Stock clients in Java and Python: what subscribers use, without a line of ours.
//!
//! Jars come from Maven Central, Python's packages from `PyPI`, both by name and version, into the folder of servers. They
//! are fetched apart from the servers, which nobody needs Python for. A Java client is one source file, compiled when it is
//! run; a Python one is a script.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::servers::{folder, run};

/// What a Java subscriber has on its class path: group, artifact, version.
const JARS: &[[&str; 3]] = &[
    ["org.apache.kafka", "kafka-clients", "4.3.0"],
    ["org.apache.avro", "avro", "1.12.0"],
    // The newest line that runs on Java 17, as of the registry. Confluent's are not on Maven Central.
    [
        "io.apicurio",
        "apicurio-registry-serdes-avro-serde",
        "2.6.13.Final",
    ],
    ["io.cloudevents", "cloudevents-kafka", "4.0.1"],
    ["org.slf4j", "slf4j-simple", "1.7.36"],
];

/// What a Python subscriber has installed. Behind the first one: what its extra `avro` asks for, as far as it is used.
const PACKAGES: &[&str] = &[
    "confluent-kafka==2.16.1",
    "attrs==26.1.0",
    "authlib==1.9.9",
    "cachetools==8.0.1",
    "httpx==0.28.1",
    "fastavro==1.13.1",
    "cloudevents==2.2.0",
    "redis==8.1.0",
];

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";

const RECIPE: &str = "run `cargo run -p waymark-testkit --bin servers -- fetch`";

/// Proof that stock clients are there.
#[derive(Debug, Clone)]
pub struct Clients {
    jars: PathBuf,
    packages: PathBuf,
}

impl Clients {
    /// Finds what is there, without touching the network.
    ///
    /// # Errors
    ///
    /// Names what is missing and how to get it.
    pub fn find() -> Result<Self> {
        let (jars, packages) = (jars(&folder()), packages(&folder()));
        let found = |path: PathBuf| path.canonicalize();
        Ok(Self {
            jars: found(jars).with_context(|| format!("Java clients are not fetched: {RECIPE}"))?,
            packages: found(packages)
                .with_context(|| format!("Python clients are not fetched: {RECIPE}"))?,
        })
    }

    /// Fetches what is missing.
    ///
    /// # Errors
    ///
    /// Names the tool that is missing (`mvn`, `python3` with pip) or repeats what it said.
    pub fn fetch() -> Result<Self> {
        let folder = folder();
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let lock = File::create(folder.join("lock-of-clients")).context("creating a lock")?;
        lock.lock().context("locking the folder of clients")?;
        if !jars(&folder).exists() {
            fetch_jars(&folder).context("fetching Java clients")?;
        }
        if !packages(&folder).exists() {
            fetch_packages(&folder).context("fetching Python clients")?;
        }
        Self::find()
    }

    /// Returns the command that compiles a Java source file and runs it; its arguments are to follow.
    pub fn java(&self, source: &Path) -> Command {
        let mut command = Command::new("java");
        command
            .arg("-XX:+UseSerialGC")
            .arg("-XX:TieredStopAtLevel=1");
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
        command.arg("-cp").arg(self.jars.join("*")).arg(source);
        command
    }

    /// Returns the command that runs a Python script; its arguments are to follow.
    pub fn python(&self, script: &Path) -> Command {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &self.packages);
        command.args(["-W", "ignore"]).arg(script);
        command
    }
}

fn fetch_jars(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the jars")?;
    let dependency = |[group, artifact, version]: &[&str; 3]| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        )
    };
    let dependencies: String = JARS.iter().map(dependency).collect();
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion><groupId>waymark</groupId>\
         <artifactId>clients</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}</dependencies></project>"
    );
    let file = part.path().join("pom.xml");
    fs::write(&file, pom).context("writing the pom")?;
    let lib = part.path().join("lib");
    run(Command::new("mvn")
        .args(["--batch-mode", "--quiet", COPY, "-f"])
        .arg(&file)
        .arg(format!("-DoutputDirectory={}", lib.display())))?;
    fs::rename(&lib, jars(folder)).context("moving the jars into place")
}

/// Into a folder of their own, for which nobody needs to be root nor a virtual environment.
fn fetch_packages(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the packages")?;
    let lib = part.path().join("lib");
    run(Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(&lib)
        .args(PACKAGES))?;
    fs::rename(&lib, packages(folder)).context("moving the packages into place")
}

fn jars(folder: &Path) -> PathBuf {
    folder.join(format!("clients-java-{:016x}", identity(JARS)))
}

fn packages(folder: &Path) -> PathBuf {
    folder.join(format!("clients-python-{:016x}", identity(PACKAGES)))
}

/// Another list of versions is another folder.
fn identity<T: Hash + ?Sized>(list: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    list.hash(&mut hasher);
    hasher.finish()
}
