//! The e-detector: a bet against "nothing has changed" that may be looked at after every reply, for ever.
//!
//! After Shin, Ramdas and Rinaldo (2024), "E-detectors". A reply is a step x of −1, 0 or 1. Against the reference mean
//! m, eight gamblers bet on a fall, each with its own stake λ: L = 1 + λ(m − x), and R ← (R + 1)·L. The evidence is the
//! mean of the eight R. A rise is the same, mirrored. The promise: while the conditional mean stays at or above m (for
//! a rise: at or below), the mean number of replies until the evidence reaches A is at least A, whatever A is.
//!
//! Power is limited, and [`expected_delay`] says by how much. Nothing here knows cohorts, days or alerts.

use crate::derived::Category;

/// Which way a score has shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Direction {
    Fall,
    Rise,
}

impl Direction {
    /// Returns the name used in alerts and states.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Fall => "fall",
            Direction::Rise => "rise",
        }
    }

    /// Turns a rise into a fall: what rises, falls in the mirror.
    fn mirror(self, value: f64) -> f64 {
        match self {
            Direction::Fall => value,
            Direction::Rise => -value,
        }
    }
}

/// The evidence for a shift in one direction since the detector began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detector {
    pub(super) direction: Direction,
    /// The NPS to shift from, in points.
    pub(super) reference: f64,
    /// R of each gambler. Invariant: finite, not negative.
    pub(super) bets: [f64; STAKES.len()],
}

/// The stakes λ as shares of the largest possible one, 1/(1 − m): geometric from 0.02 to 0.95. Written out, because a
/// power function may differ in its last bit from machine to machine.
const STAKES: [f64; 8] = [0.02, 0.0347, 0.0603, 0.1046, 0.1816, 0.3153, 0.5473, 0.95];

/// No reference mean lies closer to 1 than this: there the largest stake is infinite. To lower a reference only makes
/// a detector of falls more patient.
const MEAN_MAX: f64 = 0.99;

/// Evidence beyond any threshold in use, at which a bet stops growing, so that it stays a number.
const EVIDENCE_MAX: f64 = 1e100;

impl Detector {
    /// Begins without evidence against a reference in NPS points.
    pub fn new(direction: Direction, reference: f64) -> Self {
        Self {
            direction,
            reference,
            bets: [0.0; STAKES.len()],
        }
    }

    /// Takes one reply into account.
    pub fn observe(&mut self, reply: Category) {
        let mean = self.mean();
        let step = self.direction.mirror(f64::from(reply.step()));
        for (bet, stake) in self.bets.iter_mut().zip(STAKES) {
            *bet = ((*bet + 1.0) * growth(stake, mean, step)).min(EVIDENCE_MAX);
        }
    }

    /// Returns the evidence, to be compared with the threshold A.
    pub fn evidence(&self) -> f64 {
        self.bets.iter().sum::<f64>() / self.bets.len() as f64
    }

    fn mean(&self) -> f64 {
        mean_of(self.direction.mirror(self.reference))
    }
}

/// Returns about how many replies pass until the alarm, once an NPS has moved from a reference to `score` for good.
///
/// Both are in points. `None` if no stake gains: such a shift is found by luck alone. The evidence grows by a factor
/// exp(g) a reply, where g is the best of the stakes' E\[ln L\]; it is a sum of about 1/g such lines, so it reaches A
/// after ln(1 + A·g)/g replies. Simulated delays lie within a fifth of that. A share of 30 % passive replies is assumed.
pub fn expected_delay(
    direction: Direction,
    reference: f64,
    score: f64,
    threshold: f64,
) -> Option<f64> {
    let mean = mean_of(direction.mirror(reference));
    let shifted = direction.mirror(score) / 100.0;
    let growth_rate = STAKES
        .iter()
        .map(|stake| expected_growth(*stake, mean, shifted))
        .fold(f64::NEG_INFINITY, f64::max);
    (growth_rate > 0.0).then(|| (threshold * growth_rate).ln_1p() / growth_rate)
}

fn mean_of(points: f64) -> f64 {
    (points / 100.0).clamp(-1.0, MEAN_MAX)
}

/// Returns L, by which a reply multiplies the bet of a gambler; it is positive, for the stake is below its limit.
fn growth(stake: f64, mean: f64, step: f64) -> f64 {
    1.0 + stake / (1.0 - mean) * (mean - step)
}

/// Returns E\[ln L\] where steps have the mean `shifted`.
fn expected_growth(stake: f64, mean: f64, shifted: f64) -> f64 {
    let [promoters, passives, detractors] = typical_shares(shifted);
    promoters * growth(stake, mean, 1.0).ln()
        + passives * growth(stake, mean, 0.0).ln()
        + detractors * growth(stake, mean, -1.0).ln()
}

/// Returns the shares of promoters, passives and detractors behind a mean: 30 % passive, as far as the mean allows.
pub(super) fn typical_shares(mean: f64) -> [f64; 3] {
    let mean = mean.clamp(-1.0, 1.0);
    let passives = (1.0 - mean.abs()).min(0.3);
    [
        f64::midpoint(1.0 - passives, mean),
        passives,
        f64::midpoint(1.0 - passives, -mean),
    ]
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Draws replies of a given NPS, three of ten passive.
    fn reply(rng: &mut ChaCha8Rng, score: f64) -> Category {
        match rng.random::<f64>() {
            u if u < 0.3 => Category::Passive,
            u if u < 0.3 + 0.35 + score / 200.0 => Category::Promoter,
            _ => Category::Detractor,
        }
    }

    /// Returns the mean number of replies of score `score` until a detector against `reference` raises the alarm.
    fn mean_run(
        direction: Direction,
        reference: f64,
        score: f64,
        threshold: f64,
        runs: u32,
    ) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut replies = 0;
        for _ in 0..runs {
            let mut detector = Detector::new(direction, reference);
            while detector.evidence() < threshold {
                detector.observe(reply(&mut rng, score));
                replies += 1;
            }
        }
        f64::from(replies) / f64::from(runs)
    }

    #[test]
    fn without_a_change_the_mean_run_to_a_false_alarm_is_at_least_the_threshold() {
        for direction in [Direction::Fall, Direction::Rise] {
            let run = mean_run(direction, 30.0, 30.0, 200.0, 300);
            assert!(run >= 200.0, "{direction:?}: {run}");
        }
    }

    #[test]
    fn a_deep_fall_is_found_within_some_120_replies_and_a_shallow_one_is_not() {
        let deep = mean_run(Direction::Fall, 30.0, 0.0, 30_000.0, 100);
        assert!((100.0..140.0).contains(&deep), "{deep}");
        let shallow = mean_run(Direction::Fall, 30.0, 20.0, 30_000.0, 30);
        assert!((500.0..1_200.0).contains(&shallow), "{shallow}");
    }

    #[test]
    fn the_expected_delay_is_the_simulated_one_within_a_fifth() {
        for (reference, score, threshold) in [
            (30.0, 0.0, 1_000.0),
            (30.0, 0.0, 100_000.0),
            (30.0, 20.0, 1_000.0),
            (50.0, 30.0, 10_000.0),
            (20.0, 50.0, 10_000.0),
        ] {
            let direction = if score < reference {
                Direction::Fall
            } else {
                Direction::Rise
            };
            let simulated = mean_run(direction, reference, score, threshold, 60);
            let expected = expected_delay(direction, reference, score, threshold).unwrap();
            assert!(
                (expected / simulated - 1.0).abs() < 0.2,
                "{reference} to {score} at {threshold}: {expected:.0}, simulated {simulated:.0}"
            );
        }
    }

    #[test]
    fn no_delay_is_expected_where_nothing_changes() {
        assert_eq!(expected_delay(Direction::Fall, 30.0, 30.0, 1_000.0), None);
    }

    #[test]
    fn a_rise_is_a_fall_in_the_mirror() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut fall = Detector::new(Direction::Fall, 30.0);
        let mut rise = Detector::new(Direction::Rise, -30.0);
        for _ in 0..100 {
            let said = reply(&mut rng, 10.0);
            fall.observe(said);
            rise.observe(match said {
                Category::Detractor => Category::Promoter,
                Category::Passive => Category::Passive,
                Category::Promoter => Category::Detractor,
            });
        }
        assert_eq!(fall.bets.map(f64::to_bits), rise.bets.map(f64::to_bits));
    }

    #[test]
    fn evidence_stays_a_number_at_any_reference() {
        for reference in [-150.0, -100.0, 0.0, 100.0, 150.0] {
            for category in [Category::Detractor, Category::Passive, Category::Promoter] {
                let mut detector = Detector::new(Direction::Fall, reference);
                for _ in 0..10_000 {
                    detector.observe(category);
                }
                assert!(
                    detector
                        .bets
                        .iter()
                        .all(|bet| bet.is_finite() && *bet >= 0.0)
                );
            }
        }
    }

    #[test]
    fn the_stakes_are_geometric() {
        for (i, stake) in STAKES.into_iter().enumerate() {
            let exact = 0.02 * f64::powf(0.95 / 0.02, i as f64 / 7.0);
            assert!((stake / exact - 1.0).abs() < 1e-3, "{stake} {exact}");
        }
    }
}
