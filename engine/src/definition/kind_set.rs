//! Sets of kinds and parties as bits: asking whether a rule concerns an event is one instruction.

use crate::event::{Kind, Party};

/// A set of event kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindSet(u64);

// A kind is one bit of a u64.
const _: () = assert!(Kind::ALL.len() <= 64);

impl KindSet {
    /// The set of no kinds.
    pub const NONE: Self = Self(0);
    /// The set of all kinds.
    pub const ALL: Self = Self(u64::MAX >> (64 - Kind::ALL.len()));

    /// Returns whether a kind is in the set.
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u32) != 0
    }

    /// Returns the kinds in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether there is nothing in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the kinds in the set, in their order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .iter()
            .copied()
            .filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for KindSet {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        Self(
            kinds
                .into_iter()
                .fold(0, |bits, kind| bits | 1 << kind as u32),
        )
    }
}

/// A set of acting parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartySet(u8);

impl PartySet {
    /// Anybody.
    pub const ALL: Self = Self(u8::MAX);

    /// Returns whether a party is in the set.
    pub const fn contains(self, party: Party) -> bool {
        self.0 & (1 << party as u32) != 0
    }
}

impl FromIterator<Party> for PartySet {
    fn from_iter<I: IntoIterator<Item = Party>>(parties: I) -> Self {
        Self(
            parties
                .into_iter()
                .fold(0, |bits, party| bits | 1 << party as u32),
        )
    }
}
