//! `waymark check`, `graph` and `schemas print` as a script meets them: what they print, where, and how they end.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

fn waymark(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
        .args(arguments)
        .output()
        .expect("the command runs")
}

/// A file from the wrong definitions of the engine's tests.
fn wrong(name: &str) -> String {
    format!(
        "{}/engine/tests/wrong/{name}.yaml",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn the_default_that_is_printed_passes_its_own_check() {
    let printed = waymark(&["check", "--print-default"]);
    assert_eq!(printed.status.code(), Some(0));
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("mine.yaml");
    fs::write(&file, &printed.stdout).expect("written");
    let checked = waymark(&["check", "--deny-warnings", file.to_str().expect("UTF-8")]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    assert_eq!(text(&checked.stderr), "");
    let said = text(&checked.stdout);
    assert!(
        said.starts_with("enterprise-lending 2026.1 counts days in UTC.\n"),
        "{said}"
    );
    assert!(
        said.contains("complaint-unresolved: for each complaint"),
        "{said}"
    );
    assert!(
        said.contains("a lasting fall from 30 to 0 is noticed after about"),
        "{said}"
    );
}

#[test]
fn a_problem_is_drawn_with_its_line_and_what_to_write() {
    let checked = waymark(&["check", &wrong("unknown-zone")]);
    assert_eq!(checked.status.code(), Some(1));
    assert_eq!(text(&checked.stdout), "");
    let said = text(&checked.stderr).replace(env!("CARGO_MANIFEST_DIR"), "");
    assert_eq!(
        said,
        r#"error: unknown time zone "Europe/Berln"
 --> /engine/tests/wrong/unknown-zone.yaml:4:7
  |
4 | zone: Europe/Berln
  |       ^^^^^^^^^^^^
  |
help: did you mean "Europe/Berlin"?

"#
    );
}

#[test]
fn warnings_are_findings_only_where_they_are_denied() {
    let file = wrong("suspicious-rules");
    assert_eq!(waymark(&["check", &file]).status.code(), Some(0));
    let denied = waymark(&["check", "--deny-warnings", &file]);
    assert_eq!(denied.status.code(), Some(1));
}

#[test]
fn json_says_the_same_one_file_a_line() {
    let checked = waymark(&[
        "check",
        "-o",
        "json",
        &wrong("unknown-kind"),
        &wrong("grace-zero"),
    ]);
    assert_eq!(checked.status.code(), Some(1));
    let lines = text(&checked.stdout);
    let reports: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0]["problems"][0]["severity"], "error");
    assert_eq!(reports[0]["problems"][0]["line"], 8);
    assert_eq!(
        reports[0]["problems"][0]["help"],
        "did you mean \"enquiry.opened\"?"
    );
    assert_eq!(reports[0]["meaning"], serde_json::json!([]));
    assert_eq!(reports[1]["problems"][0]["severity"], "warning");
    assert_ne!(reports[1]["meaning"], serde_json::json!([]));
}

#[test]
fn a_file_that_is_not_there_and_a_senseless_command_line_end_differently() {
    let missing = waymark(&["check", "no-such-file.yaml"]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(text(&missing.stderr).contains("cannot read no-such-file.yaml"));
    for senseless in [&["check"] as &[&str], &["check", "--what"], &["chekc"], &[]] {
        assert_eq!(waymark(senseless).status.code(), Some(64), "{senseless:?}");
    }
    assert_eq!(waymark(&["--help"]).status.code(), Some(0));
    assert_eq!(waymark(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_graph_is_drawn_of_the_default_and_never_of_a_wrong_file() {
    let mermaid = text(&waymark(&["graph"]).stdout);
    assert!(mermaid.starts_with("flowchart TD\n"), "{mermaid}");
    assert!(
        mermaid.contains("[\"credit_review<br/>application-stalled: 10d\"]"),
        "{mermaid}"
    );
    let dot = text(&waymark(&["graph", "--format", "dot"]).stdout);
    assert!(
        dot.starts_with("digraph \"enterprise-lending\" {\n"),
        "{dot}"
    );
    let refused = waymark(&["graph", &wrong("unknown-stage")]);
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(78), 0));
}

#[test]
fn the_schema_that_is_printed_is_the_one_that_ships() {
    let printed = text(&waymark(&["schemas", "print", "definition"]).stdout);
    assert_eq!(printed, include_str!("../schemas/definition.schema.json"));
}
