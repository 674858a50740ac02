//! The `waymark` command, asked whether it would take what `deploy/` hands it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::files::must;

/// Returns the command in an environment of its own.
pub(crate) fn waymark() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
    command.env_clear();
    command
}

/// Holds the words of a command line to the commands and flags there are.
pub(crate) fn assert_words(words: &[String]) {
    must(waymark().args(words).arg("--help"));
}

/// Where pods have the files of their secrets.
const SECRETS: &str = "/run/secrets/waymark";

/// Holds settings, the text of a `waymark.yaml`, and variables to the keys there are; returns the value of a setting. Files of
/// secrets that it names are there.
pub(crate) fn setting(file: &str, variables: &[(String, String)], path: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    for (at, _) in file.match_indices(SECRETS) {
        let named = file[at..].split_whitespace().next().unwrap();
        fs::write(named.replace(SECRETS, here), "hush").unwrap();
    }
    let settings = folder.path().join("waymark.yaml");
    fs::write(&settings, file.replace(SECRETS, here)).unwrap();
    let mut command = waymark();
    for (name, value) in variables {
        command.env(name, value);
    }
    let told = must(
        command
            .args(["config", "-o", "json"])
            .arg("--config")
            .arg(settings),
    );
    let told: Vec<Value> = serde_json::from_str(&told).unwrap();
    let found = told.iter().find(|setting| setting["path"] == path);
    found.unwrap_or_else(|| panic!("no {path}"))["value"].clone()
}
