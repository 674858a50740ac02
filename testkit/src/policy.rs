//! What a test does when the servers are not there, and how everybody learns of it.
//!
//! | `WAYMARK_SERVERS` | servers there | not there |
//! | --- | --- | --- |
//! | not set: somebody runs `cargo test` | the test runs | it is skipped and says so |
//! | `required`: `./test`, CI | the test runs | it fails |
//!
//! What only Go can build ([`built_or_skip`]) is never required: its test is skipped, as loudly, where there is no Go.
//!
//! Each test that runs writes its name into the ledger, the file that `WAYMARK_SERVERS_LEDGER` names; each that is skipped
//! writes it to `SKIPPED` in the folder of servers. `./test` fails when the ledger stays empty.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::panic::Location;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Result;

use crate::checkers::{Built, Checkers};
use crate::clients::Clients;
use crate::prometheus::PrometheusProgram;
use crate::servers::{self, Servers};

/// Begins a test that needs real servers: `let Some(servers) = servers_or_skip() else { return };`
///
/// # Panics
///
/// When servers are required and not there, with what is missing.
#[must_use]
#[track_caller]
pub fn servers_or_skip() -> Option<Servers> {
    found_or_skip(Location::caller(), Servers::find())
}

/// The same for a test that needs stock clients besides.
///
/// # Panics
///
/// As [`servers_or_skip`].
#[must_use]
#[track_caller]
pub fn clients_or_skip() -> Option<(Servers, Clients)> {
    let both = Servers::find().and_then(|servers| Ok((servers, Clients::find()?)));
    found_or_skip(Location::caller(), both)
}

/// Begins a test that needs Prometheus or `promtool`.
///
/// # Panics
///
/// As [`servers_or_skip`].
#[must_use]
#[track_caller]
pub fn prometheus_or_skip() -> Option<PrometheusProgram> {
    found_or_skip(Location::caller(), PrometheusProgram::find())
}

/// Begins a test that needs checkers.
///
/// # Panics
///
/// As [`servers_or_skip`].
#[must_use]
#[track_caller]
pub fn checkers_or_skip() -> Option<Checkers> {
    found_or_skip(Location::caller(), Checkers::find())
}

/// Begins a test that needs a checker which only Go can build. Skipped where it is not there, be servers required or not.
#[must_use]
#[track_caller]
pub fn built_or_skip(built: Built) -> Option<Command> {
    let test = test_name(Location::caller());
    let found = built.find();
    found
        .inspect_err(|missing| say_loudly(&test, missing))
        .map(Command::new)
        .ok()
}

fn found_or_skip<T>(place: &Location<'_>, found: Result<T>) -> Option<T> {
    let test = test_name(place);
    match found {
        Ok(found) => {
            if let Some(ledger) = setting("WAYMARK_SERVERS_LEDGER") {
                append(Path::new(&ledger), &test);
            }
            Some(found)
        }
        Err(missing) if setting("WAYMARK_SERVERS").as_deref() == Some("required") => {
            panic!("{test} needs real servers: {missing:#}")
        }
        Err(missing) => {
            say_loudly(&test, &missing);
            None
        }
    }
}

/// A test's thread carries its name, except when tests run one by one on the main thread.
fn test_name(place: &Location<'_>) -> String {
    match thread::current().name() {
        Some(name) if name != "main" => format!("{name} ({place})"),
        _ => place.to_string(),
    }
}

/// Writes past the capture of test output, which hides what a passing test prints; and leaves a file for those who look
/// later.
fn say_loudly(test: &str, missing: &anyhow::Error) {
    let line = format!("!!! SKIPPED: {test} needs real servers: {missing:#}\n");
    std::io::stderr().write_all(line.as_bytes()).ok(); // nobody to tell that nobody listens
    let folder = servers::folder();
    fs::create_dir_all(&folder).expect("the folder of servers can be created");
    append(&folder.join("SKIPPED"), test);
}

/// Adds one line in one write, so that lines of several processes stay whole.
fn append(path: &Path, line: &str) {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .unwrap_or_else(|error| panic!("writing to {}: {error}", path.display()));
}

fn setting(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the kit stands outside Waymark and its configuration"
    )]
    std::env::var(name).ok()
}
