//! A Schema Registry: the schemas that records were written with, looked up by id; ours, registered under their subjects.
//!
//! | chapter    | what it holds                                                            |
//! | ---------- | ------------------------------------------------------------------------ |
//! | `agent`    | how we speak: waits, credentials                                          |
//! | `client`   | one question and its answer, at one of several addresses                 |
//! | `api`      | what can be asked: schemas, subjects, compatibility                      |
//! | `schemas`  | writer schemas by id, kept for ever                                      |
//! | `framing`  | where a record says which schema it was written with                     |
//!
//! The API is Confluent's, which Apicurio, Karapace and Redpanda speak too. An answer that is not there and a schema that
//! is not there are told apart with care: for the first a shard waits, the second sets a record aside.
//!
//! Knows HTTP and schemas, neither records nor events.

mod agent;
mod api;
mod client;
mod framing;
mod schemas;
#[cfg(test)]
mod tests;

use std::fmt;

pub use api::{Compatibility, Registered, SchemaRegistry, value_subject};
pub use framing::{Framing, NotFramed, SCHEMA_HEADER, begin_frame, frame};
pub use schemas::{NoSchema, SchemasById};

/// Which schema of a registry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// Its number in the registry.
    Number(u32),
    /// The identity that it keeps in every registry.
    Guid([u8; 16]),
}

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Guid(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    if matches!(place, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

/// Why a registry does not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No address answers as a registry does: perhaps later.
    #[error("the schema registry is away: {0}")]
    Away(String),
    /// It does not know us, or does not let us.
    #[error("the schema registry refuses us: {0}")]
    Denied(String),
    /// What a stage told another can't be read for want of its schema, which somebody must bring back.
    #[error("a record of ours is waited for: {0}")]
    Wanting(String),
    /// The schema does not fit the earlier ones of its subject.
    #[error("the schema of {subject} is not compatible with the ones registered before: {why}")]
    Incompatible {
        /// The subject.
        subject: String,
        /// What the registry says.
        why: String,
    },
    /// The registry takes it for no schema, or its settings don't allow it.
    #[error("the schema of {subject} is refused: {why}")]
    Refused {
        /// The subject.
        subject: String,
        /// What the registry says.
        why: String,
    },
}
