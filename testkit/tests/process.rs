//! Child processes: their words, their signals, their end.

mod support;

use std::process::Command;
use std::time::Duration;

use waymark_testkit::Process;

use crate::support::runs;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> (Process, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("sh");
    command.args(["-c", script]).env("GREETING", "hello");
    let process = Process::spawn("child", &command, folder.path()).expect("sh can be spawned");
    (process, folder)
}

#[test]
fn both_outputs_and_the_status_are_kept() {
    let (mut process, _folder) = shell("echo $GREETING; echo trouble >&2; exit 3");
    assert_eq!(process.wait(SOON).unwrap().code(), Some(3));
    assert_eq!(process.stdout(), "hello\n");
    assert_eq!(process.stderr(), "trouble\n");
}

#[test]
fn a_process_runs_under_the_id_it_is_known_by() {
    let (mut process, _folder) = shell("echo $$");
    process.wait(SOON).unwrap();
    assert_eq!(process.stdout(), format!("{}\n", process.id()));
}

#[test]
fn a_dropped_process_is_gone() {
    let (process, _folder) = shell("sleep 600");
    let id = process.id();
    assert!(runs(id));
    drop(process);
    assert!(!runs(id));
}

#[test]
fn a_process_that_ignores_a_request_to_end_can_be_killed() {
    let (mut process, _folder) = shell("trap '' TERM; echo deaf; while :; do sleep 1; done");
    process.wait_to_say("deaf", SOON).unwrap();
    let told = process
        .stop(Duration::from_millis(200))
        .unwrap_err()
        .to_string();
    assert!(
        told.starts_with("child still runs 200ms after SIGTERM"),
        "{told}"
    );
    assert_eq!(process.kill().code(), None, "a signal ended it");
}

#[test]
fn a_paused_process_does_nothing_until_it_is_resumed() {
    let (mut process, _folder) = shell("echo ready; while :; do sleep 0.01; echo tick; done");
    process.wait_to_say("tick", SOON).unwrap();
    process.pause();
    std::thread::sleep(Duration::from_millis(100)); // what it was about to say when the signal came
    let before = process.stdout().len();
    assert_eq!(process.wait(Duration::from_millis(300)), None);
    assert_eq!(process.stdout().len(), before);
    process.resume();
    let grown = waymark_testkit::until(SOON, || (process.stdout().len() > before).then_some(()));
    assert!(grown.is_some());
}

#[test]
fn the_end_before_the_expected_word_is_told_with_the_last_words() {
    let (mut process, _folder) = shell("echo something else");
    let told = process.wait_to_say("ready", SOON).unwrap_err().to_string();
    assert!(
        told.starts_with("child ended (exit status: 0) before it said \"ready\""),
        "{told}"
    );
    assert!(told.contains("something else"), "{told}");
}

#[test]
fn a_signal_after_the_end_harms_nobody() {
    let (mut process, _folder) = shell("exit 0");
    process.wait(SOON).unwrap();
    process.terminate();
    process.pause();
    assert!(process.kill().success());
}
