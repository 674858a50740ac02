//! It does not matter which shard of the customer stage was faster.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// What one shard of the customer stage sends.
#[derive(Clone)]
enum Sent {
    Fact(Delta),
    Clock(Timestamp),
}

/// Sends of one shard over twenty days: replies of ten respondents who fall from promoting to detracting, each up to
/// five minutes late, never around midnight, for a day's score waits for nobody.
fn shard(number: u64, zone: &TimeZone) -> Vec<Sent> {
    let mut rng = ChaCha8Rng::seed_from_u64(number);
    let mut sent = Vec::new();
    let mut latest: [Option<(Category, Day)>; 10] = [None; 10];
    for days in 0..20 {
        let begin = day("2026-03-20").plus(days).start(zone);
        let mut clock = begin;
        for minute in (60..1_300).step_by(120) {
            let who = rng.random_range(0..latest.len());
            let occurred_at = begin + Duration::from_mins(minute - rng.random_range(0..5));
            let score = if days < 10 {
                rng.random_range(6..=10)
            } else {
                rng.random_range(0..=8)
            };
            let id = format!("{number} {occurred_at}");
            let mut delta = reply(&id, occurred_at, score);
            (delta.from, delta.from_day) = latest[who].unzip();
            latest[who] = delta.to.map(|to| (to, Day::of(occurred_at, zone)));
            clock = clock.max(begin + Duration::from_mins(minute));
            sent.push(Sent::Clock(clock));
            sent.push(Sent::Fact(delta));
        }
        sent.push(Sent::Clock(begin + Duration::from_hours(23)));
    }
    sent
}

/// Merges what shards sent as the wind blows; stream time is that of the slowest.
fn merged(
    cohorts: &Cohorts,
    shards: &[Vec<Sent>],
    seed: u64,
) -> (Option<Cohort>, Vec<Score>, Vec<Alert>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut run = Run::new(cohorts);
    let mut clocks = vec![Timestamp::MIN; shards.len()];
    let mut queues: Vec<_> = shards.iter().map(|sent| sent.iter().peekable()).collect();
    let mut favourite = 0;
    while queues.iter_mut().any(|queue| queue.peek().is_some()) {
        if rng.random_ratio(1, 20) {
            favourite = rng.random_range(0..shards.len());
        }
        let shard = if rng.random_ratio(2, 3) {
            favourite
        } else {
            rng.random_range(0..shards.len())
        };
        match queues[shard].next() {
            Some(Sent::Clock(time)) => clocks[shard] = *time,
            Some(Sent::Fact(delta)) => {
                let stream_time = *clocks.iter().min().unwrap();
                run.step(Cause::Event(delta), stream_time);
            }
            None => {}
        }
        if rng.random() {
            run.advance(*clocks.iter().min().unwrap());
        }
    }
    run.advance(at("2026-05-01T00:00:00Z"));
    (run.state, run.scores, run.alerts)
}

#[test]
fn it_does_not_matter_which_shard_was_faster() {
    let cohorts = cohorts(Some(30.0));
    let shards: Vec<_> = (0..4).map(|number| shard(number, &cohorts.zone)).collect();
    let first = merged(&cohorts, &shards, 0);
    assert!(first.1.len() >= 20, "{} days were told", first.1.len());
    assert!(!first.2.is_empty(), "the fall was found");
    for seed in 1..30 {
        let again = merged(&cohorts, &shards, seed);
        assert_eq!(first.1, again.1, "scores with seed {seed}");
        assert_eq!(first.2, again.2, "alerts with seed {seed}");
        assert_eq!(first.0, again.0, "state with seed {seed}");
    }
}
