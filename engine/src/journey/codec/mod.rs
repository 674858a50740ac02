//! The stored form of a journey: Avro single-object encoding of `schemas/journey.avsc`.
//!
//! | chapter | what it holds                                                          |
//! | ------- | ---------------------------------------------------------------------- |
//! | `write` | a journey as bytes: tables at the front, the rest refers to them       |
//! | `read`  | bytes as a journey                                                     |
//! | `words` | common words, stored as one byte                                       |
//!
//! The same bytes stand in the store and in the changelog. A fingerprint in front names the schema they were written with;
//! every released schema keeps its line and its reader in [`SCHEMAS`], so that old bytes stay readable.

mod read;
#[cfg(test)]
mod tests;
mod words;
mod write;

use super::Journey;
use crate::event::Timestamp;
use crate::stored::{self, Header, Schemas, StateError};

/// How stored bytes begin that this release writes; the fingerprint is CRC-64-AVRO, as a test recalculates.
const WRITTEN: Header = [0xC3, 0x01, 23, 51, 195, 13, 139, 55, 165, 194];

const SCHEMAS: Schemas<Journey, 1> = [(WRITTEN, read::read)];

impl Journey {
    /// Returns the stored form.
    pub fn encode(&self) -> Vec<u8> {
        write::write(self, &WRITTEN)
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are damaged or newer than this release.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        stored::read(bytes, &SCHEMAS)
    }

    /// Reads when to look at a stored journey next, and nothing else of it: for copies of the changelog into a store.
    ///
    /// # Errors
    /// [`StateError`] as [`Journey::decode`], as far as that shows in the first field.
    pub fn due_of(bytes: &[u8]) -> Result<Option<Timestamp>, StateError> {
        // Every schema begins with the due time.
        let (_, mut reader) = stored::open(bytes, &SCHEMAS)?;
        read::due(&mut reader).map_err(StateError::Damaged)
    }
}

/// What times are counted in. The order is that of the enum `Unit` in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Millisecond,
    Second,
}

impl Unit {
    const fn millis(self) -> i64 {
        match self {
            Unit::Millisecond => 1,
            Unit::Second => 1_000,
        }
    }

    fn divides(self, at: Timestamp) -> bool {
        at.as_millis() % self.millis() == 0
    }
}
