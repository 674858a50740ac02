//! The cohort stage: whichever shard upstream is faster and however its records are cut into steps, scores, shifts and states
//! are those of one thread over all replies in order.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::message::OwnedMessage;
use waymark_engine::cohort::Cohorts;
use waymark_engine::definition::Definition;
use waymark_engine::derived::{Category, CohortName, Series};
use waymark_engine::event::{EventHash, Instrument};
use waymark_engine::stage::Table;

use super::*;
use crate::pipeline::stage::{CohortStage, Item, Schemas};
use crate::pipeline::worker::fixture::Chance;
use crate::protocol::{ShardId, Told, What};

type News = <CohortStage as Stage>::Input;

const UPSTREAM: u32 = 3;
const HOUR: Duration = Duration::from_hours(1);

fn stage() -> CohortStage {
    let definition = Definition::shipped_default();
    CohortStage {
        schemas: Schemas::default(),
        cohorts: Arc::new(Cohorts::of(&definition).expect("it keeps scores")),
        upstream_shards: UPSTREAM,
    }
}

fn begin() -> Timestamp {
    Timestamp::parse("2026-01-05T00:00:00Z").expect("a time")
}

/// Replies of six weeks, one an hour: content for most of them, then not at all.
fn replies(seed: u64) -> Vec<Delta> {
    let mut chance = Chance::new(seed);
    let reply = |hour: u32| {
        let promoter = chance.percent(if hour < 700 { 60 } else { 10 });
        let score = if promoter { 9 } else { 3 };
        Delta {
            event_hash: EventHash::of(&format!("{seed}-{hour}")),
            occurred_at: begin() + HOUR * hour + Duration::from_secs(chance.below(3_000) as u64),
            cohort: CohortName::new("branch", &format!("{}", chance.below(10) / 9)),
            series: Series {
                instrument: Instrument::Nps,
                touchpoint: "".into(),
                score_dimension: "".into(),
            },
            from: None,
            from_day: None,
            to: Category::of(score),
            score: Some(score),
        }
    };
    (0..1_000).map(reply).collect()
}

fn end() -> Timestamp {
    begin() + HOUR * 24 * 50
}

/// What each shard upstream tells: its replies in order, a clock now and then, at last all of them that the time is over.
fn told(replies: &[Delta], chance: &mut Chance) -> Vec<Vec<Told<'static>>> {
    let mut channels: Vec<Vec<Told<'static>>> = vec![Vec::new(); UPSTREAM as usize];
    let mut tell = |shard: usize, what| {
        let channel = &mut channels[shard];
        channel.push(Told {
            upstream_shard: ShardId(i32::try_from(shard).expect("few")),
            number: channel.len() as u64 + 1,
            what,
        });
    };
    for delta in replies {
        let shard = chance.below(UPSTREAM as usize);
        tell(shard, What::Delta(Cow::Owned(delta.clone())));
        if chance.percent(20) {
            tell(shard, clock(delta.occurred_at));
        }
    }
    for shard in 0..UPSTREAM as usize {
        tell(shard, clock(end()));
    }
    channels
}

fn clock(stream_time: Timestamp) -> What<'static> {
    What::Clock {
        position: Offset(0),
        stream_time,
        tick: false,
    }
}

/// One partition of what they tell: each shard's records in their order, one or the other for a while.
fn interleaved(channels: Vec<Vec<Told<'static>>>, chance: &mut Chance) -> Vec<Item<News>> {
    let mut channels: Vec<_> = channels.into_iter().map(Vec::into_iter).collect();
    let mut items = Vec::new();
    while !channels.is_empty() {
        let place = chance.below(channels.len());
        for told in channels[place].by_ref().take(1 + chance.below(200)) {
            items.push(heard(items.len(), &told));
        }
        channels.retain(|channel| channel.len() > 0);
    }
    items
}

fn heard(place: usize, told: &Told<'_>) -> Item<News> {
    let value = serde_json::to_vec(told).expect("it is JSON");
    let at = rdkafka::Timestamp::NotAvailable;
    let record = OwnedMessage::new(Some(value), None, String::new(), at, 0, 0, None);
    Item {
        offset: Offset(i64::try_from(place).expect("few")),
        appended_at: Timestamp::MIN,
        condemned: None,
        decoded: stage().decode(&record).expect("no registry is asked"),
    }
}

/// What the stage has said, in an order that does not depend on that of its keys, and what it keeps.
#[derive(Debug, Default, PartialEq)]
struct Account {
    alerts: Vec<String>,
    scores: Vec<String>,
    states: BTreeMap<Key, Vec<u8>>,
    stream_time: Option<Timestamp>,
}

impl Account {
    fn add(&mut self, alerts: &[Alert], scores: &[Score]) {
        let json = |value: serde_json::Result<String>| value.expect("it is JSON");
        self.alerts
            .extend(alerts.iter().map(|it| json(serde_json::to_string(it))));
        self.scores
            .extend(scores.iter().map(|it| json(serde_json::to_string(it))));
    }

    fn sorted(mut self) -> Self {
        self.alerts.sort();
        self.scores.sort();
        self
    }
}

/// One thread over all replies in order.
fn reference(replies: &[Delta]) -> Account {
    let stage = stage();
    let mut engine = Shard::new(Arc::clone(stage.processor()), None);
    let (mut table, mut derived) = (Table::new(), Derived::default());
    for delta in replies {
        engine.advance(&mut table, delta.occurred_at, &mut derived);
        let key = delta.cohort.to_string();
        let outcome = engine.apply(&mut table, &key, delta, &mut derived);
        assert_eq!(outcome, Outcome::Applied);
    }
    engine.advance(&mut table, end(), &mut derived);
    let mut account = Account::default();
    account.add(&derived.alerts, &derived.scores);
    account.stream_time = engine.stream_time();
    let states = table.states().into_iter();
    account.states = states
        .map(|(key, cohort)| (Key::clone(key), CohortStage::encode(cohort)))
        .collect();
    account.sorted()
}

fn run(items: &[Item<News>], chance: &mut Chance) -> Account {
    let mut rig = Rig::of(stage(), 1);
    rig.timers = [3, 50, 1000][chance.below(3)];
    let mut account = Account::default();
    let mut rest = items;
    while !rest.is_empty() {
        let size = 1 + chance.below(rest.len().min(100));
        let step = rig.busy(&rest[..size]).expect("a good step");
        account.add(&step.alerts, &step.scores);
        assert_eq!(step.strays, Strays::default());
        rest = &rest[usize::try_from(step.records).expect("few")..];
        rig.commit(step);
        if chance.percent(40) {
            rig.flush();
        }
    }
    rig.flush();
    let stored = rig.stored().into_iter();
    let stored: BTreeMap<_, _> = stored.map(|(key, (value, _))| (key, value)).collect();
    assert_eq!(stored, rig.changelog, "the store is the changelog, folded");
    account.states.clone_from(&rig.changelog);
    account.stream_time = rig.shard.progress.stream_time;
    account.sorted()
}

#[test]
fn whoever_is_faster_scores_and_shifts_are_those_of_one_thread() {
    let mut alerts = 0;
    for seed in 0..5 {
        let replies = replies(seed);
        let expected = reference(&replies);
        let mut chance = Chance::new(seed + 500);
        let items = interleaved(told(&replies, &mut chance), &mut chance);
        let account = run(&items, &mut chance);
        assert_eq!(account.alerts, expected.alerts, "seed {seed}");
        assert_eq!(account.scores, expected.scores, "seed {seed}");
        assert_eq!(account.states, expected.states, "seed {seed}");
        assert_eq!(account.stream_time, expected.stream_time, "seed {seed}");
        alerts += account.alerts.len();
    }
    assert!(alerts > 2, "too quiet to prove anything: {alerts} alerts");
}

#[test]
fn nothing_closes_before_every_shard_upstream_has_spoken() {
    let mut rig = Rig::of(stage(), 1);
    let replies = replies(0);
    let tell = |shard, number, what| Told {
        upstream_shard: ShardId(shard),
        number,
        what,
    };
    let first = [
        tell(0, 1, What::Delta(Cow::Borrowed(&replies[0]))),
        tell(0, 2, clock(end())),
        tell(2, 1, clock(end())),
    ];
    let items: Vec<_> = (0..)
        .zip(&first)
        .map(|(place, it)| heard(place, it))
        .collect();
    let step = rig.busy(&items).expect("a good step");
    assert_eq!((step.books.applied, step.scores.len()), (3, 0));
    assert_eq!(step.progress.stream_time, None);
    rig.commit(step);
    let step = rig
        .busy(&[heard(3, &tell(1, 1, clock(end())))])
        .expect("good");
    assert_eq!(step.progress.stream_time, Some(end()));
    assert!(!step.scores.is_empty(), "its days have closed");
}

#[test]
fn a_repeat_changes_nothing_and_a_gap_is_told() {
    let mut rig = Rig::of(stage(), 1);
    let replies = replies(0);
    let reply = |number, reply: &Delta| Told {
        upstream_shard: ShardId(1),
        number,
        what: What::Delta(Cow::Owned(reply.clone())),
    };
    let told = [
        reply(1, &replies[0]),
        reply(1, &replies[0]),
        reply(4, &replies[1]),
        reply(2, &replies[2]),
    ];
    let items: Vec<_> = (0..)
        .zip(&told)
        .map(|(place, it)| heard(place, it))
        .collect();
    let step = rig.busy(&items).expect("a good step");
    assert_eq!((step.books.applied, step.books.duplicate), (2, 2));
    assert_eq!(step.strays.missing, 2);
    let heard: Vec<_> = step.progress.upstreams.iter().collect();
    assert_eq!((heard[1].1.number, heard[1].1.missing), (4, 2));
}

#[test]
fn a_shard_that_is_not_there_upstream_is_a_dead_letter() {
    let told = Told {
        upstream_shard: ShardId(7),
        number: 1,
        what: clock(end()),
    };
    let step = Rig::of(stage(), 1).busy(&[heard(0, &told)]).expect("good");
    assert_eq!(only_reason(&step), Reason::WrongShard);
}

#[test]
fn cohorts_beyond_what_a_dimension_may_have_are_refused() {
    let stage = stage();
    let max = stage.cohorts.values_max("branch").expect("it is known");
    let mut rig = Rig::of(stage, 1);
    rig.shard.progress.cohorts.insert("branch".into(), max);
    let told = Told {
        upstream_shard: ShardId(0),
        number: 1,
        what: What::Delta(Cow::Owned(replies(0).remove(0))),
    };
    let step = rig.busy(&[heard(0, &told)]).expect("good");
    assert_eq!(only_reason(&step), Reason::LimitExceeded);
}
