//! Events as Avro: the form for topics and large files.
//!
//! A datum is read with the schema it was written with. serde matches records, fields and symbols by name, so a writer
//! may be older (fields with defaults may be absent) or newer (fields we don't know are passed over; a record we don't know
//! is `Ignored`) than `schemas/interaction_event.avsc`. Namespaces don't matter.
//!
//! The schema is trusted, the bytes are not: depth and lists are bounded, and no text is allocated before all of its bytes
//! are there.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;
use std::sync::LazyLock;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IgnoredAny, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeError, DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;

use super::checks::{check, check_size};
use super::misfit::{follow, misfit, unreadable};
use super::raw::{Envelope, RawEvent};
use super::{Body, Decoded, Event, Kind, Reason, Rejection, Text};

/// Our own schema needs a depth of 6; the rest is room for fields that a newer writer may have.
const DEPTH_MAX: usize = 16;

/// Elements of one list, also of lists we pass over. Elements may take no bytes at all, so the record's size is no bound.
const ELEMENTS_MAX: usize = 1_024;

/// How Avro's single-object encoding begins.
const SINGLE_OBJECT_MARKER: [u8; 2] = [0xC3, 0x01];

/// Reads an event from an Avro datum, written with `schema`.
///
/// # Errors
/// A [`Rejection`]: `too_large`, `unreadable` for bytes that don't follow the schema, else `invalid` or `bad_time`, naming
/// the field.
pub fn decode_avro(bytes: &[u8], schema: &Schema) -> Result<Decoded, Rejection> {
    check_size(bytes)?;
    let mut state = bounded(bytes, schema);
    let raw = RawEvent::<RawBody>::deserialize(state.deserializer())
        .map_err(|error| explain(&error, bytes, schema))?;
    let left = left_over(state);
    if left > 0 {
        let detail = format!("{left} bytes follow the event");
        return Err(unreadable("", &detail));
    }
    match raw.split() {
        (envelope, RawBody::Known(body)) => check(envelope, body, bytes.len()).map(Decoded::Event),
        (_, RawBody::Unknown(type_name)) => Ok(Decoded::Ignored { type_name }),
    }
}

/// Reads an event in Avro's single-object encoding: two marker bytes, the fingerprint of the schema, the datum.
///
/// # Errors
/// As [`decode_avro`]; also `unreadable` where the marker is missing, and `unknown_schema`.
pub fn decode_single_object(bytes: &[u8], schemas: &WriterSchemas) -> Result<Decoded, Rejection> {
    let Some((fingerprint, datum)) = bytes
        .strip_prefix(&SINGLE_OBJECT_MARKER)
        .and_then(|rest| rest.split_first_chunk())
    else {
        let detail = "the record does not begin with c3 01 and a fingerprint";
        return Err(unreadable("", detail));
    };
    let Some(schema) = schemas.find(*fingerprint) else {
        let number = u64::from_le_bytes(*fingerprint);
        let detail = format!("no schema has the fingerprint {number:016x}");
        return Err(Rejection::new(Reason::UnknownSchema, detail));
    };
    decode_avro(datum, schema)
}

/// Writes an event as an Avro datum of [`event_schema`].
pub fn encode_avro(event: &Event) -> Vec<u8> {
    let mut config = SerializerConfig::new(event_schema());
    serde_avro_fast::to_datum_vec(&Envelope::new(event, &event.body), &mut config)
        .expect("every kind has its record in our schema, checked by a test")
}

/// Writes an event in Avro's single-object encoding, with [`event_schema`].
pub fn encode_single_object(event: &Event) -> Vec<u8> {
    let fingerprint = event_schema().rabin_fingerprint();
    [&SINGLE_OBJECT_MARKER, &fingerprint[..], &encode_avro(event)].concat()
}

/// Returns the schema we write with, `schemas/interaction_event.avsc`.
pub fn event_schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        include_str!("../../../schemas/interaction_event.avsc")
            .parse()
            .expect("our schema is a literal, checked by a test")
    });
    &SCHEMA
}

/// The schemas that single objects may be written with, by CRC-64-AVRO fingerprint. Ours is always among them.
#[derive(Debug, Default)]
pub struct WriterSchemas {
    others: BTreeMap<[u8; 8], Schema>,
}

impl WriterSchemas {
    /// Adds the schema of an older, newer or foreign writer.
    pub fn insert(&mut self, schema: Schema) {
        self.others.insert(*schema.rabin_fingerprint(), schema);
    }

    /// Returns the schema with a fingerprint, in the byte order of the wire.
    pub fn find(&self, fingerprint: [u8; 8]) -> Option<&Schema> {
        let ours = event_schema();
        if fingerprint == *ours.rabin_fingerprint() {
            return Some(ours);
        }
        self.others.get(&fingerprint)
    }
}

/// A body whose record we may or may not know.
enum RawBody {
    Known(Body),
    Unknown(Text),
}

impl<'de> Deserialize<'de> for RawBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Record;
        impl<'de> Visitor<'de> for Record {
            type Value = RawBody;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a record named after a kind of event")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<RawBody, A::Error> {
                let (name, record) = data.variant::<RecordName>()?;
                match name {
                    RecordName::Known(kind) => record
                        .newtype_variant_seed(Fields(kind))
                        .map(RawBody::Known),
                    RecordName::Unknown(name) => record
                        .newtype_variant::<IgnoredAny>()
                        .map(|_| RawBody::Unknown(name)),
                }
            }
        }
        deserializer.deserialize_enum("Body", &[], Record)
    }
}

/// The name of a body's record, without its namespace.
enum RecordName {
    Known(Kind),
    Unknown(Text),
}

impl<'de> Deserialize<'de> for RecordName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = RecordName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a record")
            }
            fn visit_str<E: serde::de::Error>(self, full: &str) -> Result<RecordName, E> {
                let name = full.rsplit('.').next().unwrap_or(full);
                let known = Kind::deserialize(StrDeserializer::<E>::new(name));
                Ok(known.map_or_else(|_| RecordName::Unknown(name.into()), RecordName::Known))
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

/// The fields of a body whose kind is known.
struct Fields(Kind);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Body;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Body, D::Error> {
        Body::deserialize_as(self.0, deserializer)
    }
}

fn bounded<'a>(bytes: &'a [u8], schema: &'a Schema) -> DeserializerState<'a, SliceRead<'a>> {
    let mut config = DeserializerConfig::new(schema);
    config.allowed_depth = DEPTH_MAX;
    config.max_seq_size = ELEMENTS_MAX;
    DeserializerState::with_config(SliceRead::new(bytes), config)
}

fn left_over(state: DeserializerState<'_, SliceRead<'_>>) -> usize {
    state.into_reader().fill_buf().map_or(0, <[u8]>::len)
}

/// Tells bytes that don't follow their schema from a datum that is no event.
fn explain(error: &DeError, bytes: &[u8], schema: &Schema) -> Rejection {
    let path = follow(bounded(bytes, schema).deserializer(), |from| {
        RawEvent::<RawBody>::deserialize(from)
    });
    let mut state = bounded(bytes, schema);
    if IgnoredAny::deserialize(state.deserializer()).is_ok() && left_over(state) == 0 {
        misfit(&path, &error.to_string())
    } else {
        unreadable(&path, &error.to_string())
    }
}
