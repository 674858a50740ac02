//! `docs/define.md` is true: its examples run, and its table has every key of a definition.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use waymark_engine::definition::json_schema;

const PAGE: &str = include_str!("../docs/define.md");

#[test]
fn every_example_does_what_the_page_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut commands = Vec::new();
    for (number, block) in PAGE.split("```yaml\n# ").skip(1).enumerate() {
        let (command, rest) = block.split_once('\n').expect("a command");
        let (text, _) = rest.split_once("```").expect("an end");
        let file = folder.path().join(format!("{number}.yaml"));
        fs::write(&file, text).expect("it is written");
        let mut waymark = Command::new(env!("CARGO_BIN_EXE_waymark"));
        let output = waymark.arg(command).arg(&file).output().expect("it runs");
        assert!(is_clean(&output), "waymark {command}: {output:#?}\n{text}");
        commands.push(command);
    }
    let count = |of: &str| commands.iter().filter(|it| **it == of).count();
    assert!(count("test") >= 4 && count("check") >= 1, "{commands:?}");
}

/// Whether all went well, without so much as a warning.
fn is_clean(output: &Output) -> bool {
    let told = [&output.stdout[..], &output.stderr].concat();
    output.status.success() && !String::from_utf8_lossy(&told).contains("warning:")
}

#[test]
fn the_table_has_every_key_and_no_other() {
    let schema = json_schema();
    let mut keys = BTreeSet::new();
    collect("", &schema, &schema, &mut keys);
    assert_eq!(told(), keys);
}

/// Returns the keys that the table tells of, in backquotes in its first column, and those that hold them.
fn told() -> BTreeSet<String> {
    let (_, table) = PAGE.split_once("| key | meaning |").expect("a table");
    let cells = table.lines().filter_map(|line| line.split(" | ").next());
    let keys = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let mut told = BTreeSet::new();
    for key in keys.map(|key| key.replace("[]", "")) {
        let ends = key.match_indices('.').map(|(end, _)| end);
        told.extend(ends.map(|end| key[..end].to_owned()));
        told.insert(key);
    }
    told
}

/// Adds the paths of all keys; those of a selector once, as of `rules.after`.
fn collect(path: &str, of: &Value, schema: &Value, keys: &mut BTreeSet<String>) {
    if let Some(name) = of["$ref"].as_str() {
        let name = name.trim_start_matches("#/$defs/");
        let path = if name == "Selector" {
            "rules.after"
        } else {
            path
        };
        return collect(path, &schema["$defs"][name], schema, keys);
    }
    let forms = ["anyOf", "oneOf"].map(|forms| of[forms].as_array());
    let forms = forms.into_iter().flatten().flatten();
    for form in forms.chain(of.get("items")) {
        collect(path, form, schema, keys);
    }
    for (name, property) in of["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let path = path.trim_start_matches('.');
        keys.insert(path.to_owned());
        collect(path, property, schema, keys);
    }
}
