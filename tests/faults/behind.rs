//! One shard upstream is two hours behind the others, which are up to date: cohorts wait for it.
//!
//! ```text
//!   shard 1      ──────────────────┤ held back by an open transaction ├──► comes at once
//!   shards 0, 2  ──────────────────────────────────────────────────────► live
//!   cohorts      ──────────────────┤ the clock stands                 ├──► the two hours close, in order of time
//!                             two hours ago                          now
//! ```
//!
//! The replies of the two hours are laid out such that half of them tell a lie: at the `mill` those of shard 1 promote and all
//! others detract, in turn, which is no shift; at the `harbour` only customers of shard 1 answer, and all detract. And a
//! customer of shard 1 was answered in time, but the answer is among what is held back.

use rdkafka::producer::Producer as _;
use serde_json::{Value, json};
use waymark::kafka::partition_of;
use waymark_engine::event::Timestamp;
use waymark_testkit::{Kafka, servers_or_skip, until};

use crate::client::Plain;
use crate::deployment::{Deployment, LONG, SHARDS, Worker};
use crate::outputs::{Outputs, published};
use crate::records::minutes_from_now;

/// The shard that is held back.
const BEHIND: i32 = 1;
/// The minute after the two hours at which their last hour closes; it has passed.
const NOW: i64 = 132;
/// Ten detractors in a row, some, are evidence enough.
const DEFINITION: &str = "\
definition: behind
version: '1'
nps:
  window: 7d
  shift: { false_alarms_per_year: 2 }
  cohorts: [{ by: branch, target: 0, expected: 2, values_max: 2, replies_per_year: 50 }]
rules:
  - id: enquiry-unanswered
    for: enquiry
    after: [enquiry.opened]
    expect: [enquiry.answered]
    within: 30m
    raise: { kind: enquiry_unanswered, severity: warning }
";

#[test]
fn a_shard_two_hours_behind_raises_no_false_alarm_and_misses_none() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "behind", &Kafka::shared(&servers).bootstrap());
    deployment.define(DEFINITION);
    let history = History::ending_now();
    let replayed = history.replayed(&deployment);

    let (client, events) = (deployment.client(), deployment.topic("events"));
    let upstream = client.transactional("a-slow-feed");
    upstream.begin_transaction().unwrap();
    client.send(&events, &history.records(false));
    for record in history.records(true) {
        record.send(&upstream, &events);
    }
    upstream.flush(LONG).unwrap();
    let mut worker = deployment.start(0);
    worker.runs();
    for shard in [0, 2] {
        client.send(&events, &[history.beat(shard, NOW)]);
        hear(&mut worker, shard, history.at(NOW));
    }
    stands_still(&mut worker, history.begin);
    let alerts = || published(&deployment, "alerts");
    let none: [String; 0] = [];
    assert_eq!(alerts(), none, "nobody is silent, nothing has shifted");

    upstream.commit_transaction(LONG).unwrap();
    let all = until(LONG, || {
        (alerts().len() >= replayed.alerts.len()).then_some(())
    });
    assert!(all.is_some(), "{:#?}{}", alerts(), worker.process.tail());
    deployment.settle(vec![worker]);
    assert_eq!(alerts(), replayed.alerts); // scores are of days, and two hours are none
    let told = replayed.alerts_in_words();
    let expected = ["enquiry_unanswered of silent", "nps_shift of harbour"];
    let mut pairs = told.iter().zip(expected);
    let all = pairs.all(|(told, alert)| told.starts_with(alert));
    assert!(told.len() == expected.len() && all, "{told:?}");
}

/// Waits until cohorts have heard that a shard has reached a time.
fn hear(worker: &mut Worker, shard: i32, at: Timestamp) {
    let label = format!(r#"shard="0",stage="cohort",upstream_shard="{shard}""#);
    let clock = || worker.metric_of("cohort", "waymark_upstream_stream_time_seconds", &label);
    let heard = until(LONG, || (clock() > seconds(at) - 0.5).then_some(()));
    assert!(heard.is_some(), "shard {shard} is live: {}", clock());
}

/// Waits until cohorts say whom they wait for; their clock stands where that one stands.
fn stands_still(worker: &mut Worker, at: Timestamp) {
    worker.shows(
        "/readyz?verbose",
        &format!("its clock waits for shard {BEHIND} of the stage before, which stands at {at}"),
    );
    let stands = worker.metric_of("cohort", "waymark_stream_time_seconds", r#"shard="0""#);
    assert!((stands - seconds(at)).abs() < 0.001, "{stands}");
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1_000.0
}

/// What happens to a customer, so many minutes into the two hours.
struct Event {
    shard: i32,
    minute: i64,
    customer: String,
    body: Value,
    branch: &'static str,
}

/// A moment is so many minutes after this one: all clocks stand here when one shard is held back.
struct History {
    begin: Timestamp,
    events: Vec<Event>,
}

impl Event {
    fn is_held_back(&self) -> bool {
        self.shard == BEHIND && self.minute > 0
    }
}

impl History {
    /// The two hours end with an hour whose grace is over by now.
    fn ending_now() -> Self {
        const HOUR: i64 = 3_600_000;
        let end = minutes_from_now(120 - NOW).as_millis() / HOUR * HOUR;
        let mut events = Vec::new();
        let mut tell = |shard, minute, name: &str, branch, body| {
            let customer = customer_of(shard, name);
            events.push(Event {
                shard,
                minute,
                customer,
                body,
                branch,
            });
        };
        for name in ["answered", "silent"] {
            tell(BEHIND, 0, name, "", json!({"type": "enquiry.opened"}));
        }
        tell(
            BEHIND,
            20,
            "answered",
            "",
            json!({"type": "enquiry.answered"}),
        );
        let reply = |score| json!({"type": "survey.replied", "instrument": "NPS", "score": score});
        for minute in (1..120).step_by(6) {
            tell(0, minute, &format!("miller-{minute}"), "mill", reply(2));
            tell(
                BEHIND,
                minute + 3,
                &format!("miller-{minute}"),
                "mill",
                reply(9),
            );
            tell(
                BEHIND,
                minute + 4,
                &format!("sailor-{minute}"),
                "harbour",
                reply(2),
            );
        }
        Self {
            begin: Timestamp::from_millis(end - 2 * HOUR).unwrap(),
            events,
        }
    }

    fn at(&self, minute: i64) -> Timestamp {
        Timestamp::from_millis(self.begin.as_millis() + 60_000 * minute).unwrap()
    }

    fn line(&self, event: &Event) -> String {
        let Event {
            customer,
            minute,
            body,
            branch,
            ..
        } = event;
        json!({
            "event_id": format!("{customer}-{minute}"), "customer_id": customer, "case_id": customer,
            "occurred_at": self.at(*minute).to_string(), "source": "web", "body": body,
            "dimensions": {"branch": branch},
        })
        .to_string()
    }

    fn heartbeat(&self, minute: i64) -> String {
        let at = self.at(minute).to_string();
        let body = json!({"type": "feed.heartbeat"});
        json!({"event_id": "beat", "occurred_at": at, "source": "web", "body": body}).to_string()
    }

    /// Returns what is held back, or all the rest.
    fn records(&self, is_held_back: bool) -> Vec<Plain> {
        let those = self.events.iter();
        let those = those.filter(|it| it.is_held_back() == is_held_back);
        let events = those.map(|it| plain(it.shard, &it.customer, self.line(it)));
        let beats = (0..SHARDS).filter(|_| !is_held_back);
        let beats = beats.map(|shard| self.beat(shard, 0));
        beats.chain(events).collect()
    }

    fn beat(&self, shard: i32, minute: i64) -> Plain {
        plain(shard, "web", self.heartbeat(minute))
    }

    /// Replays all of it in order of time, until now.
    fn replayed(&self, deployment: &Deployment) -> Outputs {
        let mut events: Vec<_> = self.events.iter().collect();
        events.sort_by_key(|event| event.minute);
        let mut lines = vec![self.heartbeat(0)];
        lines.extend(events.into_iter().map(|event| self.line(event)));
        lines.push(self.heartbeat(NOW));
        Outputs::replayed(deployment, &lines)
    }
}

fn plain(partition: i32, key: &str, value: String) -> Plain {
    Plain {
        partition,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value.into_bytes()),
        ..Plain::default()
    }
}

/// Returns a customer that is at home in a shard.
fn customer_of(shard: i32, name: &str) -> String {
    let is_home = |it: &String| partition_of(it.as_bytes(), SHARDS.unsigned_abs()) == shard;
    let mut names = (0..).map(|number| format!("{name}-{number}"));
    names.find(is_home).unwrap()
}
