//! The stored form of a journey: Avro single-object encoding of `schemas/journey.avsc`.
//!
//! The same bytes stand in the store and in the changelog. A fingerprint in front names the schema they were written with;
//! every released schema stays in the table below, so that old bytes stay readable: fields added later have a default in
//! the newer schema and `#[serde(default)]` in the struct.

use std::io::Read as _;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_avro_fast::de::{DeserializerConfig, DeserializerState, read::SliceRead};
use serde_avro_fast::ser::SerializerConfig;
use serde_avro_fast::{Schema, to_single_object};

use super::Journey;
use crate::definition::RuleKey;
use crate::event::Timestamp;

/// Items in one stored list at most. Everything we write is far below; damaged bytes must not make us allocate.
const LIST_MAX: usize = 10_000;
/// Magic, then the schema's fingerprint (Avro specification, single-object encoding).
const HEADER: usize = 10;

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
    Damaged(#[source] serde_avro_fast::de::DeError),
    /// Something follows the journey.
    #[error("stored state goes on after its end")]
    TrailingBytes,
}

/// Returns the schema that this release writes.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        include_str!("../../../schemas/journey.avsc")
            .parse()
            .expect("the schema is a literal, checked by a test")
    })
}

impl Journey {
    /// Returns the stored form.
    pub fn encode(&self) -> Vec<u8> {
        let bytes = Vec::with_capacity(256);
        to_single_object(self, bytes, &mut SerializerConfig::new(schema()))
            .expect("the struct follows the schema, checked by a test over arbitrary journeys")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`StateError`] if the bytes are damaged or newer than this release.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let (header, datum) = bytes
            .split_at_checked(HEADER)
            .ok_or(StateError::NotSingleObject)?;
        if header[..2] != [0xC3, 0x01] {
            return Err(StateError::NotSingleObject);
        }
        let schema = writer_schema(&header[2..])?;
        let mut config = DeserializerConfig::new(schema);
        config.max_seq_size = LIST_MAX;
        let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
        let journey = Journey::deserialize(state.deserializer()).map_err(StateError::Damaged)?;
        match state.into_reader().read(&mut [0]) {
            Ok(0) => Ok(journey),
            _ => Err(StateError::TrailingBytes),
        }
    }
}

fn writer_schema(fingerprint: &[u8]) -> Result<&'static Schema, StateError> {
    let known = [schema()];
    known
        .into_iter()
        .find(|schema| schema.rabin_fingerprint() == fingerprint)
        .ok_or_else(|| {
            let fingerprint = fingerprint
                .try_into()
                .expect("the header leaves eight bytes");
            StateError::UnknownSchema {
                fingerprint: u64::from_le_bytes(fingerprint),
            }
        })
}

/// Times as Avro `timestamp-millis`.
pub(super) mod millis {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    pub(crate) fn serialize<S: Serializer>(
        at: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.as_millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        Timestamp::deserialize(deserializer)
    }
}

/// Times that may be absent, as a union of null and `timestamp-millis`.
pub(super) mod optional_millis {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Timestamp};

    #[expect(
        clippy::ref_option,
        reason = "serde's `with` passes the field by reference"
    )]
    pub(crate) fn serialize<S: Serializer>(
        at: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::as_millis).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Option::deserialize(deserializer)
    }
}

/// Rule keys as four bytes.
pub(super) mod rule_key {
    use super::{Deserializer, RuleKey, Serializer, de};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes fields by reference"
    )]
    pub(crate) fn serialize<S: Serializer>(
        key: &RuleKey,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&key.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<RuleKey, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = RuleKey;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("four bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<RuleKey, E> {
                bytes
                    .try_into()
                    .map(RuleKey)
                    .map_err(|_| E::invalid_length(bytes.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
