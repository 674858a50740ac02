//! The books: every record received ends in exactly one outcome.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::event::Reason;

/// How many records ended how.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Books {
    /// All of them.
    pub received: u64,
    /// Moved a state, or the clock.
    pub applied: u64,
    /// Seen before.
    pub duplicate: u64,
    /// Older than their feed may be.
    pub late: u64,
    /// Of no concern to us.
    pub ignored: u64,
    /// Set aside.
    pub dead_lettered: u64,
    /// Set aside, by reason.
    pub dead_letters: BTreeMap<Reason, u64>,
}

impl Books {
    /// Enters one record.
    pub fn enter(&mut self, outcome: &Outcome) {
        self.received += 1;
        match outcome {
            Outcome::Applied => self.applied += 1,
            Outcome::Duplicate => self.duplicate += 1,
            Outcome::Late => self.late += 1,
            Outcome::Ignored => self.ignored += 1,
            Outcome::DeadLettered(rejection) => {
                self.dead_lettered += 1;
                *self.dead_letters.entry(rejection.reason).or_default() += 1;
            }
        }
    }

    /// Adds the books of another stretch.
    pub fn add(&mut self, other: &Books) {
        self.received += other.received;
        self.applied += other.applied;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.ignored += other.ignored;
        self.dead_lettered += other.dead_lettered;
        for (reason, number) in &other.dead_letters {
            *self.dead_letters.entry(*reason).or_default() += number;
        }
    }

    /// Returns whether received = applied + duplicate + late + ignored + dead-lettered.
    pub fn balance(&self) -> bool {
        let ended = self.applied + self.duplicate + self.late + self.ignored + self.dead_lettered;
        self.received == ended && self.dead_lettered == self.dead_letters.values().sum::<u64>()
    }
}
