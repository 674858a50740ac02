//! Kafka as a folder of jars, copied by Maven from Maven Central.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::run;

/// The release all tests run against. Not 4.3.0, 4.3.1 or 4.4.0: their coordinator takes a partition without a leader for a
/// deleted one and never writes the marker that ends its transaction (KAFKA-20734), so what was aborted may be read.
const VERSION: &str = "4.2.2";

/// The whole project: two dependencies. Without a binding for slf4j a broker that is ill says nothing.
const POM: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>waymark</groupId>
  <artifactId>servers</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"#;

const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";

/// Makes sure that Java is there. An old one shows in the log of the first broker.
pub(super) fn check_java() -> Result<()> {
    run(Command::new("java").arg("-version")).context("Kafka needs Java 17 or later")
}

/// Finds the folder of jars by its one true name: Java compares names when it looks for classes it has seen before.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    jars(folder).canonicalize().ok()
}

/// Copies the jars into a folder beside and moves it into place when all are there.
pub(super) fn fetch(folder: &Path) -> Result<()> {
    let part = tempfile::tempdir_in(folder).context("creating a folder for the jars")?;
    let pom = part.path().join("pom.xml");
    fs::write(&pom, POM.replace("{VERSION}", VERSION)).context("writing the pom")?;
    let lib = part.path().join("lib");
    run(Command::new("mvn")
        .args(["--batch-mode", "--quiet", COPY, "-f"])
        .arg(&pom)
        .arg(format!("-DoutputDirectory={}", lib.display())))?;
    fs::rename(&lib, jars(folder)).context("moving the jars into place")
}

fn jars(folder: &Path) -> PathBuf {
    folder.join(format!("kafka-{VERSION}"))
}
