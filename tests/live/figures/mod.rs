//! The figures of a deployment are those of a replay of the same file, and those computed by hand.
//!
//! Two histories: the airport surveys of two years, and an invented year in which one branch falls and one rises. Each goes
//! through Kafka, through `waymark replay`, and through [`ByHand`], which shares no code with either. What must agree:
//! scores with their intervals at the close of every day, waves with their comparison, and shifts.
//!
//! In both histories each reply arrives before its day closes. Of one that comes later, replay and deployment may differ,
//! and rightly: the clock of cohorts on Kafka is that of the slowest shard, so a day may close later than in a file, and
//! tell of a reply that the file's score of that day has missed.

mod by_hand;
mod survey;
mod year;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jiff::civil::Date;
use rdkafka::Message as _;
use serde_json::{Value, json};
use waymark_testkit::{Kafka, Servers, until};

use self::by_hand::ByHand;
use crate::client::Plain;
use crate::deployment::{Deployment, LONG, SHARDS};
use crate::nps::Tally;

/// What is kept of NPS: what a definition says, in a form that both sides understand.
pub(crate) struct Plan {
    zone: &'static str,
    window_days: i32,
    cohorts: &'static [CohortBy],
    /// `month`, `quarter` or `year`, and the first day of the one that a day lies in.
    waves: &'static str,
    wave_of: fn(Date) -> Date,
    baseline_replies: usize,
    tolerance: f64,
    false_alarms_per_year: f64,
}

pub(crate) struct CohortBy {
    by: &'static str,
    expected: u32,
    replies_per_year: f64,
}

/// A shift, and whether it was raised or resolved, in which hour.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shift {
    cohort: String,
    direction: &'static str,
    status: &'static str,
    hour: String,
}

/// A history.
struct History {
    /// Its events, in the order of arrival.
    lines: Vec<String>,
    /// The moment at which its last day closes.
    end: &'static str,
    /// The day that begins then.
    end_day: Date,
    /// Cohorts whose waves are compared; to ask for all would take a while.
    cohorts: &'static [&'static str],
}

/// What one run told, as it was written.
struct Figures {
    scores: BTreeSet<String>,
    shifts: BTreeSet<String>,
    /// Of each cohort that was looked at: its waves and how they differ.
    waves: BTreeMap<String, Value>,
}

impl Plan {
    fn definition(&self) -> String {
        let cohort = |it: &CohortBy| {
            let CohortBy {
                by,
                expected,
                replies_per_year,
            } = it;
            format!(
                "    - {{ by: {by}, expected: {expected}, values_max: 20, replies_per_year: {replies_per_year} }}"
            )
        };
        format!(
            "\
definition: figures
version: '1'
zone: {}
nps:
  window: {}d
  waves: {}
  shift: {{ baseline_replies: {}, tolerance: {}, false_alarms_per_year: {} }}
  cohorts:
{}
",
            self.zone,
            self.window_days,
            self.waves,
            self.baseline_replies,
            self.tolerance,
            self.false_alarms_per_year,
            self.cohorts
                .iter()
                .map(cohort)
                .collect::<Vec<_>>()
                .join("\n")
        )
    }

    /// Returns A: the replies a year of a cohort over its share of the false alarms, which all cohorts share, either way.
    fn threshold(&self, cohort: &str) -> f64 {
        let (by, _) = cohort.split_once('=').unwrap();
        let cohort = self.cohorts.iter().find(|it| it.by == by).unwrap();
        let detectors: u32 = self.cohorts.iter().map(|it| 2 * it.expected).sum();
        cohort.replies_per_year * f64::from(detectors) / self.false_alarms_per_year
    }
}

/// Takes a history through Kafka, through a file and by hand, and holds the three together. Returns the shifts.
fn agree(servers: &Servers, name: &str, plan: &'static Plan, history: &History) -> BTreeSet<Shift> {
    let by_hand = ByHand::of(plan, &history.lines);
    let deployment = Deployment::create(servers, name, &Kafka::shared(servers).bootstrap());
    deployment.define(&plan.definition());
    let from_file = replayed(&deployment, history);
    let from_kafka = ran(&deployment, history, &from_file);

    assert_same(&from_kafka.scores, &from_file.scores);
    assert_same(&from_kafka.shifts, &from_file.shifts);
    for (cohort, waves) in &from_kafka.waves {
        assert_eq!(waves, &from_file.waves[cohort], "{cohort}");
    }

    assert_scores(&from_kafka, &by_hand.scores(history.end_day));
    assert_waves(&from_file, &by_hand.waves());
    let shifts = from_kafka.shifts.iter().map(|it| Shift::read(it)).collect();
    assert_eq!(shifts, by_hand.shifts());
    shifts
}

/// Runs both stages over the history until every day of it has been told.
fn ran(deployment: &Deployment, history: &History, like: &Figures) -> Figures {
    let events = history.lines.iter().map(|line| Plain {
        partition: -1, // where its key belongs
        key: Some(customer(line).into_bytes()),
        value: Some(line.clone().into_bytes()),
        ..Plain::default()
    });
    let last = (0..SHARDS).map(|partition| Plain {
        partition,
        key: Some(b"survey".to_vec()),
        value: Some(history.last_line().into_bytes()),
        ..Plain::default()
    });
    let (client, topic) = (deployment.client(), deployment.topic("events"));
    client.send(&topic, &events.chain(last).collect::<Vec<_>>());
    let mut worker = deployment.start(0);
    let told = |topic: &str| -> BTreeSet<String> {
        let records = client.read(&deployment.topic(topic));
        let text = |record: &rdkafka::message::OwnedMessage| {
            String::from_utf8(record.payload().unwrap().to_vec()).unwrap()
        };
        records.iter().map(text).collect()
    };
    // Time goes on by ticks, but to no further day: a minute of it for each.
    let all = until(LONG, || {
        let scores = told("scores");
        (scores.len() >= like.scores.len()).then_some(scores)
    });
    let scores = all.unwrap_or_else(|| panic!("{}{}", told("scores").len(), worker.process.tail()));
    worker.stop();
    deployment.assert_fine_with_store();
    let inspected = |cohort: &&str| {
        let told = deployment.must(&["inspect", "cohort", cohort, "-o", "json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        ((*cohort).to_owned(), waves(&told["series"][0]))
    };
    Figures {
        scores,
        shifts: told("alerts"),
        waves: history.cohorts.iter().map(inspected).collect(),
    }
}

/// Replays the same lines from a file.
fn replayed(deployment: &Deployment, history: &History) -> Figures {
    let mut lines = history.lines.clone();
    lines.push(history.last_line());
    let out = deployment.replay(&lines);
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let lines = |name: &str| read(name).lines().map(str::to_owned).collect();
    let summary: Value = serde_json::from_str(&read("summary.json")).unwrap();
    let each = summary["nps"].as_array().unwrap().iter();
    Figures {
        scores: lines("scores.jsonl"),
        shifts: lines("alerts.jsonl"),
        waves: each.map(|it| (cohort(&it["score"]), waves(it))).collect(),
    }
}

fn assert_scores(told: &Figures, by_hand: &BTreeMap<by_hand::Close, Tally>) {
    let told: BTreeMap<by_hand::Close, Value> = told
        .scores
        .iter()
        .map(|line| {
            let score: Value = serde_json::from_str(line).unwrap();
            let day = score["to"].as_str().unwrap().parse().unwrap();
            ((cohort(&score), day), score)
        })
        .collect();
    let [ours, theirs] = [
        told.keys().collect::<BTreeSet<_>>(),
        by_hand.keys().collect(),
    ];
    assert_same(&ours, &theirs);
    for (close, tally) in by_hand {
        let score = &told[close];
        for (part, count) in tally.as_json().as_object().unwrap() {
            assert_eq!(&score[part], count, "{close:?} {part}");
        }
        assert_eq!(score["replies"], tally.replies(), "{close:?}");
        assert_eq!(score["verdict"], tally.verdict(), "{close:?}");
        if tally.replies() == 0 {
            assert_eq!(
                [&score["nps"], &score["low"], &score["high"]],
                [&Value::Null; 3]
            );
            continue;
        }
        let [low, high] = tally.interval();
        assert_close(&score["nps"], tally.nps());
        assert_close(&score["low"], low);
        assert_close(&score["high"], high);
    }
}

fn assert_waves(told: &Figures, by_hand: &BTreeMap<String, BTreeMap<Date, Tally>>) {
    for (cohort, waves) in by_hand {
        let told = &told.waves[cohort];
        let tallies: Vec<_> = waves
            .iter()
            .map(|(from, tally)| json!([from.to_string(), tally.as_json()]))
            .collect();
        let waves_told = told["waves"].as_array().unwrap().iter();
        let waves_told = waves_told.map(|it| json!([it["period"]["from"], it["tally"]]));
        assert_eq!(waves_told.collect::<Vec<_>>(), tallies, "{cohort}");

        let tallies: Vec<_> = waves.values().collect();
        let comparisons = told["comparisons"].as_array().unwrap();
        assert_eq!(comparisons.len(), tallies.len() - 1, "{cohort}");
        for (pair, comparison) in tallies.windows(2).zip(comparisons) {
            let points = pair[1].nps() - pair[0].nps();
            let half_width = 196.0 * (pair[0].variance() + pair[1].variance()).sqrt();
            assert_close(&comparison["points"], points);
            assert_close(&comparison["half_width"], half_width);
            assert_eq!(comparison["differs"], points.abs() > half_width, "{cohort}");
        }
    }
}

fn assert_close(told: &Value, computed: f64) {
    let told = told.as_f64().unwrap();
    let apart = (told - computed).abs();
    assert!(apart < 1e-9, "{told}, computed {computed}");
}

/// Tells the first few differences: the sets are long.
fn assert_same<T: Ord + std::fmt::Debug>(ours: &BTreeSet<T>, theirs: &BTreeSet<T>) {
    let only = |one: &BTreeSet<T>, other: &BTreeSet<T>| -> String {
        let only: Vec<_> = one.difference(other).take(3).collect();
        format!("{only:#?}")
    };
    let (here, there) = (only(ours, theirs), only(theirs, ours));
    assert!(ours == theirs, "only here: {here}\nonly there: {there}");
}

impl History {
    /// A heartbeat that closes the last day, in every shard.
    fn last_line(&self) -> String {
        let end = self.end;
        json!({"event_id": "end", "occurred_at": end, "source": "survey", "body": {"type": "feed.heartbeat"}}).to_string()
    }
}

impl Shift {
    fn read(line: &str) -> Self {
        let alert: Value = serde_json::from_str(line).unwrap();
        let one_of = |told: &Value, names: [&'static str; 2]| {
            let name = names.into_iter().find(|name| told == name);
            name.unwrap_or_else(|| panic!("{told} is none of {names:?}"))
        };
        Self {
            cohort: cohort(&alert),
            direction: one_of(&alert["details"]["direction"], ["fall", "rise"]),
            status: one_of(&alert["status"], ["raised", "resolved"]),
            hour: alert["occurred_at"].as_str().unwrap()[..13].to_owned(),
        }
    }
}

fn waves(series: &Value) -> Value {
    json!({"waves": series["waves"], "comparisons": series["comparisons"]})
}

/// Returns the name of the cohort of a score or an alert.
fn cohort(told: &Value) -> String {
    let part = |name: &str| told["cohort"][name].as_str().unwrap().to_owned();
    part("dimension") + "=" + &part("value")
}

fn customer(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["customer_id"].as_str().unwrap().to_owned()
}
