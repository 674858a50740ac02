//! What happens with and without servers, seen from outside: this test program runs itself again in other surroundings.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use waymark_testkit::servers_or_skip;

/// The test that is run again. Alone it is the plainest of them all.
#[test]
fn a_test_that_needs_servers() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    assert!(servers.kafka_jars().is_dir());
}

/// Runs the plainest test of this program with these settings added to the environment.
fn run_again(settings: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("a test knows its program"));
    command.args(["--exact", "a_test_that_needs_servers"]);
    command
        .env_remove("WAYMARK_SERVERS")
        .env_remove("WAYMARK_SERVERS_LEDGER")
        .env_remove("WAYMARK_SKIPPED_LEDGER");
    command.envs(settings.iter().copied());
    command
        .output()
        .expect("a program that runs can be run again")
}

#[test]
fn without_servers_a_test_is_skipped_loudly() {
    let empty = tempfile::tempdir().unwrap();
    let ledger = empty.path().join("ledger");
    let output = run_again(&[
        ("WAYMARK_SERVERS_DIR", empty.path()),
        ("WAYMARK_SKIPPED_LEDGER", &ledger),
    ]);
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("!!! SKIPPED: a_test_that_needs_servers"),
        "{told}"
    );
    assert!(told.contains("--bin servers -- fetch"), "{told}");
    let kept = fs::read_to_string(ledger).unwrap();
    assert_eq!(
        told.lines().find(|line| line.starts_with("!!!")),
        Some(format!("!!! SKIPPED: {kept}").trim_end())
    );
}

#[test]
fn without_required_servers_a_test_fails() {
    let empty = tempfile::tempdir().unwrap();
    let output = run_again(&[
        ("WAYMARK_SERVERS_DIR", empty.path()),
        ("WAYMARK_SERVERS", Path::new("required")),
    ]);
    assert!(!output.status.success());
}

#[test]
fn a_test_that_ran_stands_in_the_ledger() {
    let Some(_servers) = servers_or_skip() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("ledger");
    let output = run_again(&[("WAYMARK_SERVERS_LEDGER", &ledger)]);
    assert!(output.status.success());
    let told = fs::read_to_string(ledger).unwrap();
    assert!(
        told.starts_with("a_test_that_needs_servers (testkit/tests/policy.rs:"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1);
}
