//! Holds the direction of knowledge that `ARCHITECTURE.md` draws.
//!
//! Three things the compiler can't see: the engine pulls in nothing that does IO, its own sources reach for neither clock
//! nor world, and rooms know only the rooms above them in the two tables here. The tables are the law: a new room takes
//! its row here first.
//!
//! Sources are read as text, which needs no build and names the line; comments don't count.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Rooms of the engine. A room knows the rows above its own, not its neighbours in the row.
const ENGINE: Rooms = &[
    &["event", "stored"],
    &["derived"],
    &["definition", "stage"],
    &["journey"],
    &["rules", "cohort"],
    &["reference"],
];

/// Rooms of the shell, read the same way. `lib.rs` and `main.rs` stand below the last row. Whatever publishes knows
/// `source`, for a dead letter carries the record it came from.
const SHELL: Rooms = &[
    &["clock", "failpoint", "names", "protocol", "view", "words"],
    &["yaml"],
    &["config"],
    &["http", "telemetry"],
    &["kafka", "registry", "simulate"],
    &["schemas", "source", "trace"],
    &["store", "publish"],
    &["changelog"],
    &["pipeline"],
    &["demo", "story"],
    &["serve"],
    &["cli"],
];

/// Crates by their first word: IO, threads, async runtimes, clocks. None may stand below the engine. (`smol` would bring
/// `async-io`; `smol_str` is a text.)
const NOT_BELOW_THE_ENGINE: &str = "async axum chrono crossbeam futures hyper indicatif memmap2 mio polling rayon \
    rdkafka redis reqwest socket2 sysinfo time tokio tracing ureq zstd";

/// What the engine's sources never say, outside tests.
const NOT_IN_THE_ENGINE: &str = "SystemTime Instant now() rand:: std::env std::fs std::net std::process std::thread \
    print! println! eprint! eprintln!";

#[test]
fn nothing_below_the_engine_does_io_or_reads_a_clock() {
    let names = dependencies_of("waymark-engine");
    assert!(
        names.iter().any(|name| name == "serde"),
        "this list of dependencies can't be right: {names:?}"
    );
    let forbidden: Vec<_> = names
        .iter()
        .filter(|name| {
            let first = name.split(['-', '_']).next().unwrap_or_default();
            NOT_BELOW_THE_ENGINE.split(' ').any(|word| word == first)
        })
        .collect();
    assert!(forbidden.is_empty(), "the engine depends on {forbidden:?}");
}

#[test]
fn the_engine_reaches_for_neither_clock_nor_world() {
    let found: Vec<_> = sources("engine/src")
        .iter()
        .flat_map(|source| source.says(NOT_IN_THE_ENGINE))
        .collect();
    assert!(found.is_empty(), "\n{}", lines(&found));
}

#[test]
fn rooms_of_the_engine_know_only_what_is_above_them() {
    assert_arrows("engine/src", ENGINE);
}

#[test]
fn rooms_of_the_shell_know_only_what_is_above_them() {
    assert_arrows("src", SHELL);
}

/// Room names in rows; knowledge flows down.
type Rooms = &'static [&'static [&'static str]];

fn assert_arrows(root: &str, rooms: Rooms) {
    let sources = sources(root);
    assert!(!sources.is_empty(), "no sources under {root}");
    let found: Vec<_> = sources
        .iter()
        .flat_map(|source| source.forbidden_arrows(rooms))
        .collect();
    assert!(found.is_empty(), "\n{}", lines(&found));
}

fn lines(findings: &[Finding]) -> String {
    let told: Vec<_> = findings.iter().map(Finding::to_string).collect();
    told.join("\n")
}

/// Names of the crates that a crate needs to run here, itself included, as cargo resolves them for it alone.
fn dependencies_of(name: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--package", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, it built this test");
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// A place that breaks a rule.
struct Finding {
    file: PathBuf,
    line: usize,
    fact: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.fact)
    }
}

/// One source file without its comments, every line in its place.
struct Source {
    file: PathBuf,
    /// Path of its module from the root of the crate: `["event", "time"]`.
    module: Vec<String>,
    code: String,
}

impl Source {
    fn new(file: PathBuf, root: &Path, text: &str) -> Self {
        let within = file.strip_prefix(root).expect("found below the root");
        let module = within
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .filter(|part| !["mod", "lib", "main"].contains(&part.as_str()))
            .collect();
        let code = text.lines().map(without_comment).collect::<Vec<_>>();
        Self {
            module,
            code: code.join("\n"),
            file,
        }
    }

    /// Places where a room names one that is not above it.
    fn forbidden_arrows(&self, rooms: Rooms) -> Vec<Finding> {
        let Some(here) = self.module.first() else {
            return Vec::new(); // lib.rs and main.rs may know every room
        };
        let Some(row) = row_of(here, rooms) else {
            return vec![self.finding(0, format!("room `{here}` has no row in {}", file!()))];
        };
        self.rooms_named()
            .into_iter()
            .filter(|(_, there)| there != here)
            .filter(|(_, there)| row_of(there, rooms).is_some_and(|above| above >= row))
            .map(|(at, there)| self.finding(at, format!("`{here}` must not know `{there}`")))
            .collect()
    }

    /// First names after `crate::`, also inside braces, and after as many `super::` as lead to the root.
    fn rooms_named(&self) -> Vec<(usize, String)> {
        let to_root = "super::".repeat(self.module.len());
        let mut named = Vec::new();
        for prefix in ["crate::", to_root.as_str()] {
            for (at, _) in self.code.match_indices(prefix) {
                let rest = &self.code[at + prefix.len()..];
                named.extend(names_at(rest).into_iter().map(|name| (at, name)));
            }
        }
        named
    }

    /// Places outside tests that use one of these words.
    fn says(&self, words: &str) -> Vec<Finding> {
        let tests_alone = self.module.iter().any(|name| name == "tests");
        let code = match self.code.find("#[cfg(test)]\nmod tests {") {
            _ if tests_alone => "",
            Some(tests) => &self.code[..tests],
            None => &self.code,
        };
        words
            .split(' ')
            .flat_map(|word| code.match_indices(word))
            .filter(|(at, _)| !code[..*at].ends_with(is_word))
            .map(|(at, word)| self.finding(at, format!("the engine must not say `{word}`")))
            .collect()
    }

    fn finding(&self, at: usize, fact: String) -> Finding {
        Finding {
            file: self.file.clone(),
            line: 1 + self.code[..at].matches('\n').count(),
            fact,
        }
    }
}

fn row_of(room: &str, rooms: Rooms) -> Option<usize> {
    rooms.iter().position(|row| row.contains(&room))
}

/// `event::Kind` names `event`; `{event::{Kind, Day}, stage}` names `event` and `stage`.
fn names_at(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else {
        return vec![text.chars().take_while(|c| is_word(*c)).collect()];
    };
    let mut depth = 0_u32;
    let mut outermost = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ if depth == 0 => outermost.push(c),
            _ => {}
        }
    }
    outermost
        .split(',')
        .map(|path| path.trim().chars().take_while(|c| is_word(*c)).collect())
        .collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Every Rust file under a directory of the workspace, in the order of their paths.
fn sources(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut files = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of the workspace") {
            let path = entry.expect("its entries can be listed").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).expect("sources are UTF-8");
            Source::new(file, &root, &text)
        })
        .collect()
}

fn told(file: &str, text: &str) -> Vec<String> {
    let source = Source::new(PathBuf::from(file), Path::new("engine/src"), text);
    let arrows = source.forbidden_arrows(ENGINE);
    let words = source.says(NOT_IN_THE_ENGINE);
    arrows
        .iter()
        .chain(&words)
        .map(Finding::to_string)
        .collect()
}

#[test]
fn a_forbidden_arrow_is_told_with_file_line_and_rooms() {
    let told_of = |text| told("engine/src/event/time.rs", text);
    assert_eq!(
        told_of("use serde;\nuse crate::{event::Kind, journey::{Journey}, cohort};\n"),
        [
            "engine/src/event/time.rs:2: `event` must not know `journey`",
            "engine/src/event/time.rs:2: `event` must not know `cohort`",
        ]
    );
    assert_eq!(
        told_of("fn f() -> super::super::rules::Rules {}"),
        ["engine/src/event/time.rs:1: `event` must not know `rules`"]
    );
    assert!(told_of("use super::Kind; // crate::rules\nuse crate::event::Day;").is_empty());
}

#[test]
fn a_clock_in_the_engine_is_told_and_one_in_its_tests_is_not() {
    let clock = "fn f() { std::time::SystemTime::now(); }";
    assert_eq!(
        told("engine/src/rules/mod.rs", clock),
        [
            "engine/src/rules/mod.rs:1: the engine must not say `SystemTime`",
            "engine/src/rules/mod.rs:1: the engine must not say `now()`",
        ]
    );
    assert!(told("engine/src/rules/tests.rs", clock).is_empty());
    let inline = format!("#[cfg(test)]\nmod tests {{ {clock} }}");
    assert!(told("engine/src/rules/mod.rs", &inline).is_empty());
}

#[test]
fn a_room_without_a_row_is_told() {
    assert_eq!(
        told("engine/src/attic/mod.rs", ""),
        ["engine/src/attic/mod.rs:1: room `attic` has no row in tests/architecture.rs"]
    );
}
