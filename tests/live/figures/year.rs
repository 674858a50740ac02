//! An invented year of a bank with twelve branches: the one at the harbour falls, as `waymark simulate` has it; the one in
//! the old town rises, as is planted here.

use std::collections::HashSet;
use std::process::Command;

use jiff::civil::{Date, date};
use serde_json::Value;
use waymark_testkit::servers_or_skip;

use super::{CohortBy, History, Plan, Shift, agree};
use crate::deployment::text;

const PLAN: Plan = Plan {
    zone: "Europe/Berlin",
    window_days: 90,
    cohorts: &[
        CohortBy {
            by: "all",
            expected: 1,
            replies_per_year: 4_800.0,
        },
        CohortBy {
            by: "branch",
            expected: 12,
            replies_per_year: 400.0,
        },
    ],
    waves: "quarter",
    wave_of: |day: Date| date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
    baseline_replies: 150,
    tolerance: 5.0,
    false_alarms_per_year: 2.0,
};

/// From this moment on everybody of the old town promotes.
const RISE: &str = "2025-09-01T00:00:00Z";

#[test]
fn a_year_with_planted_shifts_has_the_same_figures_from_kafka_from_a_file_and_by_hand() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let history = History {
        lines: simulated(),
        end: "2025-12-31T00:00:00+01:00",
        end_day: date(2025, 12, 31),
        cohorts: &["all=all", "branch=harbour", "branch=old-town"],
    };
    let shifts = agree(&servers, "year", &PLAN, &history);
    let raised = shifts.iter().filter(|it| it.status == "raised");
    let raised: Vec<_> = raised
        .map(
            |Shift {
                 cohort, direction, ..
             }| (&**cohort, *direction),
        )
        .collect();
    assert_eq!(
        raised,
        [("branch=harbour", "fall"), ("branch=old-town", "rise")]
    );
}

/// Returns what concerns cohorts in the year of a thousand customers, in the order of arrival: profiles and replies. They
/// come up to ten minutes late, and some come twice.
fn simulated() -> Vec<String> {
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_waymark"));
    simulate.args(["simulate", "--customers", "1000", "--events", "91000"]);
    simulate.args(["--start", "2025-01-06T00:00:00Z", "--out", "-"]);
    simulate.args(["--disorder", "10m", "--duplicates", "0.02"]);
    let lines = text(&simulate.output().unwrap().stdout);
    let mut of_old_town = HashSet::new();
    let mut kept = Vec::new();
    for line in lines.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let is_later = event["occurred_at"].as_str().unwrap() >= RISE;
        let customer = event["customer_id"].clone();
        let body = &mut event["body"];
        match body["type"].as_str().unwrap() {
            "profile.changed" if body["branch"] == "old-town" => drop(of_old_town.insert(customer)),
            "profile.changed" => {}
            "survey.replied" => {
                let rises = is_later && of_old_town.contains(&customer);
                if rises && body["instrument"] == "NPS" && body["score"].is_i64() {
                    body["score"] = 10.into();
                }
            }
            _ => continue,
        }
        kept.push(event.to_string());
    }
    kept
}
