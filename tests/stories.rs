//! The stories of `tests/stories/`, run by every `cargo test`; and the proof that running them proves something.
//!
//! A runner that can't fail is worthless: what the stories say of alerts, scores and outcomes is altered line by line, and
//! each altered story must fail. Wrong files must be told with their place and what to write instead.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use waymark::story::{Ending, StoryFile};

#[test]
fn every_story_goes_as_told() {
    let endings = run_all();
    assert!(endings.len() >= 30, "only {} stories ran", endings.len());
    let failed: Vec<&Ending> = endings.iter().filter(|it| it.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn no_two_stories_have_the_same_name() {
    let mut names: Vec<String> = run_all().into_iter().map(|ending| ending.name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}

// a story that is altered fails

#[test]
fn a_story_with_another_status_of_an_alert_fails() {
    let statuses = ["raised", "updated", "resolved", "expired", "corrected"];
    every_line_altered_fails(80, |line| {
        let mut said = statuses.iter().map(|status| format!("status: {status}"));
        let said = said.find(|said| line.contains(said))?;
        Some(line.replacen(&said, "status: held", 1))
    });
}

#[test]
fn a_story_with_another_time_of_an_alert_fails() {
    every_line_altered_fails(40, |line| {
        let of_alert = !line.contains("event:") && line.contains(" at: 2026-");
        of_alert.then(|| line.replacen(" at: 2026-", " at: 2027-", 1))
    });
}

#[test]
fn a_story_that_expects_an_alert_where_none_comes_fails() {
    every_line_altered_fails(40, |line| {
        let none = line.trim() == "- no_alerts";
        none.then(|| line.replace("no_alerts", "alerts: [{}]"))
    });
}

#[test]
fn a_story_with_another_count_of_replies_fails() {
    every_line_altered_fails(10, |line| {
        let of_score = line.contains("cohort: ") && line.contains(" replies: ");
        of_score.then(|| line.replacen(" replies: ", " replies: 9", 1))
    });
}

#[test]
fn a_story_with_another_outcome_of_an_event_fails() {
    every_line_altered_fails(10, |line| {
        let said = line.trim().strip_prefix("expect: ")?;
        let other = match said {
            "late" => "duplicate",
            "duplicate" | "ignored" => "late",
            _ => "{ dead_letter: too_large }",
        };
        Some(line.replace(said, other))
    });
}

#[test]
fn a_story_without_its_last_look_fails_for_the_alerts_that_nobody_saw() {
    let text = "stories:
  - name: an unanswered enquiry
    script:
      - event: { type: enquiry.opened, case: E-1 }
      - no_alerts
      - advance: 2d
";
    let ending = &parse(text).unwrap().run()[0];
    let failure = ending.failure.as_ref().unwrap();
    assert_eq!((failure.line, failure.step), (6, 3));
    assert_eq!(failure.difference.message, "alerts that nobody looked at");
    assert_eq!(failure.difference.came.len(), 1);
}

/// Alters each line for which `alter` has another one, one at a time, and asserts that exactly one story fails each time.
fn every_line_altered_fails(at_least: usize, alter: impl Fn(&str) -> Option<String>) {
    let mut altered = 0;
    for path in files() {
        let text = fs::read_to_string(&path).expect("a file of stories");
        let lines: Vec<&str> = text.lines().collect();
        for (place, line) in lines.iter().enumerate() {
            let Some(other) = alter(line) else { continue };
            altered += 1;
            let mut lines = lines.clone();
            lines[place] = &other;
            let place = format!("{}:{}: {other}", path.display(), place + 1);
            // Some outcomes are known before anything runs: such a file is refused.
            if let Ok(file) = StoryFile::parse(&path, &lines.join("\n")) {
                let endings = file.run();
                let failed = endings.iter().filter(|it| it.failure.is_some());
                assert_eq!(failed.count(), 1, "{place}");
            }
        }
    }
    assert!(altered >= at_least, "only {altered} lines were altered");
}

// wrong files

/// One story with this script, which begins in line 4, column 7.
fn script(steps: &str) -> String {
    format!("stories:\n  - name: wrong\n    script:\n{steps}")
}

#[test]
fn wrong_steps_are_told_with_their_place_and_what_to_write() {
    let opened = "      - event: { type: enquiry.opened, case: E-1 }\n";
    let cases = [
        (
            "      - alert: []",
            r#"4:9: unknown key "alert": do you mean "alerts"?"#,
        ),
        (
            "      - no_alert",
            r#"4:9: unknown value "no_alert": do you mean "no_alerts"?"#,
        ),
        (
            "      - alerts: [{ statsu: raised }]",
            r#"4:20: unknown field "statsu": do you mean "status"?"#,
        ),
        (
            "      - alerts: [{ status: raisd }]",
            r#"4:28: unknown value "raisd": do you mean "raised"?"#,
        ),
        (
            "      - alerts: [{ evidence: [enquiry.opend] }]",
            r#"4:30: unknown kind of event "enquiry.opend": do you mean "enquiry.opened"?"#,
        ),
        (
            "      - alerts: [{ due: soon }]",
            r#"4:25: "soon" is not a time: write now, -2h, +10m or 2026-03-02T09:30:00Z"#,
        ),
        (
            "      - scores: [{ cohort: all=all, npss: 3 }]",
            r#"4:37: unknown field "npss": do you mean "nps"?"#,
        ),
        (
            "      - advance: 1d",
            "2:11: the story looks at nothing: add alerts, no_alerts, scores or expect",
        ),
        (
            "      - advance: 3 moons",
            r#"4:18: "3 moons" is not a length of time, such as 90s, 10m, 25h, 5d or 1d 2h"#,
        ),
        (
            "      - advance: -1d",
            r#"4:18: "-1d" is not a length of time, such as 90s, 10m, 25h, 5d or 1d 2h"#,
        ),
        (
            "      - advance_to: 2026-03-01T00:00:00Z",
            r#"4:21: "2026-03-01T00:00:00Z" is not later than the story's clock, 2026-03-02T09:00:00.000Z"#,
        ),
    ];
    for (steps, message) in cases {
        assert_eq!(mistake(&script(steps)), format!("stories.yaml:{message}"));
    }
    let after_event = [
        (
            "        advance: 1d",
            "4:9: a step is one of event (with expect), advance, advance_to, alerts, no_alerts, scores",
        ),
        (
            "        expect: lat",
            r#"5:17: unknown value "lat": do you mean "late"?"#,
        ),
        (
            "        expect: { dead_letter: time_behind }",
            r#"5:32: unknown reason "time_behind": do you mean "time_ahead"?"#,
        ),
    ];
    for (more, message) in after_event {
        let text = script(&format!("{opened}{more}"));
        assert_eq!(mistake(&text), format!("stories.yaml:{message}"));
    }
}

#[test]
fn wrong_events_are_told_with_their_place_and_what_to_write() {
    let cases = [
        (
            "type: profile.changed, tierr: B",
            r#"4:41: unknown field "tierr": do you mean "tier"?"#,
        ),
        (
            "type: enquiry.opend, case: E-1",
            r#"4:24: unknown kind of event "enquiry.opend": do you mean "enquiry.opened"?"#,
        ),
        (
            "type: enquiry.opened, case: E-1, actor: banc",
            r#"4:58: unknown value "banc": do you mean "bank"?"#,
        ),
        ("case: E-1", "4:16: type is missing"),
        (
            "type: enquiry.opened",
            "4:16: this event would be set aside as invalid: case_id is missing, enquiry.opened needs one; \
             if that is meant, add expect: { dead_letter: invalid }",
        ),
        (
            "type: enquiry.opened, case: E-1, case: E-2",
            r#"4:51: key "case" stands here a second time"#,
        ),
    ];
    for (event, message) in cases {
        let text = script(&format!("      - event: {{ {event} }}\n      - no_alerts"));
        assert_eq!(mistake(&text), format!("stories.yaml:{message}"));
    }
}

#[test]
fn wrong_files_are_told_with_their_place() {
    let twice = script("      - no_alerts\n  - name: wrong\n    script: [no_alerts]");
    let cases = [
        (
            twice.as_str(),
            "5:11: the story of line 2 has this name already",
        ),
        ("stories: []", "1:10: there are no stories"),
        (
            "storys: []",
            r#"1:1: unknown key "storys": do you mean "stories"?"#,
        ),
        ("stories: [}", "1:10: mismatched bracket '[' closed by '}'"),
    ];
    for (text, message) in cases {
        assert_eq!(mistake(text), format!("stories.yaml:{message}"));
    }
}

#[test]
fn a_wrong_definition_inside_a_file_of_stories_is_told_with_its_line_there() {
    let stories = script("      - no_alerts\n");
    let block = "definition:\n  definition: x\n  version: 1\n  rulez: []\n";
    let flow = "definition: { definition: x,\n  version: 1,\n  rulez: []\n}\n";
    for (text, place) in [
        (format!("{block}{stories}"), "4:3"),
        (format!("{stories}{block}"), "8:3"),
        (format!("# first\n{flow}{stories}"), "4:3"),
    ] {
        assert_eq!(
            mistake(&text),
            format!(
                "the definition has errors\nstories.yaml:{place}: error: unknown key \"rulez\" (help: did you mean \"rules\"?)"
            )
        );
    }
}

fn mistake(text: &str) -> String {
    parse(text)
        .expect_err("these stories are wrong")
        .to_string()
}

fn parse(text: &str) -> Result<StoryFile, waymark::story::StoryError> {
    StoryFile::parse(Path::new("stories.yaml"), text)
}

// the command

#[test]
fn the_command_says_how_many_passed_and_ends_with_0() {
    let output = waymark_test(&["tests/stories/grace.yaml", "tests/stories/quiet.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with(" stories passed, 0 failed\n"), "{told}");
}

#[test]
fn the_command_shows_what_was_expected_and_what_came_and_ends_with_1() {
    let text = script(
        "      - event: { type: enquiry.opened, case: E-1 }
      - advance: 2d
      - alerts: [{ status: resolved, case: E-1 }, { status: raised }]
",
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stories.yaml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let output = waymark_test(&[path]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "{path}:6: wrong
  step 3: other alerts than told
  expected:
   ✗ {{ status: resolved, case: E-1 }}
   ✗ {{ status: raised }}
  came:
   ✗ {{ kind: enquiry_unanswered, status: raised, level: breached, at: 2026-03-03T09:00:00Z, case: E-1 }}

0 stories passed, 1 failed
"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let json = waymark_test(&["-o", "json", path]).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&0.into(), &1.into()));
    assert_eq!(json["stories"][0]["failure"]["line"], 6);
}

#[test]
fn the_example_in_the_help_goes_as_told() {
    let help = String::from_utf8(waymark_test(&["--help"]).stdout).unwrap();
    let example: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "  stories:")
        .take_while(|line| line.starts_with("  "))
        .collect();
    let endings = parse(&example.join("\n")).unwrap().run();
    assert_eq!(endings.len(), 1);
    assert!(endings[0].failure.is_none(), "{endings:?}");
}

#[test]
fn a_wrong_file_ends_with_78_and_no_file_with_64() {
    let missing = waymark_test(&["tests/stories/grace.yaml", "tests/stories/no-such.yaml"]);
    assert_eq!(missing.status.code(), Some(78));
    assert!(missing.stdout.is_empty(), "nothing has run");
    assert_eq!(waymark_test(&[]).status.code(), Some(64));
}

fn waymark_test(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_waymark"))
        .arg("test")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary was just built")
}

fn run_all() -> Vec<Ending> {
    let load = |path: PathBuf| StoryFile::load(&path).unwrap_or_else(|error| panic!("{error}"));
    files()
        .into_iter()
        .flat_map(|path| load(path).run())
        .collect()
}

/// Every shipped file of stories, in the order of their names.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories");
    let entries = fs::read_dir(folder).expect("a folder of the project");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("can be listed").path())
        .collect();
    files.sort();
    files
}
