//! What is wrong is named with its place, ends with its exit code, and leaves the folder as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::{example, text, word};

/// Exit codes, by their names in `sysexits.h`.
const USAGE: i32 = 64;
const DATA_ERR: i32 = 65;
const NO_INPUT: i32 = 66;
const CANT_CREATE: i32 = 73;
const CONFIG: i32 = 78;

#[test]
fn a_missing_second_input_is_named_before_anything_is_read() {
    let bench = Bench::new();
    bench.fails(
        &[&sound(), "nowhere.jsonl"],
        NO_INPUT,
        "nowhere.jsonl: cannot be opened",
    );
    bench.fails(
        &[&sound(), word(bench.files.path())],
        NO_INPUT,
        "cannot be opened: is a directory",
    );
}

#[test]
fn an_empty_input_is_named() {
    let bench = Bench::new();
    let empty = bench.write("empty.jsonl", b"");
    bench.fails(&[&sound(), &empty], DATA_ERR, "empty.jsonl: is empty");
}

#[test]
fn something_else_than_events_is_refused() {
    let bench = Bench::new();
    let pdf = bench.write("report.pdf", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n");
    bench.fails(
        &[&pdf],
        DATA_ERR,
        "report.pdf: is neither JSON lines nor an Avro container; a CSV log needs --mapping",
    );
    let csv = bench.write("log.csv", b"case,activity\n1,A\n");
    bench.fails(&[&csv], DATA_ERR, "name one with --mapping");
}

#[test]
fn a_second_input_cut_off_in_its_last_line_leaves_nothing() {
    let bench = Bench::new();
    let cut = bench.write("cut.jsonl", b"\n{\"event_id\":\"1\",\"custom");
    bench.fails(
        &[&sound(), &cut],
        DATA_ERR,
        "cut.jsonl:2: the file ends too early",
    );
}

#[test]
fn a_second_input_whose_compression_is_broken_leaves_nothing() {
    let bench = Bench::new();
    let events = fs::read(example("lending", "events.jsonl")).unwrap();
    let mut packed = zstd::encode_all(&events[..], 0).unwrap();
    let cut = bench.write("cut.jsonl.zst", &packed[..packed.len() / 2]);
    bench.fails(
        &[&sound(), &cut],
        DATA_ERR,
        "the file ends too early: the compressed data is incomplete",
    );
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let broken = bench.write("broken.jsonl.zst", &packed);
    bench.fails(&[&sound(), &broken], DATA_ERR, "broken.jsonl.zst");
}

#[test]
fn a_missing_column_is_named_with_both_files_and_their_lines() {
    let bench = Bench::new();
    let log = bench.write(
        "log.csv",
        b"case:concept:name,event_index,concept:nam\n1,0,A_SUBMITTED\n",
    );
    bench.fails(
        &["--example", "bpi2012", &log],
        DATA_ERR,
        "log.csv:1: there is no column \"time:timestamp\", which bpi2012 line 10 reads",
    );
}

#[test]
fn a_row_that_the_mapping_does_not_know_is_set_aside_and_the_run_goes_on() {
    let bench = Bench::new();
    let header = "case:concept:name,case:AMOUNT_REQ,event_index,concept:name,lifecycle:transition,org:resource,time:timestamp";
    let rows = "1,100,0,A_SUBMITTED,COMPLETE,112,2011-10-01T00:38:44.546+02:00\n1,100,1,A_TELEPORTED,COMPLETE,112,2011-10-01T00:38:45.546+02:00\n";
    let log = bench.write("log.csv", format!("{header}\n{rows}").as_bytes());
    let output = bench.run(&["--example", "bpi2012", &log]);
    assert!(output.status.success(), "{output:?}");
    let letter = fs::read_to_string(bench.out.path().join("dead-letter.jsonl")).unwrap();
    assert!(
        letter.contains("A_TELEPORTED") && letter.contains("\"line\":3"),
        "{letter}"
    );
}

#[test]
fn a_wrong_definition_or_mapping_is_named_with_its_line() {
    let bench = Bench::new();
    let shipped = fs::read_to_string(example("bpi2012", "definition.yaml")).unwrap();
    let wrong = shipped.replace("within: 5d", "within: 5 parsecs");
    let wrong = bench.write("definition.yaml", wrong.as_bytes());
    let line = 1 + shipped
        .lines()
        .position(|it| it.contains("within: 5d"))
        .unwrap();
    bench.fails(
        &["--definition", &wrong, &sound()],
        CONFIG,
        &format!("definition.yaml:{line}:"),
    );

    bench.fails(
        &["--definition", "nowhere.yaml", &sound()],
        CONFIG,
        "cannot read nowhere.yaml",
    );

    let mapping = bench.write("mapping.yaml", b"mapping: x\nfeeed: y\n");
    bench.fails(
        &["--mapping", &mapping, &sound()],
        CONFIG,
        "mapping.yaml:2:1: unknown key \"feeed\"",
    );
    bench.fails(
        &["--mapping", "nowhere.yaml", &sound()],
        CONFIG,
        "nowhere.yaml: cannot be read",
    );
}

#[test]
fn an_output_folder_that_cannot_be_is_named() {
    let bench = Bench::new();
    let file = bench.write("out", b"mine");
    for (out, told) in [
        (file.clone(), "out: is a file"),
        (format!("{file}/deeper"), "deeper: cannot be written"),
    ] {
        let output = waymark(&["--example", "lending", "--out", &out]);
        assert_refused(&output, CANT_CREATE, told);
    }
    assert_eq!(fs::read(file).unwrap(), b"mine");
}

#[test]
fn a_command_that_cannot_be_understood_is_explained() {
    let bench = Bench::new();
    bench.fails(
        &["--inptu", "x"],
        USAGE,
        "a similar argument exists: '--input'",
    );
    bench.fails(
        &["--example", "lendign"],
        USAGE,
        "a similar value exists: 'lending'",
    );
    bench.fails(&[], USAGE, "no input: name a file, or - for standard input");
    bench.fails(&["--example", "bpi2012"], USAGE, "no input");
    bench.fails(
        &["--example", "lending", "--definition", "x"],
        USAGE,
        "cannot be used with",
    );
    bench.fails(
        &["--example", "lending", "--until", "yesterday"],
        USAGE,
        "is not RFC 3339 with an offset",
    );
    // Inputs are read in the order given; of a mixture of both forms nobody could say which order that is.
    bench.fails(
        &["--input", "first", "second"],
        USAGE,
        "'--input <INPUT>' cannot be used with",
    );
    assert_refused(&waymark(&["--example", "lending"]), USAGE, "--out <DIR>");
}

/// A folder with the outputs of an earlier run, and some files to run over.
struct Bench {
    out: TempDir,
    files: TempDir,
    before: Vec<(PathBuf, Vec<u8>)>,
}

impl Bench {
    fn new() -> Self {
        let [out, files] = [0, 1].map(|_| tempfile::tempdir().unwrap());
        let arguments = ["--example", "lending", "--until", "2026-02-01T00:00:00Z"];
        let bench = Self {
            before: Vec::new(),
            out,
            files,
        };
        assert!(bench.run(&arguments).status.success());
        let before = contents(bench.out.path());
        assert_eq!(before.len(), 5);
        Self { before, ..bench }
    }

    /// Writes a file to run over and returns its path.
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.files.path().join(name);
        fs::write(&path, bytes).unwrap();
        word(&path).to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut all = arguments.to_vec();
        all.extend(["--out", word(self.out.path())]);
        waymark(&all)
    }

    /// Runs what must fail, and looks at the folder afterwards.
    fn fails(&self, arguments: &[&str], code: i32, told: &str) {
        assert_refused(&self.run(arguments), code, told);
        assert_eq!(
            contents(self.out.path()),
            self.before,
            "the outputs of the earlier run stand"
        );
    }
}

/// A sound input, to come before a damaged one.
fn sound() -> String {
    word(&example("lending", "events.jsonl")).to_owned()
}

fn waymark(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waymark"));
    command.arg("replay").args(arguments).output().unwrap()
}

fn assert_refused(output: &Output, code: i32, told: &str) {
    let stderr = text(output.stderr.clone());
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(told), "{told:?} is not in {stderr:?}");
    assert!(output.stdout.is_empty(), "talk belongs on standard error");
}

/// Returns every file of a folder, hidden ones included, with its bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}
