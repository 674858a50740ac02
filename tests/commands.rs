//! The commands that documents show: each is there, and those that need no server do as the documents say.
//!
//! Lines of code blocks that begin with `waymark` are taken from the pages as printed. Where a server is needed, only the
//! grammar is checked: names of commands and flags, and their values. The others run one after the other in a folder of
//! their own. What commands say is told in `tests/commands/*.trycmd`, each with its output and exit code: of commands
//! without settings, for variables of whoever runs the tests would count as some. `TRYCMD=overwrite` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Commands that ask servers, or act on them.
const NEED_SERVERS: [&str; 11] = [
    "run",
    "topics create",
    "topics check",
    "doctor",
    "simulate --to-kafka",
    "inspect",
    "tap",
    "top",
    "verify",
    "shard",
    "demo",
];

#[test]
fn commands_print_what_is_told() {
    trycmd::TestCases::new().case("tests/commands/*.trycmd");
}

#[test]
fn each_command_of_the_documents_is_there_and_runs_where_no_server_is_needed() {
    let (mut ran, mut looked_at) = (Vec::new(), Vec::new());
    for page in pages() {
        let folder = tempfile::tempdir().expect("a folder");
        furnish(folder.path());
        for line in commands(&page) {
            let (seen, line) = if needs_servers(&line) {
                (&mut looked_at, with_help(&line))
            } else {
                (&mut ran, line)
            };
            let output = bash(&line, folder.path());
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{}: {line}: {told}",
                page.display()
            );
            seen.push(line);
        }
    }
    assert!(
        ran.len() > 8 && looked_at.len() > 12,
        "{ran:#?} {looked_at:#?}"
    );
}

/// README and everything in `docs/`.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).expect("a folder");
    let pages = docs.map(|entry| entry.expect("it can be listed").path());
    let pages = pages.filter(|path| path.extension().is_some_and(|it| it == "md"));
    let mut pages: Vec<_> = pages.chain([Path::new(ROOT).join("README.md")]).collect();
    pages.sort();
    pages
}

/// What the documents take as given: a bank's settings, events and stories, and the folders of a shell's user.
fn furnish(folder: &Path) {
    for (name, from) in [
        ("waymark.yaml", "deploy/waymark.yaml"),
        ("events.jsonl", "deploy/examples/lending/events.jsonl"),
        ("bank_test.yaml", "tests/stories/decisions-and-endings.yaml"),
    ] {
        fs::copy(Path::new(ROOT).join(from), folder.join(name)).expect(from);
    }
    for part in [".config/fish/completions", ".zfunc"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
    }
}

/// Lines of code blocks that run `waymark`, without the comments behind them.
fn commands(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).expect("a page");
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let Some(code) = line.strip_prefix("    ").or(fenced.then_some(line)) else {
            continue;
        };
        let code = code.trim_start_matches("$ ");
        let code = code.replace("cargo run --release -- ", "waymark ");
        let code = code.split("  #").next().unwrap_or_default();
        let code = code.split(" | kubectl").next().unwrap_or_default(); // no cluster here
        let code = code.trim_end().trim_end_matches(" &");
        let words = code.split(' ').find(|word| !is_assignment(word));
        if words == Some("waymark") || code.starts_with("source <(waymark ") {
            found.push(code.to_owned());
        }
    }
    // What `--version` prints begins as a command does.
    found.retain(|code| code != concat!("waymark ", env!("CARGO_PKG_VERSION")));
    found
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

fn needs_servers(line: &str) -> bool {
    let (_, behind) = line.split_once("waymark ").expect("it runs waymark");
    NEED_SERVERS.iter().any(|command| {
        let mut words = command.split(' ');
        let first = words.next().unwrap_or_default();
        behind.split(' ').next() == Some(first)
            && words.all(|word| behind.split(' ').any(|it| it == word))
    })
}

/// Help is the answer of a command whose words make sense.
fn with_help(line: &str) -> String {
    let end = line.find(['|', '>']).unwrap_or(line.len());
    format!("{} --help", &line[..end])
}

/// Runs a line in a folder, in a deployment as the README has it.
fn bash(line: &str, folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_waymark"));
    let bin = program.parent().expect("it is in a folder").display();
    // The file that the Debian package installs.
    let settings = format!("{ROOT}/deploy/debian/waymark.yaml");
    let line = line.replace("/etc/waymark/waymark.yaml", &settings);
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", &line])
        .current_dir(folder)
        .env_clear();
    command.env("PATH", format!("{bin}:/usr/local/bin:/usr/bin:/bin"));
    command
        .env("HOME", folder)
        .env("WAYMARK_DEPLOYMENT", "lending");
    command.env("WAYMARK_ASSURANCE", "single-broker");
    command.output().expect("bash runs this suite")
}
