//! Wrong definition files, and what we say of them.
//!
//! Each file in `wrong/` begins with what is expected, one `#! line:column: severity: message (help: …)` for each problem,
//! and then is wrong in one way. Lines are counted from the first line of the file.

use std::fs;
use std::path::Path;

use waymark_engine::definition::{Definition, Problem};

#[test]
fn every_wrong_file_is_told_where_it_is_wrong_and_what_to_write() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    assert!(files.len() >= 25, "only {} files", files.len());
    let mut failures = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a file of text");
        let expected: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#! "))
            .collect();
        let found = problems(&text);
        if found != expected {
            let found = found.join("\n#! ");
            failures.push(format!("{}:\n#! {found}\n", file.display()));
        }
        assert!(!found.is_empty(), "{} has nothing wrong", file.display());
    }
    let failures = failures.concat();
    assert!(failures.is_empty(), "otherwise than expected:\n{failures}");
}

#[test]
fn every_problem_has_a_line_and_says_what_to_write() {
    let text = "definition: x\nversion: \"1\"\nstages: 5\nrules: [{ id: x }]\n";
    let problems = Definition::parse(text).expect_err("wrong");
    assert!(
        problems
            .iter()
            .all(|problem: &Problem| problem.place.line > 0),
        "{problems:#?}"
    );
}

fn problems(text: &str) -> Vec<String> {
    let problems = match Definition::parse(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    };
    problems.iter().map(ToString::to_string).collect()
}
