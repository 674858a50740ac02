//! NPS and its interval, computed with nothing of ours.
//!
//! The formulas, with n replies of which p promote and d detract: n' = n + 3, p' = (p + 0.75) / n', d' = (d + 0.75) / n';
//! the interval is 100 (p' − d') ± 196 √v with v = (p' + d' − (p' − d')²) / n', cut to ±100. It is firm up to ±15.

use serde_json::{Value, json};

/// How many replies said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    promoters: u32,
    passives: u32,
    detractors: u32,
}

impl Tally {
    /// Counts scores of 0 to 10.
    pub(crate) fn of(scores: impl IntoIterator<Item = i64>) -> Self {
        let mut tally = Self::default();
        scores.into_iter().for_each(|score| tally.add(score));
        tally
    }

    pub(crate) fn add(&mut self, score: i64) {
        match score {
            9.. => self.promoters += 1,
            7..=8 => self.passives += 1,
            _ => self.detractors += 1,
        }
    }

    pub(crate) fn replies(&self) -> u32 {
        self.promoters + self.passives + self.detractors
    }

    pub(crate) fn nps(&self) -> f64 {
        let balance = f64::from(self.promoters) - f64::from(self.detractors);
        100.0 * balance / f64::from(self.replies())
    }

    /// Shares of promoters and detractors, adjusted.
    fn shares(&self) -> [f64; 2] {
        let replies = f64::from(self.replies() + 3);
        [self.promoters, self.detractors].map(|count| (f64::from(count) + 0.75) / replies)
    }

    pub(crate) fn variance(&self) -> f64 {
        let [promoters, detractors] = self.shares();
        let balance = promoters - detractors;
        (promoters + detractors - balance * balance) / f64::from(self.replies() + 3)
    }

    pub(crate) fn interval(&self) -> [f64; 2] {
        let [promoters, detractors] = self.shares();
        let half_width = 196.0 * self.variance().sqrt();
        [-half_width, half_width]
            .map(|side| (100.0 * (promoters - detractors) + side).clamp(-100.0, 100.0))
    }

    pub(crate) fn verdict(&self) -> &'static str {
        let is_firm = self.replies() > 0 && 196.0 * self.variance().sqrt() <= 15.0;
        if is_firm { "firm" } else { "too_few_replies" }
    }

    pub(crate) fn as_json(&self) -> Value {
        json!({
            "promoters": self.promoters,
            "passives": self.passives,
            "detractors": self.detractors,
        })
    }
}
