//! A shard run once more: by the clocks of its deployment, and to where that has stopped.

use std::time::Duration;

use rdkafka::Timestamp as Appended;
use rdkafka::message::OwnedMessage;
use waymark_engine::definition::Definition;
use waymark_engine::derived::Alert;
use waymark_engine::event::{Decoded, decode_json};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;

use super::*;
use crate::pipeline::stage::{CustomerStage, Schemas};
use crate::protocol::{Lineage, RandomIds, ShardId};

const CUSTOMERS: [&str; 4] = ["C-1", "C-2", "C-3", "C-4"];
/// All of them submit an application at this moment, and hear nothing.
const SUBMITTED: &str = "2026-03-02T09:00:00Z";
/// A heartbeat after everything has stalled.
const LATER: &str = "2026-12-02T09:00:00Z";

struct One;

impl RandomIds for One {
    fn bits(&mut self) -> u128 {
        1
    }
}

fn stage() -> CustomerStage {
    CustomerStage {
        rules: Arc::new(Rules::new(Definition::shipped_default())),
        schemas: Schemas::default(),
        max_skew: Duration::ZERO,
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a literal")
}

fn submitted(customer: &str) -> String {
    format!(
        r#"{{"event_id":"{customer}","customer_id":"{customer}","occurred_at":"{SUBMITTED}","source":"los",
            "application_id":"L-1","body":{{"type":"application.submitted","product":"term-loan"}}}}"#
    )
}

fn heartbeat() -> String {
    format!(
        r#"{{"event_id":"h","occurred_at":"{LATER}","source":"los","body":{{"type":"feed.heartbeat"}}}}"#
    )
}

fn record(offset: usize, value: String, appended: &str) -> OwnedMessage {
    OwnedMessage::new(
        Some(value.into_bytes()),
        None,
        "events".to_owned(),
        Appended::CreateTime(at(appended).as_millis()),
        0,
        i64::try_from(offset).expect("few"),
        None,
    )
}

fn records() -> Vec<OwnedMessage> {
    let submitted = CUSTOMERS.map(submitted).into_iter().enumerate();
    submitted
        .map(|(offset, value)| record(offset, value, SUBMITTED))
        .collect()
}

/// The deployment: what it has done by some moment.
struct Deployed {
    engine: Shard<Arc<Rules>>,
    table: Table<Journey>,
    alerts: Vec<Alert>,
}

impl Deployed {
    /// It has taken all records.
    fn new() -> Self {
        let mut engine = Shard::new(Arc::clone(stage().processor()), None);
        let (mut table, mut derived) = (Table::new(), Derived::default());
        for value in CUSTOMERS.map(submitted) {
            let Ok(Decoded::Event(event)) = decode_json(value.as_bytes()) else {
                panic!("{value}")
            };
            engine.take(&mut table, &event, at(SUBMITTED), &mut derived);
        }
        assert!(derived.alerts.is_empty());
        Self {
            engine,
            table,
            alerts: derived.alerts,
        }
    }

    /// Returns when the first timers ring: those of all customers, at one moment.
    fn rings(&self) -> Timestamp {
        let due = self.table.due_by(Timestamp::MAX);
        let (first, ..) = *due.first().expect("each application may stall");
        assert_eq!(self.table.due_by(first).len(), CUSTOMERS.len());
        first
    }

    /// A step in the storm of timers ends behind that of a customer.
    fn fire_up_to(&mut self, due: Timestamp, customer: &str) {
        let mut derived = Derived::default();
        let last = (due, customer.into());
        self.engine
            .advance_to_timer(&mut self.table, &last, &mut derived);
        self.alerts.append(&mut derived.alerts);
    }

    fn progress(&self) -> Progress {
        let mut books = Books::default();
        for _ in CUSTOMERS {
            books.enter(&Outcome::Applied);
        }
        let lineage = Lineage::new(&mut One);
        let mut progress = Progress::begin(lineage, "g", ShardId(0), 1, Offset(0));
        progress.position = Offset(4);
        progress.stream_time = self.engine.stream_time();
        progress.books = books;
        progress
    }

    fn values(&self) -> HashMap<Key, Vec<u8>> {
        values(&self.table)
    }
}

fn values(table: &Table<Journey>) -> HashMap<Key, Vec<u8>> {
    let states = table.states().into_iter();
    states
        .map(|(key, state)| (key.clone(), state.encode()))
        .collect()
}

/// A run once more, and what it leads to.
struct Again {
    values: HashMap<Key, Vec<u8>>,
    alerts: Vec<Alert>,
    progress: Progress,
    wrong_clocks: Vec<(Clock, Option<Timestamp>)>,
}

/// Runs the records once more; `next` is what stands at V.
fn again(deployed: &Deployed, clocks: &[Clock], next: Option<String>) -> Again {
    let (stage, last) = (stage(), deployed.progress());
    let history = History {
        given_up: HashMap::new(),
        clocks: clocks.to_vec(),
    };
    let mut run = Rerun::new(&stage, &last, history);
    let mut derived = Derived::default();
    for record in records() {
        let outcome = run.take(&record, &mut derived).expect("no registry");
        assert_eq!(outcome, Outcome::Applied);
    }
    let next = next.map(|value| record(CUSTOMERS.len(), value, LATER));
    let reaches = next.and_then(|next| run.reaches(&run.item(&next).expect("no registry")));
    run.end(&last, reaches, &deployed.values(), &mut derived);
    Again {
        values: values(&run.table),
        alerts: derived.alerts,
        progress: run.progress(&last),
        wrong_clocks: run.wrong_clocks,
    }
}

fn clock(position: i64, stream_time: Timestamp, tick: bool) -> Clock {
    Clock {
        position: Offset(position),
        stream_time,
        tick,
    }
}

#[test]
fn a_deployment_may_have_stopped_anywhere_in_a_storm_of_timers() {
    for customer in CUSTOMERS {
        let mut deployed = Deployed::new();
        let rings = deployed.rings();
        deployed.fire_up_to(rings, customer);
        let told = clock(4, rings, false);
        for clocks in [&[][..], &[told]] {
            let again = again(&deployed, clocks, Some(heartbeat()));
            assert_eq!(again.alerts, deployed.alerts, "{customer}");
            assert!(again.values == deployed.values(), "{customer}");
            assert_eq!(again.progress.stream_time, Some(rings));
            assert!(again.wrong_clocks.is_empty(), "{:?}", again.wrong_clocks);
        }
    }
}

#[test]
fn a_deployment_may_have_stopped_in_a_storm_that_a_tick_has_raised() {
    for customer in CUSTOMERS {
        let mut deployed = Deployed::new();
        let rings = deployed.rings();
        let mut clocks = Vec::new();
        let mut time = at(SUBMITTED);
        while time < rings {
            time = rings.min(time + Duration::from_mins(1));
            clocks.push(clock(4, time, true));
        }
        deployed.fire_up_to(rings, customer);
        let again = again(&deployed, &clocks, None);
        assert_eq!(again.alerts, deployed.alerts, "{customer}");
        assert!(again.values == deployed.values(), "{customer}");
        assert!(again.wrong_clocks.is_empty(), "{:?}", again.wrong_clocks);
    }
}

#[test]
fn timers_that_nothing_has_reached_do_not_fire() {
    let mut deployed = Deployed::new();
    let rings = deployed.rings();
    deployed.fire_up_to(rings, "C-2");
    let again = again(&deployed, &[clock(4, rings, false)], None);
    assert!(again.alerts.is_empty());
    assert_eq!(again.progress.stream_time, Some(at(SUBMITTED)));
    assert_eq!(again.wrong_clocks.len(), 1);
}

#[test]
fn a_timer_that_was_passed_over_in_a_storm_is_missed() {
    let mut deployed = Deployed::new();
    let rings = deployed.rings();
    let unfired = deployed.values()["C-2"].clone();
    deployed.fire_up_to(rings, "C-3");
    let again_values = {
        let mut values = deployed.values();
        values.insert("C-2".into(), unfired);
        values
    };
    let (stage, last) = (stage(), deployed.progress());
    let history = History {
        given_up: HashMap::new(),
        clocks: Vec::new(),
    };
    let mut run = Rerun::new(&stage, &last, history);
    let mut derived = Derived::default();
    for record in records() {
        run.take(&record, &mut derived).expect("no registry");
    }
    run.end(&last, Some(at(LATER)), &again_values, &mut derived);
    assert_eq!(derived.alerts, deployed.alerts, "that of C-2 is among them");
    assert!(values(&run.table)["C-2"] != again_values["C-2"]);
}

#[test]
fn a_clock_tells_the_time_that_it_is_there() {
    let deployed = Deployed::new();
    let (begun, minute) = (at(SUBMITTED), Duration::from_mins(1));
    let wrong = |clocks: &[Clock]| {
        let again = again(&deployed, clocks, Some(heartbeat()));
        let wrong = again.wrong_clocks.into_iter();
        wrong.map(|(clock, _)| clock).collect::<Vec<_>>()
    };
    let right = [
        clock(1, begun, false),
        clock(3, begun, false),
        clock(3, begun + minute, true),
        clock(4, begun + minute, false),
    ];
    // The ticks move time on, beyond what the deployment's last step says; here only the clocks are looked at.
    assert_eq!(wrong(&right), []);

    let forged = [
        clock(1, begun + minute, false),              // ahead
        clock(1, begun - minute, false),              // behind
        clock(0, begun, false),                       // before anything was read
        clock(1, begun + minute + minute / 60, true), // a tick that goes too far
        clock(1, begun - minute, true),               // or back
        clock(5, begun, false),                       // beyond the last step
    ];
    for forged in forged {
        assert_eq!(wrong(&[forged]), [forged], "{forged:?}");
    }
    let back = [clock(3, begun, false), clock(2, begun, false)];
    assert_eq!(wrong(&back), back[1..], "V never falls");
}
