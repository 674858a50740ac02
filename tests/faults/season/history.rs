//! What happens in the season: the branch at the harbour falls, that in the old town rises, and weeks later both are as
//! they were; on the same days, so that nothing shifts for all customers together. Enquiries are answered in time, late or
//! never.
//!
//! It happened long ago, all in order of time: so a deployment tells what a replay tells, byte for byte (the head of
//! `tests/live/figures` says why). Nothing is left to chance: what must be raised is known.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub(super) const DAYS: i64 = 64;
/// The days on which scores shift, and shift back. Three days are evidence enough; five later a new level is known.
pub(super) const SHIFTS: [i64; 2] = [8, 26];
pub(super) const PLANTED: [&str; 4] = [
    "fall of harbour",
    "fall of old-town",
    "rise of harbour",
    "rise of old-town",
];

pub(super) const DEFINITION: &str = "\
definition: season
version: '1'
nps:
  window: 7d
  waves: month
  shift: { baseline_replies: 60, tolerance: 5, false_alarms_per_year: 2 }
  turned_detractor: {}
  cohorts:
    - { by: all, expected: 1, replies_per_year: 17000 }
    - { by: branch, expected: 4, values_max: 4, replies_per_year: 4300 }
    - { by: tier, expected: 3, values_max: 3, replies_per_year: 5800 }
rules:
  - id: enquiry-unanswered
    for: enquiry
    after: [enquiry.opened]
    expect: [enquiry.answered]
    within: 4h
    raise: { kind: enquiry_unanswered, severity: warning }
";

const BEGIN: &str = "2025-03-03T00:00:00Z";
const CUSTOMERS: i64 = 96;
const BRANCHES: [&str; 4] = ["bridge", "harbour", "mill", "old-town"];
const TIERS: [&str; 3] = ["A", "B", "C"];
/// What a customer answers, one after the other; they balance.
const SCORES: [i64; 6] = [10, 2, 8, 9, 5, 7];
/// Replies come from 08:00 on, one every quarter of an hour.
const REPLIES_A_DAY: i64 = 48;

/// Something that happened to a customer.
struct Happening {
    at: Timestamp,
    customer: i64,
    case: Option<String>,
    body: Value,
}

/// Returns the events of each day, one a line, in order of time. The last day ends with its midnight.
pub(super) fn days() -> Vec<Vec<String>> {
    let mut happenings: Vec<_> = profiles().chain(replies()).chain(enquiries()).collect();
    happenings.sort_by_key(|it| it.at);
    let mut days: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for happening in happenings {
        let day = happening.at.duration_since(moment(0, 0)).as_hours() / 24;
        days.entry(day).or_default().push(happening.line());
    }
    days.split_off(&DAYS); // answers to the last enquiries
    let mut days: Vec<_> = days.into_values().collect();
    days.last_mut().unwrap().push(heartbeat(moment(DAYS, 0)));
    days
}

/// Returns a sign of life of the feed, at the beginning of a day.
pub(super) fn morning(day: i64) -> String {
    heartbeat(moment(day, 0))
}

fn heartbeat(at: Timestamp) -> String {
    json!({
        "event_id": "beat", "occurred_at": at.to_string(), "source": "bank",
        "body": {"type": "feed.heartbeat"},
    })
    .to_string()
}

/// Everybody is known before the first reply.
fn profiles() -> impl Iterator<Item = Happening> {
    (0..CUSTOMERS).map(|customer| Happening {
        at: moment(0, 7 * 60),
        customer,
        case: None,
        body: json!({"type": "profile.changed", "branch": branch(customer), "tier": tier(customer)}),
    })
}

/// Each customer replies every second day, at the same time of day.
fn replies() -> impl Iterator<Item = Happening> {
    (0..DAYS * REPLIES_A_DAY).map(|number| {
        let (day, of_day) = (number / REPLIES_A_DAY, number % REPLIES_A_DAY);
        let customer = number % CUSTOMERS;
        let is_shifted = (SHIFTS[0]..SHIFTS[1]).contains(&day);
        let score = match branch(customer) {
            "harbour" if is_shifted => 1,
            "old-town" if is_shifted => 10,
            _ => in_turn(&SCORES, number / CUSTOMERS + customer / 12),
        };
        Happening {
            at: moment(day, 8 * 60 + 15 * of_day),
            customer,
            case: None,
            body: json!({"type": "survey.replied", "instrument": "NPS", "score": score}),
        }
    })
}

/// Each day somebody is answered in time, and somebody else two days later or never.
fn enquiries() -> impl Iterator<Item = Happening> {
    (0..DAYS)
        .flat_map(|day| {
            let tell = |case: &str, at, kind: &str| Happening {
                at,
                customer: (day * 7 + i64::from(case == "in-time") * 3) % CUSTOMERS,
                case: Some(format!("{case}-{day}")),
                body: json!({"type": kind}),
            };
            let late = if day % 2 == 0 { "late" } else { "never" };
            let answer = |case, at| tell(case, at, "enquiry.answered");
            [
                Some(tell("in-time", moment(day, 9 * 60 + 1), "enquiry.opened")),
                Some(tell(late, moment(day, 9 * 60 + 2), "enquiry.opened")),
                Some(answer("in-time", moment(day, 11 * 60 + 1))),
                (late == "late").then(|| answer("late", moment(day + 2, 10 * 60 + 1))),
            ]
        })
        .flatten()
}

impl Happening {
    fn line(&self) -> String {
        let Self {
            at,
            customer,
            case,
            body,
        } = self;
        let kind = body["type"].as_str().unwrap();
        json!({
            "event_id": format!("{kind} of {customer} at {at}"), "customer_id": format!("C-{customer:02}"),
            "case_id": case, "occurred_at": at.to_string(), "source": "bank", "body": body,
        })
        .to_string()
    }
}

/// Returns the moment so many minutes into a day.
pub(super) fn moment(day: i64, minutes: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().unwrap();
    begin + SignedDuration::from_mins(day * 24 * 60 + minutes)
}

fn branch(customer: i64) -> &'static str {
    in_turn(&BRANCHES, customer)
}

fn tier(customer: i64) -> &'static str {
    in_turn(&TIERS, customer / 4)
}

fn in_turn<T: Copy>(these: &[T], number: i64) -> T {
    these[usize::try_from(number).unwrap() % these.len()]
}
