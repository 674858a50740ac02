//! What the shift detector promises, simulated and printed: how long it runs without a change until a false alarm, how
//! long it takes to find one, what `expected_delay` said, and how fast it is.
//!
//! `cargo bench -p waymark-engine --bench detector`. The seed is fixed: two runs print the same figures, times apart.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use waymark_engine::cohort::{Detector, Direction, expected_delay};
use waymark_engine::derived::Category;

const RUNS: u32 = 200;

fn main() {
    println!(
        "Replies without a change until a false alarm, NPS 30, mean of {RUNS} runs (promised: at least A)"
    );
    println!("{:>10} {:>12} {:>12}", "A", "fall", "rise");
    for threshold in [100.0, 1_000.0, 10_000.0] {
        let [fall, rise] = [Direction::Fall, Direction::Rise]
            .map(|direction| mean_run(direction, 30.0, 30.0, threshold));
        println!("{threshold:>10} {fall:>12.0} {rise:>12.0}");
    }

    println!("\nReplies from a change until the alarm, mean of {RUNS} runs (expected)");
    println!(
        "{:>10} {:>16} {:>16} {:>16}",
        "A", "30 to 0", "30 to 20", "20 to 50"
    );
    for threshold in [1_000.0, 10_000.0, 100_000.0, 1_000_000.0] {
        let delay = |reference: f64, score: f64| {
            let direction = if score < reference {
                Direction::Fall
            } else {
                Direction::Rise
            };
            let simulated = mean_run(direction, reference, score, threshold);
            let expected =
                expected_delay(direction, reference, score, threshold).unwrap_or(f64::INFINITY);
            format!("{simulated:.0} ({expected:.0})")
        };
        let (deep, shallow, rise) = (delay(30.0, 0.0), delay(30.0, 20.0), delay(20.0, 50.0));
        println!("{threshold:>10} {deep:>16} {shallow:>16} {rise:>16}");
    }

    println!("\n{:.0} ns a reply", nanoseconds_a_reply());
}

/// Returns the mean number of replies of a score until the alarm against a reference.
fn mean_run(direction: Direction, reference: f64, score: f64, threshold: f64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut replies = 0_u32;
    for _ in 0..RUNS {
        let mut detector = Detector::new(direction, reference);
        while detector.evidence() < threshold {
            detector.observe(reply(&mut rng, score));
            replies += 1;
        }
    }
    f64::from(replies) / f64::from(RUNS)
}

/// Draws a reply of a given NPS, three of ten passive.
fn reply(rng: &mut ChaCha8Rng, score: f64) -> Category {
    match rng.random::<f64>() {
        u if u < 0.3 => Category::Passive,
        u if u < 0.65 + score / 200.0 => Category::Promoter,
        _ => Category::Detractor,
    }
}

fn nanoseconds_a_reply() -> f64 {
    const REPLIES: u32 = 1_000_000;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let replies: Vec<_> = (0..REPLIES).map(|_| reply(&mut rng, 30.0)).collect();
    let mut detector = Detector::new(Direction::Fall, 30.0);
    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
    let begin = Instant::now();
    for reply in replies {
        detector.observe(reply);
    }
    let taken = begin.elapsed();
    assert!(detector.evidence() > 0.0);
    taken.as_secs_f64() * 1e9 / f64::from(REPLIES)
}
