//! What the engine costs: a step of the customer stage, and the stored form of a journey.
//!
//! The input is invented lending under the shipped definition: 100,000 events of 4,000 customers. Before the timings come the
//! sizes of the stored journeys, which is what a store has to hold.

#![expect(clippy::print_stdout, reason = "sizes are printed beside the timings")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use waymark::simulate::{Options, Share, Simulation};
use waymark_engine::definition::Definition;
use waymark_engine::event::{Event, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Shard, Table};

const EVENTS: u64 = 100_000;
const CUSTOMERS: u32 = 4_000;

fn events() -> Vec<Event> {
    let options = Options {
        seed: 7,
        customers: CUSTOMERS,
        events: EVENTS,
        start: Timestamp::parse("2026-01-05T00:00:00Z").expect("a literal"),
        disorder: std::time::Duration::ZERO,
        duplicates: Share::default(),
        bad: Share::default(),
    };
    Simulation::new(&options)
        .map(|arrival| arrival.event)
        .collect()
}

fn shard() -> Shard<Rules> {
    Shard::new(Rules::new(Definition::shipped_default()), None)
}

/// Returns the journeys, and how many alerts and deltas came out.
fn run(mut shard: Shard<Rules>, events: &[Event]) -> (Table<Journey>, usize, usize) {
    let (mut table, mut derived) = (Table::new(), Derived::default());
    let (mut alerts, mut deltas) = (0, 0);
    for step in events.chunks(10_000) {
        for event in step {
            black_box(shard.take(&mut table, event, Timestamp::MAX, &mut derived));
        }
        alerts += derived.alerts.len();
        deltas += derived.deltas.len();
        // Published and gone, as after any step.
        derived = Derived::default();
    }
    (table, alerts, deltas)
}

fn step(criterion: &mut Criterion) {
    let events = events();
    let (_, alerts, deltas) = run(shard(), &events);
    println!("{} events, {alerts} alerts, {deltas} deltas", events.len());
    let mut group = criterion.benchmark_group("step");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(EVENTS));
    group.bench_function("customer stage, timers included", |bencher| {
        bencher.iter_batched(shard, |shard| run(shard, &events), BatchSize::PerIteration);
    });
    group.finish();
}

fn state(criterion: &mut Criterion) {
    let (table, ..) = run(shard(), &events());
    let journeys: Vec<Arc<Journey>> = table
        .states()
        .into_iter()
        .map(|(_, journey)| Arc::new(journey.clone()))
        .collect();
    let open = |journey: &&Arc<Journey>| {
        let open = journey
            .applications
            .iter()
            .filter(|application| application.ended.is_none());
        open.count() == 1
    };
    print_sizes("all customers", journeys.iter());
    print_sizes(
        "customers with one open application",
        journeys.iter().filter(open),
    );
    let stored: Vec<Vec<u8>> = journeys.iter().map(|journey| journey.encode()).collect();
    let mut group = criterion.benchmark_group("journey");
    group.throughput(Throughput::Elements(journeys.len() as u64));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            journeys
                .iter()
                .map(|journey| journey.encode().len())
                .sum::<usize>()
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            stored
                .iter()
                .flat_map(|bytes| Journey::decode(bytes))
                .count()
        });
    });
    group.finish();
}

fn print_sizes<'a>(whose: &str, journeys: impl Iterator<Item = &'a Arc<Journey>>) {
    let mut sizes: Vec<usize> = journeys.map(|journey| journey.encode().len()).collect();
    sizes.sort_unstable();
    let quantile = |percent: usize| sizes[(sizes.len() - 1) * percent / 100];
    println!(
        "{whose}: {} journeys, {} bytes median, {} at 99 %",
        sizes.len(),
        quantile(50),
        quantile(99)
    );
}

criterion_group!(benches, step, state);
criterion_main!(benches);
