//! Running the program and reading what it wrote. Knows the names of files, nothing of what they should say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// What a finished run writes.
pub(crate) const FILES: [&str; 5] = [
    "alerts.jsonl",
    "dead-letter.jsonl",
    "late.jsonl",
    "scores.jsonl",
    "summary.json",
];

/// A run that went well: its folder, and what it said.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Replays into a folder of its own, which must succeed.
pub(crate) fn replay(arguments: &[&str]) -> Run {
    run(Command::new(env!("CARGO_BIN_EXE_waymark")), arguments)
}

/// Replays with a command that has been told where to run, and what to read.
pub(crate) fn run(mut command: Command, arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let output = command
        .arg("replay")
        .args(arguments)
        .arg("--out")
        .arg(folder.path())
        .output()
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(
        status.success(),
        "{arguments:?} ended with {status}: {stderr}"
    );
    Run {
        folder,
        stdout,
        stderr,
    }
}

impl Run {
    pub(crate) fn bytes(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap()
    }

    pub(crate) fn lines(&self, file: &str) -> Vec<Value> {
        let written = self.bytes(file);
        let lines = written.lines().map(serde_json::from_str);
        lines.map(Result::unwrap).collect()
    }

    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&self.bytes("summary.json")).unwrap()
    }

    /// Returns the books, after checking that they balance and that what was set aside is there.
    pub(crate) fn books(&self) -> Books {
        let summary = self.summary();
        let count = |name: &str| summary["books"][name].as_u64().unwrap();
        let books = Books {
            received: count("received"),
            applied: count("applied"),
            duplicate: count("duplicate"),
            late: count("late"),
            ignored: count("ignored"),
            dead_lettered: count("dead_lettered"),
        };
        let ended =
            books.applied + books.duplicate + books.late + books.ignored + books.dead_lettered;
        assert_eq!(books.received, ended, "{books:?}");
        let lines = |file: &str| self.bytes(file).lines().count() as u64;
        assert_eq!(lines("dead-letter.jsonl"), books.dead_lettered);
        assert_eq!(lines("late.jsonl"), books.late);
        books
    }
}

/// How many records ended how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) received: u64,
    pub(crate) applied: u64,
    pub(crate) duplicate: u64,
    pub(crate) late: u64,
    pub(crate) ignored: u64,
    pub(crate) dead_lettered: u64,
}

/// Returns the path of a file of a shipped example.
pub(crate) fn example(name: &str, file: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    examples.join(name).join(file)
}

pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Returns a path as an argument.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
