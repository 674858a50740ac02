//! Seeded chance in whole numbers: the same on any machine, in any version of the standard library.
//!
//! ChaCha (RFC 8439, 8 rounds) is a specification, so its stream can't change under us; how numbers are drawn from it is
//! written here for the same reason.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A source of chance.
#[derive(Debug)]
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    /// Two streams of one seed know nothing of each other.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut chance = ChaCha8Rng::from_seed(key);
        chance.set_stream(stream);
        Self(chance)
    }

    /// Draws a number below `end`, zero if `end` is zero. The bias of the multiplication is below `end` / 2^64.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(end);
        u64::try_from(wide >> 64).expect("the upper half of 128 bits")
    }

    pub(super) fn between(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// Draws a time between two, in whole seconds.
    pub(super) fn time(&mut self, range: Range<Duration>) -> Duration {
        Duration::from_secs(self.between(range.start.as_secs()..range.end.as_secs()))
    }

    /// Draws the time to the next of things that come once in `mean`: regular enough to be a habit.
    pub(super) fn gap(&mut self, mean: Duration) -> Duration {
        self.time(mean / 4..mean * 7 / 4)
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn happens(&mut self, share: Share) -> bool {
        self.below(1_000_000) < u64::from(share.0)
    }

    pub(super) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length")
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

/// A share between none and all, in parts per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share(u32);

/// A text that is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share between 0 and 1, such as 0.01")]
pub struct ShareError(Box<str>);

impl FromStr for Share {
    type Err = ShareError;

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share in parts per million is between 0 and 1,000,000"
    )]
    fn from_str(text: &str) -> Result<Self, ShareError> {
        match text.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Self((share * 1e6).round() as u32)),
            _ => Err(ShareError(text.into())),
        }
    }
}
