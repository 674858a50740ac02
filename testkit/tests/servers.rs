//! The `servers` command, and with it what becomes of servers whose owner dies.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use waymark_testkit::{Process, servers_or_skip, until};

use crate::support::runs;

const SOON: Duration = Duration::from_mins(2);

/// Starts the command in a temporary world of its own and waits until all servers run.
fn start(home: &Path, arguments: &[&str]) -> (Process, Vec<u32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command
        .args(["--kafka-port", "0", "--redis-port", "0"])
        .args(["--registry-port", "0"])
        .args(arguments)
        .env("TMPDIR", home);
    let mut process = Process::spawn("servers", &command, home).expect("it can be spawned");
    process
        .wait_to_say("Ctrl-C stops them", SOON)
        .expect("all servers start");
    let told = process.stdout();
    let ids = told.lines().filter_map(|line| line.rsplit_once(" pid "));
    let ids: Vec<u32> = ids
        .map(|(_, id)| id.parse().expect("a process id"))
        .collect();
    assert_eq!(ids.len(), 3, "{told}");
    (process, ids)
}

/// Names of the temporary folders that servers have made.
fn litter(home: &Path) -> Vec<String> {
    let entries = fs::read_dir(home).expect("a folder of the test");
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().display().to_string());
    let prefixes = ["waymark-kafka-", "waymark-redis-", "waymark-registry-"];
    let of_servers = |name: &String| prefixes.iter().any(|prefix| name.starts_with(prefix));
    names.filter(of_servers).collect()
}

#[test]
fn servers_die_with_their_killed_owner_and_leave_nothing() {
    let Some(_servers) = servers_or_skip() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let (mut owner, ids) = start(home.path(), &[]);
    assert!(ids.iter().all(|id| runs(*id)));
    assert_eq!(litter(home.path()).len(), 3);

    owner.kill();

    let gone = || !ids.iter().any(|id| runs(*id)) && litter(home.path()).is_empty();
    let ended = until(SOON, || gone().then_some(()));
    assert!(ended.is_some(), "{ids:?} {:?}", litter(home.path()));
}

#[test]
fn servers_stop_gently_when_asked_and_keep_what_they_shall_keep() {
    let Some(_servers) = servers_or_skip() else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let arguments = ["--dir", data.to_str().unwrap()];
    for _first_and_again in 0..2 {
        let (mut process, ids) = start(home.path(), &arguments);
        assert!(process.stop(SOON).unwrap().success(), "{}", process.tail());
        assert!(!ids.iter().any(|id| runs(*id)));
        assert!(data.join("kafka/broker-1/data/meta.properties").exists());
    }
}
