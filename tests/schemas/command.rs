//! `waymark schemas` as a script meets it, and what it says of today's schemas.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// Runs the command from the root of the project.
pub(super) fn schemas(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
        .arg("schemas")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command runs")
}

pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Returns how it ended and what it said, with the folder left out.
fn ended(arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = schemas(arguments);
    let said = [text(&output.stdout), text(&output.stderr)].concat();
    let folder = format!("{}/", folder.display());
    (output.status.code(), said.replace(&folder, ""))
}

/// Returns the released files of these names.
fn released(names: &[&str]) -> Vec<String> {
    let releases = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/released")).unwrap();
    let folders = releases.map(|entry| entry.unwrap().path());
    let folders = folders.filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let files = files.filter(|path| path.exists());
    files.map(|path| path.display().to_string()).collect()
}

fn check_released(names: &[&str], flags: &[&str]) {
    let files = released(names);
    assert!(
        files.len() >= names.len(),
        "a release lacks one of {names:?}"
    );
    let mut arguments = vec!["check"];
    arguments.extend(flags);
    arguments.extend(files.iter().map(String::as_str));
    arguments.push("schemas");
    let output = schemas(&arguments);
    let said = text(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        text(&output.stderr)
    );
    assert_eq!(said.matches(": compatible with ").count(), files.len());
}

#[test]
fn what_goes_out_is_compatible_with_every_release_both_ways() {
    check_released(&["alert.avsc", "score.avsc", "delta.avsc"], &[]);
}

#[test]
fn what_comes_in_is_read_as_every_release_wrote_it() {
    check_released(
        &["interaction_event.avsc"],
        &["--compatibility", "backward"],
    );
}

#[test]
fn print_lists_the_schemas_and_prints_each() {
    let list = schemas(&["print"]);
    assert_eq!(list.status.code(), Some(0));
    let list = text(&list.stdout);
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(
        names,
        [
            "interaction_event",
            "alert",
            "score",
            "delta",
            "journey",
            "cohort",
            "definition"
        ]
    );
    for name in names {
        let file = match name {
            "definition" => "definition.schema.json".to_owned(),
            name => format!("{name}.avsc"),
        };
        let file = format!("{}/schemas/{file}", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(schemas(&["print", name]).stdout, fs::read(file).unwrap());
    }
    assert_eq!(schemas(&["print", "alerts"]).status.code(), Some(64));
}

#[test]
fn a_refused_change_is_told_with_its_place_for_each_release() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let schema =
        |fields: &str| format!(r#"{{"type": "record", "name": "Alert", "fields": [{fields}]}}"#);
    let write = |file: &str, text: &str| {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    write("1/alert.avsc", &schema(""));
    write("1/gone.avsc", &schema(""));
    write(
        "2/alert.avsc",
        &schema(r#"{"name": "due", "type": "long"}"#),
    );
    write(
        "now/alert.avsc",
        &schema(r#"{"name": "due", "type": "long"}"#),
    );
    let [first, second, now] = ["1", "2", "now"].map(|it| root.join(it).display().to_string());

    let (code, said) = ended(&["check", &first, &second, &now], root);
    assert_eq!(
        said,
        "1/alert.avsc: not compatible with now/alert.avsc\n  \
           due: the new schema can't read old records: they lack the field, and it has no default\n\
         1/gone.avsc: not compatible, there is no now/gone.avsc any more\n\
         2/alert.avsc: compatible with now/alert.avsc\n"
    );
    assert_eq!(code, Some(1));

    let alert = format!("{first}/alert.avsc");
    let forward = ["check", "--compatibility", "forward", &alert, &now];
    let fine = "1/alert.avsc: compatible with now/alert.avsc\n";
    assert_eq!(ended(&forward, root), (Some(0), fine.to_owned()));

    let output = schemas(&["check", "-o", "json", &alert, &now]);
    let verdicts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let misfit = json!({
        "reader": "new", "path": "due", "what": "they lack the field, and it has no default",
    });
    assert_eq!(verdicts[0]["misfits"], json!([misfit]));
}

#[test]
fn what_is_no_schema_is_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let path = root.join("alert.avsc").display().to_string();
    let check = || ended(&["check", &path, "schemas/alert.avsc"], root);
    let (code, said) = check();
    assert_eq!(code, Some(66), "{said}");
    assert!(
        said.starts_with("waymark: cannot read alert.avsc: "),
        "{said}"
    );

    // A default of another type than its field's: Java clients refuse the whole schema.
    let wrong = r#"{"type": "record", "name": "Alert", "fields": [
        {"name": "due", "type": "long", "default": "tomorrow"}]}"#;
    fs::write(&path, wrong).unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(65), "{said}");
    assert!(
        said.starts_with("waymark: alert.avsc is not an Avro schema: "),
        "{said}"
    );

    let empty = tempfile::tempdir().unwrap();
    let nothing = empty.path().display().to_string();
    let (code, said) = ended(&["check", &nothing, "schemas"], root);
    assert_eq!(code, Some(66), "{said}");
    assert!(said.ends_with("holds no .avsc file\n"), "{said}");
}
