//! What a test does when the servers are not there, and how everybody learns of it.
//!
//! | `WAYMARK_SERVERS` | servers there | not there |
//! | --- | --- | --- |
//! | not set: somebody runs `cargo test` | the test runs | it is skipped and says so |
//! | `required`: `./test`, CI | the test runs | it fails |
//!
//! What only Go can build ([`built_or_skip`]) is never required: its test is skipped, as loudly, where there is no Go.
//!
//! Each test that meets real servers writes its name into the file that `WAYMARK_SERVERS_LEDGER` names; `./test` fails when
//! that stays empty. Each that is skipped writes its name, and what is missing, into the file that
//! `WAYMARK_SKIPPED_LEDGER` names, which is shown at the end.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::panic::Location;
use std::process::Command;
use std::thread;

use anyhow::Result;

use crate::checkers::{Built, Checkers};
use crate::clients::Clients;
use crate::prometheus::PrometheusProgram;
use crate::servers::Servers;

/// Begins a test that needs real servers: `let Some(servers) = servers_or_skip() else { return };`
///
/// # Panics
///
/// When servers are required and not there, with what is missing.
#[must_use]
#[track_caller]
pub fn servers_or_skip() -> Option<Servers> {
    let place = Location::caller();
    found_or_skip(place, Servers::find()).inspect(|_| tell_of_servers(place))
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
    let place = Location::caller();
    found_or_skip(place, both).inspect(|_| tell_of_servers(place))
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
    let place = Location::caller();
    let found = built.find();
    found
        .inspect_err(|missing| say_skipped(place, missing))
        .map(Command::new)
        .ok()
}

/// Tells of a test that is skipped for want of something that this kit knows nothing of.
#[track_caller]
pub fn tell_skipped(missing: &dyn Display) {
    say_skipped(Location::caller(), missing);
}

fn found_or_skip<T>(place: &Location<'_>, found: Result<T>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(missing) if setting("WAYMARK_SERVERS").as_deref() == Some("required") => {
            panic!("{} can't run: {missing:#}", test_name(place))
        }
        Err(missing) => {
            say_skipped(place, &missing);
            None
        }
    }
}

fn tell_of_servers(place: &Location<'_>) {
    append("WAYMARK_SERVERS_LEDGER", &test_name(place));
}

/// A test's thread carries its name, except when tests run one by one on the main thread.
fn test_name(place: &Location<'_>) -> String {
    match thread::current().name() {
        Some(name) if name != "main" => format!("{name} ({place})"),
        _ => place.to_string(),
    }
}

/// Writes past the capture of test output, which hides what a passing test prints; and into the ledger, for those who look
/// later.
fn say_skipped(place: &Location<'_>, missing: &dyn Display) {
    let line = format!("{}: {missing:#}", test_name(place));
    let loudly = format!("!!! SKIPPED: {line}\n");
    std::io::stderr().write_all(loudly.as_bytes()).ok(); // nobody to tell that nobody listens
    append("WAYMARK_SKIPPED_LEDGER", &line);
}

/// Adds one line to a ledger, if there is one, in one write: lines of several processes stay whole.
fn append(ledger: &str, line: &str) {
    let Some(path) = setting(ledger) else { return };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()))
        .unwrap_or_else(|error| panic!("writing to {path}: {error}"));
}

fn setting(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the kit stands outside Waymark and its configuration"
    )]
    std::env::var(name).ok()
}
