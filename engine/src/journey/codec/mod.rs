//! The stored form of a journey: Avro single-object encoding of `schemas/journey.avsc`.
//!
//! | chapter | what it holds                                                          |
//! | ------- | ---------------------------------------------------------------------- |
//! | `write` | a journey as bytes: tables at the front, the rest refers to them       |
//! | `read`  | bytes as a journey                                                     |
//! | `words` | common words, stored as one byte                                       |
//! | `avro`  | numbers, texts, lists and unions as Avro writes them                   |
//!
//! The same bytes stand in the store and in the changelog. A fingerprint in front names the schema they were written with;
//! every released schema keeps its line and its reader in [`SCHEMAS`], so that old bytes stay readable.

mod avro;
mod read;
#[cfg(test)]
mod tests;
mod words;
mod write;

use super::Journey;
use crate::event::Timestamp;

pub use avro::Damage;
use avro::Reader;

/// Magic, then the schema's fingerprint (Avro specification, single-object encoding).
const HEADER: usize = 10;
const MARKER: [u8; 2] = [0xC3, 0x01];

/// How stored bytes begin that this release writes; the fingerprint is CRC-64-AVRO, as a test recalculates.
const WRITTEN: [u8; HEADER] = [0xC3, 0x01, 23, 51, 195, 13, 139, 55, 165, 194];

/// How stored bytes begin, and what reads them, for each released schema, the newest first.
const SCHEMAS: [([u8; HEADER], ReadDatum); 1] = [(WRITTEN, read::read)];

type ReadDatum = fn(&mut Reader<'_>) -> Result<Journey, Damage>;

/// Why stored bytes are not a journey.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// They do not begin as single-object encoding does.
    #[error("stored state does not begin with the Avro single-object marker")]
    NotSingleObject,
    /// They were written with a schema we do not know, probably by a newer release.
    #[error(
        "stored state was written with schema {fingerprint:016x}, which this release does not know"
    )]
    UnknownSchema {
        /// CRC-64-AVRO of the writer's schema.
        fingerprint: u64,
    },
    /// They do not follow their schema.
    #[error("stored state does not follow its schema")]
    Damaged(#[source] Damage),
    /// Something follows the journey.
    #[error("stored state goes on after its end")]
    TrailingBytes,
}

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
        let (read, mut reader) = open(bytes)?;
        let journey = read(&mut reader).map_err(StateError::Damaged)?;
        if reader.is_at_end() {
            Ok(journey)
        } else {
            Err(StateError::TrailingBytes)
        }
    }

    /// Reads when to look at a stored journey next, and nothing else of it: for copies of the changelog into a store.
    ///
    /// # Errors
    /// [`StateError`] as [`Journey::decode`], as far as that shows in the first field.
    pub fn due_of(bytes: &[u8]) -> Result<Option<Timestamp>, StateError> {
        // Every schema begins with the due time.
        let (_, mut reader) = open(bytes)?;
        read::due(&mut reader).map_err(StateError::Damaged)
    }
}

/// Returns what reads these bytes, at the first field.
fn open(bytes: &[u8]) -> Result<(ReadDatum, Reader<'_>), StateError> {
    let (header, datum) = bytes
        .split_first_chunk::<HEADER>()
        .filter(|(header, _)| header.starts_with(&MARKER))
        .ok_or(StateError::NotSingleObject)?;
    let known = SCHEMAS.iter().find(|(known, _)| known == header);
    let (_, read) = known.ok_or_else(|| {
        let [_, _, fingerprint @ ..] = *header;
        StateError::UnknownSchema {
            fingerprint: u64::from_le_bytes(fingerprint),
        }
    })?;
    Ok((*read, Reader::new(datum)))
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
