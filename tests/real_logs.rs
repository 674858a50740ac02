//! The shipped mappings on the real logs, counted a second time with nothing of ours.
//!
//! The logs are not part of the project. They are looked for in `WAYMARK_DATA`, else in `../shared/data` beside the
//! repository; where they are missing, each test says loudly that it was skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

#[path = "support/data.rs"]
mod data;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use waymark::source::{self, Input, Mapping};
use waymark_engine::event::{Body, Day, Decoded, Event};

use data::data;

const BPI: &str = "bpi2012/bpi2012_events.csv.zst";
const SURVEYS: [&str; 2] = [
    "sfo-nps/2017_SFO_Customer_Survey.csv.zst",
    "sfo-nps/2018_SFO_Customer_Survey.csv.zst",
];

type Counts = BTreeMap<String, u64>;

#[test]
fn every_row_of_the_loan_log_is_an_event_of_the_expected_kind() {
    let Some(path) = data(BPI) else { return };
    let events = events("bpi2012", std::slice::from_ref(&path));
    assert_eq!(events.len(), 262_200);
    assert_eq!(
        count(events.iter().map(kind_and_name)),
        counted_by_hand(&path)
    );
}

#[test]
fn the_loan_log_keeps_its_order_its_applications_and_its_outcomes() {
    let Some(path) = data(BPI) else { return };
    let events = events("bpi2012", &[path]);
    assert!(events.is_sorted_by_key(|event| event.occurred_at));
    let applications = count(
        events
            .iter()
            .map(|event| event.customer.as_ref().unwrap().to_string()),
    );
    assert_eq!(applications.len(), 13_087);
    assert_eq!(
        events[0].occurred_at.to_string(),
        "2011-09-30T22:38:44.546Z"
    );
    assert_eq!(
        events[262_199].occurred_at.to_string(),
        "2012-03-14T15:04:54.681Z"
    );
    let amounts = events.iter().filter_map(|event| match &event.body {
        Body::ApplicationSubmitted(body) => body.amount,
        _ => None,
    });
    assert_eq!(amounts.clone().count(), 13_087);
    assert_eq!(
        (amounts.clone().min(), amounts.max()),
        (Some(0), Some(99_999))
    );
}

#[test]
fn every_reply_of_the_survey_counts_in_its_area_on_its_day() {
    let (Some(first), Some(second)) = (data(SURVEYS[0]), data(SURVEYS[1])) else {
        return;
    };
    let paths = [first, second];
    let events = events("sfo-nps", &paths);
    assert_eq!(events.len(), 2_831 + 2_809);
    let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap();
    let ours = count(events.iter().map(|event| {
        let Body::SurveyReplied(reply) = &event.body else {
            panic!("only replies are mapped")
        };
        let score = reply
            .score
            .map_or_else(|| "none".to_owned(), |score| score.to_string());
        let area = &event.dimensions["boarding_area"];
        format!("{} {area} {score}", Day::of(event.occurred_at, &zone))
    }));
    assert_eq!(ours, replies_by_hand(&paths));
    let silent: u64 = ours
        .iter()
        .filter(|(key, _)| key.ends_with("none"))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(silent, 85 + 159, "the numbers of the publisher's files");
}

/// Reads logs with a shipped mapping; a dead letter fails the test.
fn events(example: &str, paths: &[PathBuf]) -> Vec<Event> {
    let mapping = format!(
        "{}/deploy/examples/{example}/mapping.yaml",
        env!("CARGO_MANIFEST_DIR")
    );
    let mapping = Mapping::load(Path::new(&mapping)).unwrap();
    let inputs = paths.iter().map(Input::parse).collect();
    let mut source = source::open(inputs, Some(&mapping)).unwrap();
    let events = source
        .by_ref()
        .map(|record| {
            let record = record.unwrap();
            match record.decoded {
                Ok(Decoded::Event(event)) => event,
                other => panic!("{}: {other:?}", record.place),
            }
        })
        .collect();
    let progress = source.progress();
    assert_eq!(
        Some(progress.read_bytes),
        progress.total_bytes,
        "all was read"
    );
    events
}

fn count(names: impl Iterator<Item = String>) -> Counts {
    let mut counts = Counts::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts
}

fn kind_and_name(event: &Event) -> String {
    match &event.body {
        Body::Custom(body) => format!("custom {}", body.name),
        Body::StageEntered(body) => format!("stage {}", body.stage),
        body => body.kind().name().to_owned(),
    }
}

/// Returns the wanted columns of each row.
fn rows<const N: usize>(path: &Path, columns: [&str; N]) -> Vec<[String; N]> {
    let unpacked = zstd::Decoder::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut reader = csv::Reader::from_reader(unpacked);
    let header = reader.headers().unwrap().clone();
    let at = columns.map(|column| {
        header
            .iter()
            .position(|name| name.trim() == column)
            .unwrap()
    });
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| at.map(|index| row[index].to_owned()))
        .collect()
}

fn counted_by_hand(path: &Path) -> Counts {
    let rows = rows(path, ["concept:name", "lifecycle:transition"]);
    count(rows.iter().map(|[activity, transition]| {
        let complete = transition == "COMPLETE";
        let name = match activity.as_str() {
            "A_SUBMITTED" => "application.submitted",
            "A_PARTLYSUBMITTED" => "stage partly_submitted",
            "A_PREACCEPTED" => "stage preaccepted",
            "A_ACCEPTED" => "stage accepted_for_offer",
            "A_FINALIZED" => "stage finalized",
            "A_APPROVED" => "application.approved",
            "A_REGISTERED" => "stage registered",
            "A_ACTIVATED" => "stage activated",
            "A_DECLINED" => "application.declined",
            "A_CANCELLED" => "application.cancelled",
            "O_SELECTED" => "stage selected_for_offer",
            "O_CREATED" => "custom offer_created",
            "O_SENT" => "offer.sent",
            "O_SENT_BACK" => "documents.received",
            "O_ACCEPTED" => "offer.accepted",
            "O_DECLINED" => "offer.declined",
            "O_CANCELLED" => "custom offer_cancelled",
            "W_Wijzigen contractgegevens" => "custom contract_change",
            name if complete
                && (name.starts_with("W_Nabellen") || name == "W_Afhandelen leads") =>
            {
                "contact.made"
            }
            name if name.starts_with("W_") => match transition.as_str() {
                "COMPLETE" => "custom work_done",
                "START" => "custom work_started",
                _ => "custom work_scheduled",
            },
            name => panic!("unknown activity {name}"),
        };
        name.to_owned()
    }))
}

fn replies_by_hand(paths: &[PathBuf]) -> Counts {
    let years = ["2017", "2018"];
    count(years.into_iter().zip(paths).flat_map(|(year, path)| {
        let rows = rows(path, ["INTDATE", "BAREA", "NETPRO"]);
        rows.into_iter().map(move |[day, area, score]| {
            let day: u8 = day.parse().unwrap();
            let score = match score.as_str() {
                "" | "11" => "none",
                score => score,
            };
            format!("{year}-05-{day:02} {area} {score}")
        })
    }))
}
