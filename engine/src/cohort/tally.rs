//! Counts of replies, and what may be said from them: the NPS, its interval, and whether that is enough to act on.
//!
//! The interval is the adjusted Wald interval: three replies are added before the variance is taken, three quarters of
//! one to promoters and to detractors each, and it lies around the adjusted score. Around the plain score it would
//! cover only eight cases of ten at five replies; this way it covers .92 to .97 from five replies up, as a test checks.
//! Scores are in points, −100 to 100. Nothing here knows days or cohorts.

use std::iter::Sum;
use std::ops::AddAssign;

use serde::Serialize;

use crate::derived::{Category, Verdict};

/// How many replies fell into each category. Counts stop at four billion rather than wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "the names say it all")]
pub struct Tally {
    pub promoters: u32,
    pub passives: u32,
    pub detractors: u32,
}

/// The 95 % interval of an NPS, in points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end, at least −100.
    pub low: f64,
    /// Upper end, at most 100.
    pub high: f64,
    /// Half the width before the ends are cut to what is possible.
    pub half_width: f64,
}

/// The half-width, in points, up to which a score is firm.
const FIRM_HALF_WIDTH: f64 = 15.0;

/// Replies added before a variance is taken: to all together, and to promoters and detractors each.
const ADDED: f64 = 3.0;
const ADDED_AT_EACH_END: f64 = 0.75;

/// The normal quantile of a two-sided 95 % interval.
const Z: f64 = 1.96;

impl Tally {
    /// Returns the number of replies.
    pub fn replies(&self) -> u64 {
        u64::from(self.promoters) + u64::from(self.passives) + u64::from(self.detractors)
    }

    /// Returns 100 × (promoters − detractors) / replies; `None` without replies.
    pub fn nps(&self) -> Option<f64> {
        let balance = f64::from(self.promoters) - f64::from(self.detractors);
        (self.replies() > 0).then(|| 100.0 * balance / self.replies() as f64)
    }

    /// Returns the 95 % interval; `None` without replies.
    pub fn interval(&self) -> Option<Interval> {
        (self.replies() > 0).then(|| self.adjusted().interval())
    }

    /// Returns whether the interval is narrow enough to act on.
    pub fn verdict(&self) -> Verdict {
        match self.interval() {
            Some(interval) if interval.half_width <= FIRM_HALF_WIDTH => Verdict::Firm,
            Some(_) | None => Verdict::TooFewReplies,
        }
    }

    /// Returns mean and variance after adjustment.
    pub(super) fn adjusted(&self) -> Adjusted {
        let [promoters, passives, detractors] =
            [self.promoters, self.passives, self.detractors].map(f64::from);
        Adjusted::of(promoters, passives, detractors)
    }

    pub(super) fn add(&mut self, category: Category) {
        let count = self.count_mut(category);
        *count = count.saturating_add(1);
    }

    /// Takes counts away; what was never counted can't be taken back.
    pub(super) fn take_back(&mut self, taken: Tally) {
        self.promoters = self.promoters.saturating_sub(taken.promoters);
        self.passives = self.passives.saturating_sub(taken.passives);
        self.detractors = self.detractors.saturating_sub(taken.detractors);
    }

    fn count_mut(&mut self, category: Category) -> &mut u32 {
        match category {
            Category::Promoter => &mut self.promoters,
            Category::Passive => &mut self.passives,
            Category::Detractor => &mut self.detractors,
        }
    }
}

/// The adjusted mean step of a reply, −1 to 1, and the variance of that mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adjusted {
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Adjusted {
    /// Adjusts counts, or expected counts.
    pub(super) fn of(promoters: f64, passives: f64, detractors: f64) -> Self {
        let replies = promoters + passives + detractors + ADDED;
        let promoters = (promoters + ADDED_AT_EACH_END) / replies;
        let detractors = (detractors + ADDED_AT_EACH_END) / replies;
        let mean = promoters - detractors;
        Self {
            mean,
            variance: (promoters + detractors - mean * mean) / replies,
        }
    }

    pub(super) fn interval(&self) -> Interval {
        let half_width = half_width(self.variance);
        Interval {
            low: (100.0 * self.mean - half_width).max(-100.0),
            high: (100.0 * self.mean + half_width).min(100.0),
            half_width,
        }
    }
}

/// Returns the half-width, in points, of the 95 % interval of a score with this variance.
pub(super) fn half_width(variance: f64) -> f64 {
    Z * 100.0 * variance.sqrt()
}

/// One reply.
impl From<Category> for Tally {
    fn from(category: Category) -> Self {
        let mut tally = Tally::default();
        tally.add(category);
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.promoters = self.promoters.saturating_add(other.promoters);
        self.passives = self.passives.saturating_add(other.passives);
        self.detractors = self.detractors.saturating_add(other.detractors);
    }
}

impl<'a> Sum<&'a Tally> for Tally {
    fn sum<I: Iterator<Item = &'a Tally>>(tallies: I) -> Self {
        tallies.fold(Tally::default(), |mut sum, tally| {
            sum += *tally;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns ln 0!, ln 1!, … up to `max`.
    fn ln_factorials(max: u32) -> Vec<f64> {
        let mut sum = 0.0;
        let mut next = |n| {
            sum += f64::from(n).max(1.0).ln();
            sum
        };
        (0..=max).map(&mut next).collect()
    }

    /// Returns the chance that the interval of `n` replies covers the true score: a sum over all outcomes.
    fn coverage(n: u32, promoting: f64, detracting: f64) -> f64 {
        let ln_factorial = ln_factorials(n);
        let passive = 1.0 - promoting - detracting;
        let truth = 100.0 * (promoting - detracting);
        let mut covered = 0.0;
        for p in 0..=n {
            for d in 0..=n - p {
                let tally = Tally {
                    promoters: p,
                    passives: n - p - d,
                    detractors: d,
                };
                let interval = tally.interval().unwrap();
                if interval.low <= truth + 1e-9 && truth - 1e-9 <= interval.high {
                    let ways = ln_factorial[n as usize]
                        - ln_factorial[p as usize]
                        - ln_factorial[d as usize]
                        - ln_factorial[(n - p - d) as usize];
                    let chance = f64::from(p) * promoting.ln()
                        + f64::from(d) * detracting.ln()
                        + f64::from(n - p - d) * passive.ln();
                    covered += (ways + chance).exp();
                }
            }
        }
        covered
    }

    #[test]
    fn the_interval_covers_the_truth_nineteen_times_of_twenty_from_five_replies_up() {
        for (promoting, detracting) in [
            (0.5, 0.2),
            (0.35, 0.35),
            (0.6, 0.1),
            (0.2, 0.5),
            (0.45, 0.45),
        ] {
            for n in [5, 10, 20, 50, 100, 200] {
                let coverage = coverage(n, promoting, detracting);
                assert!(
                    (0.92..=0.97).contains(&coverage),
                    "{coverage:.3} at {n} replies of {promoting} and {detracting}"
                );
            }
        }
    }

    #[test]
    fn no_replies_have_no_score_and_no_verdict() {
        let nothing = Tally::default();
        assert_eq!(nothing.nps(), None);
        assert_eq!(nothing.interval(), None);
        assert_eq!(nothing.verdict(), Verdict::TooFewReplies);
    }

    #[test]
    fn fifty_replies_leave_21_points_of_doubt_and_two_hundred_are_firm() {
        let replies = |times: u32| Tally {
            promoters: 25 * times,
            passives: 15 * times,
            detractors: 10 * times,
        };
        let fifty = replies(1);
        assert_eq!(fifty.nps(), Some(30.0));
        assert!((fifty.interval().unwrap().half_width - 21.0).abs() < 0.1);
        assert_eq!(fifty.verdict(), Verdict::TooFewReplies);
        assert_eq!(replies(4).verdict(), Verdict::Firm);
    }

    #[test]
    fn one_reply_has_an_interval_within_what_is_possible() {
        let interval = Tally::from(Category::Promoter).interval().unwrap();
        assert!(interval.low >= -100.0 && interval.high <= 100.0);
        assert!(
            interval.low < 0.0,
            "one promoter proves nothing: {interval:?}"
        );
    }
}
