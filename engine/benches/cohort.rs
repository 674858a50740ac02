//! What the cohort stage costs: to count a delta, and to write and read the state of a cohort.
//!
//! Once while all shards upstream are at the same time, and once while half of them are thirty days ahead: then their
//! replies wait, and with them the states grow.

#![expect(clippy::print_stdout, reason = "sizes are printed beside the timings")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use waymark_engine::cohort::{Cohort, Cohorts};
use waymark_engine::definition::Definition;
use waymark_engine::derived::{Category, CohortName, Delta, Series};
use waymark_engine::event::{Day, EventHash, Instrument, Timestamp};
use waymark_engine::stage::{Derived, Shard, Table};

const REPLIES: u32 = 20_000;
/// From one reply to the next.
const PACE: Duration = Duration::from_mins(10);
const LEAD: Duration = Duration::from_hours(30 * 24);

/// What comes in: deltas with their cohort's key, and how far the slowest clock is with them.
struct Told {
    key: String,
    delta: Delta,
    stream_time: Timestamp,
}

/// Replies of the invented bank: everybody, a branch of 12, a product of 5, a tier of 3, a region of 4.
fn told(lead: Duration) -> Vec<Told> {
    let begin = Timestamp::parse("2026-01-05T00:00:00Z").expect("a literal");
    let mut told = Vec::new();
    for number in 0..REPLIES {
        let clock = begin + PACE * number;
        let occurred_at = if number % 2 == 0 { clock } else { clock + lead };
        let id = format!("reply-{number}");
        let chance = u32::from(EventHash::of(&id).0[0]);
        let values = [1, 12, 5, 3, 4].map(|values| number % values);
        for (dimension, value) in ["all", "branch", "product", "tier", "region"]
            .into_iter()
            .zip(values)
        {
            let delta = delta(&id, occurred_at, dimension, value, chance);
            told.push(Told {
                key: delta.cohort.to_string(),
                delta,
                stream_time: clock,
            });
        }
    }
    told
}

fn delta(id: &str, occurred_at: Timestamp, dimension: &str, value: u32, chance: u32) -> Delta {
    let score = i64::from(chance % 11);
    let is_first = chance.is_multiple_of(3);
    let day = Day::of(occurred_at, &jiff::tz::TimeZone::UTC).plus(-40);
    Delta {
        event_hash: EventHash::of(id),
        occurred_at,
        cohort: CohortName::new(dimension, &format!("value-{value}")),
        series: Series {
            instrument: Instrument::Nps,
            touchpoint: "relationship".into(),
            score_dimension: "".into(),
        },
        from: (!is_first).then_some(Category::Passive),
        from_day: (!is_first).then_some(day),
        to: Category::of(score),
        score: Some(score),
    }
}

fn shard() -> Shard<Cohorts> {
    let definition = Definition::shipped_default();
    Shard::new(Cohorts::of(&definition).expect("it keeps scores"), None)
}

fn count(mut shard: Shard<Cohorts>, told: &[Told]) -> Table<Cohort> {
    let (mut table, mut derived) = (Table::new(), Derived::default());
    for told in told {
        shard.advance(&mut table, told.stream_time, &mut derived);
        black_box(shard.apply(&mut table, &told.key, &told.delta, &mut derived));
    }
    black_box(derived);
    table
}

fn cohort(criterion: &mut Criterion) {
    for (name, lead) in [
        ("shards at one time", Duration::ZERO),
        ("half of them ahead", LEAD),
    ] {
        let told = told(lead);
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(20)
            .throughput(Throughput::Elements(told.len() as u64));
        group.bench_function("count a delta", |bencher| {
            bencher.iter_batched(shard, |shard| count(shard, &told), BatchSize::PerIteration);
        });
        let table = count(shard(), &told);
        let states = table.states();
        let stored: Vec<_> = states.iter().map(|(_, cohort)| cohort.encode()).collect();
        let bytes: usize = stored.iter().map(Vec::len).sum();
        println!("{name}: {} states, {bytes} bytes", states.len());
        group.throughput(Throughput::Elements(states.len() as u64));
        group.bench_function("encode a state", |bencher| {
            bencher.iter(|| {
                states
                    .iter()
                    .map(|(_, cohort)| cohort.encode().len())
                    .sum::<usize>()
            });
        });
        group.bench_function("decode a state", |bencher| {
            bencher.iter(|| {
                stored
                    .iter()
                    .flat_map(|bytes| Cohort::decode(bytes))
                    .count()
            });
        });
        group.finish();
    }
}

criterion_group!(benches, cohort);
criterion_main!(benches);
