//! However a history is cut into steps, whatever waits to be flushed and however few timers are loaded: the outcome is that of
//! one engine over everything, byte for byte, in the same order.
//!
//! Histories are invented, with disorder, duplicates, broken records, records ahead of their time and, in a stage of two
//! shards, customers of the other one. The reference knows no steps, no store and no limits; it is told where ticks were.

use std::collections::BTreeMap;

use waymark_engine::event::{Event, Kind, Rejection, decode_json};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;
use waymark_engine::stage::Table;

use super::*;
use crate::pipeline::worker::fixture::Chance;
use crate::simulate::{Options, Simulation};

const WEEK_MILLIS: i64 = 7 * 24 * 3_600_000;

/// What a shard has said and kept at the end of a history.
#[derive(Debug, Default)]
struct Told {
    alerts: Vec<String>,
    deltas: Vec<String>,
    /// By offset, with the reason of a dead letter.
    set_aside: Vec<(Offset, Option<Reason>)>,
    books: Books,
    states: BTreeMap<Key, Vec<u8>>,
    stream_time: Option<Timestamp>,
}

impl Told {
    fn add(&mut self, alerts: &[Alert], deltas: &[Delta]) {
        let json = |value: serde_json::Result<String>| value.expect("alerts and deltas are JSON");
        let alerts = alerts.iter().map(serde_json::to_string).map(json);
        self.alerts.extend(alerts);
        let deltas = deltas.iter().map(serde_json::to_string).map(json);
        self.deltas.extend(deltas);
    }

    /// Returns where two accounts part, if they do.
    fn difference(&self, expected: &Told) -> Option<String> {
        let end = |it: &Told| (it.books.clone(), it.stream_time);
        first_difference("alert", &self.alerts, &expected.alerts)
            .or_else(|| first_difference("delta", &self.deltas, &expected.deltas))
            .or_else(|| first_difference("set aside", &self.set_aside, &expected.set_aside))
            .or_else(|| first_difference("end", [&end(self)], [&end(expected)]))
            .or_else(|| first_difference("state", &self.states, &expected.states))
    }

    fn set_aside(&mut self, offset: Offset, outcome: &Outcome) {
        match outcome {
            Outcome::DeadLettered(it) => self.set_aside.push((offset, Some(it.reason))),
            Outcome::Late => self.set_aside.push((offset, None)),
            Outcome::Applied | Outcome::Duplicate | Outcome::Ignored => {}
        }
    }
}

fn first_difference<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: impl IntoIterator<Item = T>,
    expected: impl IntoIterator<Item = T>,
) -> Option<String> {
    let (mut found, mut expected) = (found.into_iter(), expected.into_iter());
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return None,
            (found, expected) if found != expected => {
                return Some(format!("{what} {found:?}\ninstead of {expected:?}"));
            }
            _ => {}
        }
    }
}

/// A tick: V, and where it has moved stream time.
type Tick = (Offset, Timestamp);

#[test]
fn no_cut_changes_what_comes_out() {
    let (mut alerts, mut storms) = (0, 0);
    for seed in 0..48 {
        let partitions = 1 + u32::try_from(seed % 3 / 2).expect("one or two");
        let items = history(seed);
        let mut run = Run::new(seed, partitions);
        run.take_all(&items);
        let told = run.finish();
        let expected = reference(&items, &run.ticks, partitions);
        if let Some(difference) = told.difference(&expected) {
            panic!("seed {seed}: {difference}");
        }
        alerts += told.alerts.len();
        storms += run.storms;
    }
    assert!(
        alerts > 1000 && storms > 100,
        "too quiet to prove anything: {alerts} alerts, {storms} storms"
    );
}

/// A history as a partition holds it. In every second one things happen
/// once a week, so that many timers fall on one moment.
fn history(seed: u64) -> Vec<Item> {
    let mut chance = Chance::new(seed);
    let options = Options {
        seed,
        customers: 20,
        events: 300,
        start: Timestamp::parse("2026-01-05T00:00:00Z").expect("a time"),
        disorder: Duration::from_mins(90),
        duplicates: "0.03".parse().expect("a share"),
        bad: "0.03".parse().expect("a share"),
    };
    let (mut offset, mut latest) = (0, Timestamp::MIN);
    let mut items = Vec::new();
    for arrival in Simulation::new(&options) {
        let mut decoded = decode_json(arrival.json().as_bytes());
        offset += 1 + i64::from(chance.percent(5)) * 2; // markers and what was aborted
        let mut appended_at = latest;
        if let Ok(Decoded::Event(event)) = &mut decoded {
            if seed.is_multiple_of(2) {
                let millis = event.occurred_at.as_millis();
                event.occurred_at =
                    Timestamp::from_millis(millis - millis % WEEK_MILLIS).expect("a time");
            }
            latest = latest.max(event.occurred_at);
            appended_at = latest;
            if chance.percent(3) {
                event.occurred_at = latest + Duration::from_hours(24 * 400);
            }
        }
        items.push(Item {
            offset: Offset(offset),
            appended_at,
            condemned: None,
            decoded,
        });
    }
    items
}

/// A shard that takes a history in steps.
struct Run {
    rig: Rig,
    chance: Chance,
    told: Told,
    ticks: Vec<Tick>,
    /// Steps cut because more timers were due than loaded.
    storms: usize,
}

impl Run {
    fn new(seed: u64, partitions: u32) -> Self {
        let mut rig = Rig::new(partitions);
        let mut chance = Chance::new(seed + 1000);
        rig.timers = [1, 2, 3, 1000][chance.below(4)];
        Self {
            rig,
            chance,
            told: Told::default(),
            ticks: Vec::new(),
            storms: 0,
        }
    }

    fn take_all(&mut self, items: &[Item]) {
        let mut rest = items;
        while !rest.is_empty() {
            if self.chance.percent(10) {
                self.tick();
            }
            let size = 1 + self.chance.below(rest.len().min(40));
            let step = self.rig.busy(&rest[..size]).expect("a good step");
            let taken = usize::try_from(step.records).expect("few");
            assert_eq!(step.cut, taken < size);
            self.storms += usize::from(step.cut);
            for (place, outcome) in &step.set_aside {
                self.told.set_aside(rest[*place].offset, outcome);
            }
            rest = &rest[taken..];
            self.commit(step);
            if self.chance.percent(40) {
                self.rig.flush();
            }
        }
    }

    fn tick(&mut self) {
        let Some(now) = self.rig.shard.progress.stream_time else {
            return;
        };
        let hours = self.chance.below(100) as u64;
        let target = now + Duration::from_hours(hours);
        let step = self.rig.tick(target);
        let to = step.progress.stream_time.expect("it has moved");
        assert!(to <= target);
        self.ticks.push((step.progress.position, to));
        self.commit(step);
    }

    fn commit(&mut self, step: Decided) {
        let before = &self.rig.shard.progress;
        assert!(step.progress.position >= before.position, "V never falls");
        assert!(
            step.progress.stream_time >= before.stream_time,
            "stream time never falls"
        );
        assert_eq!(step.progress.step, before.step.next());
        self.told.add(&step.alerts, &step.deltas);
        self.told.books.add(&step.books);
        self.rig.commit(step);
    }

    /// Lets a quarter pass without input, and compares what the store holds with the changelog.
    fn finish(&mut self) -> Told {
        let now = self
            .rig
            .shard
            .progress
            .stream_time
            .expect("something was read");
        let end = now + Duration::from_hours(24 * 90);
        while self.rig.shard.progress.stream_time < Some(end) {
            let step = self.rig.tick(end);
            let to = step.progress.stream_time.expect("it has moved");
            self.ticks.push((step.progress.position, to));
            self.commit(step);
            if self.chance.percent(40) {
                self.rig.flush();
            }
        }
        self.rig.flush();
        let mut told = std::mem::take(&mut self.told);
        assert_eq!(told.books, self.rig.shard.progress.books);
        assert!(told.books.balance());
        told.states = self.rig.changelog.clone();
        told.stream_time = Some(end);
        let as_it_should = |(key, value): (&Key, &Vec<u8>)| {
            let due = Journey::decode(value).expect("a state").due;
            (Key::clone(key), (value.clone(), due))
        };
        let folded: BTreeMap<_, _> = told.states.iter().map(as_it_should).collect();
        assert_eq!(
            self.rig.stored(),
            folded,
            "the store is the changelog, folded, and its index true"
        );
        told
    }
}

/// One engine with everything on one table.
fn reference(items: &[Item], ticks: &[Tick], partitions: u32) -> Told {
    let rules = Rules::new(waymark_engine::definition::Definition::shipped_default());
    let mut engine = Shard::new(rules, None);
    let (mut table, mut derived, mut told) =
        (Table::<Journey>::new(), Derived::default(), Told::default());
    let mut ticks = ticks.iter().peekable();
    for item in items {
        while let Some((_, to)) = ticks.next_if(|(position, _)| *position <= item.offset) {
            engine.advance(&mut table, *to, &mut derived);
        }
        let outcome = match &item.decoded {
            Ok(Decoded::Event(event)) if is_elsewhere(event, partitions) => {
                Outcome::DeadLettered(Rejection::new(Reason::WrongShard, ""))
            }
            Ok(Decoded::Event(event)) => {
                let not_after = item.appended_at + MAX_SKEW;
                engine.take(&mut table, event, not_after, &mut derived)
            }
            Ok(Decoded::Ignored { .. }) => Outcome::Ignored,
            Err(rejection) => Outcome::DeadLettered(rejection.clone()),
        };
        told.books.enter(&outcome);
        told.set_aside(item.offset, &outcome);
    }
    for (_, to) in ticks {
        engine.advance(&mut table, *to, &mut derived);
    }
    told.add(&derived.alerts, &derived.deltas);
    told.stream_time = engine.stream_time();
    let states = table.states().into_iter();
    told.states = states
        .map(|(key, state)| (Key::clone(key), state.encode()))
        .collect();
    told
}

/// Whether a customer is not at home in shard 0.
fn is_elsewhere(event: &Event, partitions: u32) -> bool {
    let home = |customer: &CustomerId| partition_of(customer.as_str().as_bytes(), partitions);
    let customer = event.customer.as_ref().map(home);
    event.kind() != Kind::FeedHeartbeat && customer.is_some_and(|home| home != 0)
}
