//! The stored form of a cohort: Avro single-object encoding of `schemas/cohort.avsc`.
//!
//! | chapter | what it holds          |
//! | ------- | ---------------------- |
//! | `write` | a cohort as bytes      |
//! | `read`  | bytes as a cohort      |
//!
//! Equal states have equal bytes, for everything lies in order. Each step writes the states of all cohorts it has counted for,
//! with every reply that waits, so both follow the schema by hand; a test has another implementation read and write the same.

mod read;
#[cfg(test)]
mod tests;
mod write;

use super::Cohort;
use crate::stored::{self, Header, Schemas, StateError};

/// How stored bytes begin that this release writes; the fingerprint is CRC-64-AVRO, as a test recalculates.
const WRITTEN: Header = [0xC3, 0x01, 1, 78, 196, 184, 65, 246, 173, 66];

const SCHEMAS: Schemas<Cohort, 1> = [(WRITTEN, read::cohort)];

impl Cohort {
    /// Returns the bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        write::cohort(self, &WRITTEN)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`StateError`] for anything but what [`Cohort::encode`] returns.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        stored::read(bytes, &SCHEMAS)
    }
}
