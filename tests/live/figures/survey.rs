//! The airport surveys of May 2017 and May 2018.
//!
//! How rows become events is the mapping's affair, which `tests/replay` holds to the files. Here a reply stands at noon of
//! its day, a millisecond after the one before it in the file, so that everybody agrees on what came first.

use std::path::Path;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::json;
use waymark_testkit::servers_or_skip;

use super::{CohortBy, History, Plan, agree};
use crate::data::data;
use crate::rows::{column, csv};

const PLAN: Plan = Plan {
    zone: "America/Los_Angeles",
    window_days: 31,
    cohorts: &[
        CohortBy {
            by: "all",
            expected: 1,
            replies_per_year: 2_800.0,
        },
        CohortBy {
            by: "boarding_area",
            expected: 7,
            replies_per_year: 400.0,
        },
    ],
    waves: "year",
    wave_of: Date::first_of_year,
    baseline_replies: 500,
    tolerance: 5.0,
    false_alarms_per_year: 2.0,
};

#[test]
fn the_airport_survey_has_the_same_figures_from_kafka_from_a_file_and_by_hand() {
    let waves =
        [2017, 2018].map(|year| data(&format!("sfo-nps/{year}_SFO_Customer_Survey.csv.zst")));
    let ([Some(first), Some(second)], Some(servers)) = (waves, servers_or_skip()) else {
        return;
    };
    let mut rows = read(2017, &first);
    rows.extend(read(2018, &second));
    rows.sort();
    let history = History {
        lines: rows.into_iter().map(|(_, line)| line).collect(),
        end: "2018-06-01T00:00:00-07:00",
        end_day: date(2018, 6, 1),
        cohorts: &["all=all", "boarding_area=A", "boarding_area=B"],
    };
    let shifts = agree(&servers, "airport", &PLAN, &history);
    let raised = shifts.iter().filter(|it| it.status == "raised");
    let raised: Vec<_> = raised.map(|it| (&*it.cohort, it.direction)).collect();
    // Flights and days answer alike, which no detector of single replies allows for: there are many, and all agree.
    assert!(raised.contains(&("boarding_area=A", "fall")), "{raised:?}");
}

/// Returns the replies of a year, each with its time; 11 and blanks are no answers, which are events all the same.
fn read(year: i16, path: &Path) -> Vec<(jiff::Timestamp, String)> {
    let mut reader = csv(path);
    let header = reader.headers().unwrap().clone();
    let columns = ["RESPNUM", "INTDATE", "BAREA", "NETPRO"].map(|name| column(&header, name));
    let rows = reader.records().map(Result::unwrap);
    let event = |(place, row): (i64, csv::StringRecord)| {
        let [number, day, area, score] = columns.map(|column| row[column].trim());
        let noon = date(year, 5, day.parse().unwrap()).at(12, 0, 0, 0);
        let noon = noon.in_tz(PLAN.zone).unwrap().timestamp();
        let at = noon + place.milliseconds();
        let score = score.parse().ok().filter(|score: &i64| *score <= 10);
        let id = format!("{year}-{number}");
        let event = json!({
            "event_id": id, "customer_id": id, "occurred_at": at.to_string(), "source": "survey",
            "dimensions": {"boarding_area": area},
            "body": {"type": "survey.replied", "instrument": "NPS", "score": score},
        });
        (at, event.to_string())
    };
    (0_i64..).zip(rows).map(event).collect()
}
