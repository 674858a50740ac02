//! Manual pages and completions: every command has them, and their readers understand them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

fn waymark(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
    let output = command.args(words).output().expect("it was built");
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The names that `--help` lists, without `help` itself.
fn commands(of: &[&str]) -> Vec<String> {
    let help = waymark(&[of, &["--help"]].concat());
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("man1");
    waymark(&["man", "--out", out.to_str().expect("UTF-8")]);
    let pages = fs::read_dir(&out).expect("it was made");
    let pages: BTreeSet<_> = pages
        .map(|page| {
            page.expect("it is there")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect();
    let mut expected = BTreeSet::from(["waymark.1".to_owned()]);
    for command in commands(&[]) {
        expected.insert(format!("waymark-{command}.1"));
        for part in commands(&[&command]) {
            expected.insert(format!("waymark-{command}-{part}.1"));
        }
    }
    assert!(expected.contains("waymark-inspect-alert.1"), "{expected:?}");
    assert_eq!(pages, expected);
    let run = fs::read_to_string(out.join("waymark-run.1")).expect("a page");
    assert!(
        run.contains(".TH waymark-run 1") && run.contains("SIGTERM"),
        "{run}"
    );
}

#[test]
fn completions_know_every_command_and_bash_understands_its_own() {
    for shell in ["bash", "zsh", "fish"] {
        let script = waymark(&["completions", shell]);
        for command in commands(&[]) {
            assert!(script.contains(&command), "{shell}: no {command}");
        }
    }
    let mut bash = Command::new("bash");
    let mut bash = bash
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .expect("bash runs this test's suite");
    let script = waymark(&["completions", "bash"]);
    let mut input = bash.stdin.take().expect("it is piped");
    input.write_all(script.as_bytes()).expect("it reads");
    drop(input);
    assert!(bash.wait().expect("it ends").success());
}

#[test]
fn the_version_names_what_a_support_case_needs() {
    let long = waymark(&["--version"]);
    let facts: Vec<&str> = long.lines().collect();
    assert_eq!(facts[0], concat!("waymark ", env!("CARGO_PKG_VERSION")));
    for (fact, name) in facts[1..]
        .iter()
        .zip(["commit ", "state format ", "librdkafka "])
    {
        let value = fact.strip_prefix(name);
        assert!(value.is_some_and(|value| !value.is_empty()), "{long}");
    }
    let commit = facts[1].trim_start_matches("commit ");
    assert_eq!(waymark(&["-V"]), format!("{} ({commit})\n", facts[0]));
}
