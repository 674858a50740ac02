//! `waymark simulate` as a user meets it: the shipped example, files and pipes, mistakes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
        .arg("simulate")
        .args(arguments)
        .output()
        .expect("the binary was just built")
}

fn example(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples/lending");
    fs::read_to_string(path.join(file)).expect("the example ships with the project")
}

/// A path of this test run; removed again by the test that uses it.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn the_command_in_the_readme_makes_the_shipped_example_byte_for_byte() {
    let readme = example("README.md");
    let command = readme
        .lines()
        .find_map(|line| line.trim().strip_prefix("waymark simulate "))
        .expect("the README tells the command");
    let arguments: Vec<_> = command
        .split_whitespace()
        .map(|word| if word == "events.jsonl" { "-" } else { word })
        .collect();
    let output = simulate(&arguments);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        example("events.jsonl")
    );
}

#[test]
fn the_readme_counts_the_records_right() {
    let records = example("events.jsonl").lines().count();
    assert!(example("README.md").contains(&format!("{records} records of 24 customers")));
}

#[test]
fn a_file_ending_in_zst_is_compressed_and_holds_the_same() {
    let few = ["--customers", "5", "--events", "50", "--out"];
    let path = scratch("simulate.jsonl.zst");
    let to_file = simulate(&[&few[..], &[path.to_str().unwrap()]].concat());
    assert!(to_file.status.success() && to_file.stdout.is_empty());
    let compressed = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let plain = simulate(&[&few[..], &["-"]].concat()).stdout;
    assert_eq!(String::from_utf8_lossy(&plain).lines().count(), 50);
    assert_eq!(zstd::decode_all(&compressed[..]).unwrap(), plain);
}

#[test]
fn nothing_is_said_beside_the_lines_when_piped() {
    let output = simulate(&["--customers", "5", "--events", "50", "--out", "-"]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

#[test]
fn a_share_above_one_is_refused_by_name() {
    let output = simulate(&["--bad", "1.5", "--out", "-"]);
    assert!(!output.status.success() && output.stdout.is_empty());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains(r#""1.5" is not a share between 0 and 1, such as 0.01"#),
        "{told}"
    );
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let output = simulate(&["--events", "1", "--out", "no-such-directory/events.jsonl"]);
    assert!(!output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("cannot write no-such-directory/events.jsonl"),
        "{told}"
    );
}

#[test]
fn options_of_kafka_without_kafka_are_wrong_usage() {
    for arguments in [
        &["--out", "-", "--rate", "5"][..],
        &["--out", "-", "--format", "avro"],
        &["--out", "-", "--to-kafka"],
        &["--to-kafka", "--rate", "0"],
        &[
            "--to-kafka",
            "--rate",
            "5",
            "--start",
            "2026-01-05T00:00:00Z",
        ],
        &[],
    ] {
        let output = simulate(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
    }
}
