//! Scores of the airport surveys of May 2017 and May 2018, computed a second time with nothing of ours.
//!
//! The formulas are in `tests/support/nps.rs`. Two waves differ if their scores are further apart than 196 √(v + v).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::data::data;
use crate::nps::Tally;
use crate::rows::{column, csv};
use crate::support::{Run, example, replay, word};

const WAVES: [(&str, &str); 2] = [
    ("2017", "sfo-nps/2017_SFO_Customer_Survey.csv.zst"),
    ("2018", "sfo-nps/2018_SFO_Customer_Survey.csv.zst"),
];

/// The last second of May 2018 at the airport: the window of 31 days is the month.
const END_OF_MAY: &str = "2018-05-31T23:59:59-07:00";
/// A second later it is June, and the first of May has left the window.
const JUNE: &str = "2018-06-01T00:00:00-07:00";

#[test]
fn both_waves_of_each_boarding_area_are_those_counted_by_hand() {
    let Some((run, replies)) = replayed(JUNE) else {
        return;
    };
    let cohorts = cohorts(&run);
    let names: Vec<&str> = cohorts.keys().map(String::as_str).collect();
    assert_eq!(names, ["A", "B", "C", "D", "E", "F", "G", "all"]);
    for (name, cohort) in &cohorts {
        let waves = WAVES.map(|(year, _)| {
            let tally = tally(&replies, |it| it.year == year && it.is_of(name));
            json!({
                "period": {"from": format!("{year}-01-01"), "to": format!("{year}-12-31")},
                "tally": tally.as_json(),
            })
        });
        assert_eq!(cohort["waves"], json!(waves), "{name}");
    }
}

#[test]
fn replies_without_a_score_do_not_count() {
    let Some((run, replies)) = replayed(JUNE) else {
        return;
    };
    let silent = |year| {
        let of_year = replies.iter().filter(|it| it.year == year);
        of_year.filter(|it| it.score.is_none()).count()
    };
    assert_eq!((silent("2017"), silent("2018")), (85, 159));
    let waves = cohorts(&run)["all"]["waves"].clone();
    let counted: u64 = waves
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|wave| wave["tally"].as_object().unwrap().values())
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(counted, 2_831 + 2_809 - 85 - 159);
}

#[test]
fn two_areas_and_the_whole_airport_differ_between_the_waves_and_the_others_do_not() {
    let Some((run, replies)) = replayed(JUNE) else {
        return;
    };
    let mut differing = Vec::new();
    for (name, cohort) in &cohorts(&run) {
        let [earlier, later] =
            WAVES.map(|(year, _)| tally(&replies, |it| it.year == year && it.is_of(name)));
        let points = later.nps() - earlier.nps();
        let half_width = 196.0 * (earlier.variance() + later.variance()).sqrt();
        let comparisons = cohort["comparisons"].as_array().unwrap();
        let [comparison] = comparisons.as_slice() else {
            panic!("{name} has one pair of waves: {comparisons:?}")
        };
        assert_close(&comparison["points"], points);
        assert_close(&comparison["half_width"], half_width);
        assert_eq!(comparison["differs"], points.abs() > half_width, "{name}");
        if points.abs() > half_width {
            differing.push(name.clone());
        }
    }
    assert_eq!(differing, ["A", "C", "all"]);
}

#[test]
fn the_window_that_ends_with_may_is_may() {
    assert_window(END_OF_MAY, ["2018-05-01", "2018-05-31"], 1..=31);
}

#[test]
fn a_second_later_the_first_of_may_has_left_the_window() {
    assert_window(JUNE, ["2018-05-02", "2018-06-01"], 2..=31);
}

#[test]
fn nothing_is_late_and_nothing_is_set_aside() {
    let Some((run, _)) = replayed(END_OF_MAY) else {
        return;
    };
    let books = run.books();
    assert_eq!((books.received, books.applied), (5_640, 5_640));
    let summary = run.summary();
    assert_eq!(summary["refused_deltas"], 0);
    let first = &summary["clock"]["first_event"];
    assert_eq!(
        first, "2017-05-05T22:30:00.000Z",
        "not that of the first row"
    );
    assert_eq!(run.bytes("alerts.jsonl"), "", "nothing is monitored here");
}

#[test]
fn the_short_form_of_the_example_is_the_long_one() {
    let Some((short, _)) = replayed(JUNE) else {
        return;
    };
    let definition = example("sfo-nps", "definition.yaml");
    let mapping = example("sfo-nps", "mapping.yaml");
    let logs = paths().unwrap();
    let words = [&definition, &mapping, &logs[0], &logs[1]].map(|path| word(path));
    let [definition, mapping, first, second] = words;
    let long = replay(&[
        "--definition",
        definition,
        "--mapping",
        mapping,
        first,
        second,
        "--until",
        JUNE,
    ]);
    for file in ["scores.jsonl", "summary.json"] {
        assert_eq!(short.bytes(file), long.bytes(file), "{file}");
    }
}

fn assert_window(until: &str, [from, to]: [&str; 2], days: std::ops::RangeInclusive<u8>) {
    let Some((run, replies)) = replayed(until) else {
        return;
    };
    for (name, cohort) in &cohorts(&run) {
        let tally = tally(&replies, |it| {
            it.year == "2018" && days.contains(&it.day) && it.is_of(name)
        });
        let score = &cohort["score"];
        assert_eq!((&score["from"], &score["to"]), (&json!(from), &json!(to)));
        for (part, count) in tally.as_json().as_object().unwrap() {
            assert_eq!(&score[part], count, "{name} {part}");
        }
        assert_eq!(score["replies"], tally.replies(), "{name}");
        let [low, high] = tally.interval();
        assert_close(&score["nps"], tally.nps());
        assert_close(&score["low"], low);
        assert_close(&score["high"], high);
        assert_eq!(score["verdict"], tally.verdict(), "{name}");
    }
}

fn assert_close(told: &Value, computed: f64) {
    let told = told.as_f64().unwrap();
    assert!(
        (told - computed).abs() < 1e-9,
        "{told}, computed {computed}"
    );
}

/// Replays both years and reads their files; `None` where the files are missing.
fn replayed(until: &str) -> Option<(Run, Vec<Reply>)> {
    let paths = paths()?;
    let [first, second] = [&paths[0], &paths[1]].map(|path| word(path));
    let run = replay(&["--example", "sfo-nps", first, second, "--until", until]);
    let replies = WAVES.iter().zip(&paths);
    let replies = replies.flat_map(|((year, _), path)| read(year, path));
    Some((run, replies.collect()))
}

fn paths() -> Option<Vec<PathBuf>> {
    WAVES.iter().map(|(_, name)| data(name)).collect()
}

/// Returns what the summary says of each cohort, by its value.
fn cohorts(run: &Run) -> BTreeMap<String, Value> {
    let summary = run.summary();
    let nps = summary["nps"].as_array().unwrap();
    let named = nps.iter().map(|it| {
        let cohort = &it["score"]["cohort"];
        let dimension = if cohort["value"] == "all" {
            "all"
        } else {
            "boarding_area"
        };
        assert_eq!(cohort["dimension"], dimension);
        (cohort["value"].as_str().unwrap().to_owned(), it.clone())
    });
    let by_value: BTreeMap<_, _> = named.collect();
    assert_eq!(by_value.len(), nps.len(), "each cohort once");
    by_value
}

struct Reply {
    year: &'static str,
    day: u8,
    area: String,
    score: Option<i64>,
}

impl Reply {
    fn is_of(&self, cohort: &str) -> bool {
        cohort == "all" || cohort == self.area
    }
}

fn read(year: &'static str, path: &Path) -> Vec<Reply> {
    let mut reader = csv(path);
    let header = reader.headers().unwrap().clone();
    let [day, area, score] = ["INTDATE", "BAREA", "NETPRO"].map(|name| column(&header, name));
    let reply = |row: csv::StringRecord| Reply {
        year,
        day: row[day].parse().unwrap(),
        area: row[area].to_owned(),
        score: row[score].parse().ok().filter(|score| *score <= 10),
    };
    reader.records().map(Result::unwrap).map(reply).collect()
}

fn tally(replies: &[Reply], fits: impl Fn(&Reply) -> bool) -> Tally {
    let those = replies.iter().filter(|it| fits(it));
    Tally::of(those.filter_map(|it| it.score))
}
