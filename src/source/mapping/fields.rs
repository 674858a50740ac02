//! The fields of a body, filled from a row: a serde format whose values are templates.
//!
//! The body's own type asks for what it needs, so that a column becomes a number exactly where the schema has a number,
//! and no list of types is kept twice. A field whose template has no value is left out. Without a row ([`check`]) the same
//! walk tells whether the names are right and nothing required is missing.

use std::fmt::Display;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use waymark_engine::event::{Body, Kind};

use super::template::{Template, Values};
use super::value::{One, is_absent};
use crate::names::unknown;
use crate::yaml::Spot;

/// What a mapping puts into one field.
#[derive(Debug)]
pub(super) enum Field {
    Template(Template),
    Boolean(bool),
    Integer(i64),
    Number(f64),
    List(Vec<(Spot, Field)>),
    Map(Fields),
}

/// Named fields, in the order of the mapping.
pub(super) type Fields = Vec<Entry>;

/// A named field and where the mapping names it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    pub(super) spot: Spot,
    pub(super) field: Field,
}

/// Fills a body from a row.
pub(super) fn fill(kind: Kind, fields: &Fields, values: &Values<'_>) -> Result<Body, FieldError> {
    let from = Map {
        fields,
        values: Some(values),
    };
    Body::deserialize_as(kind, from)
}

/// Says what is wrong with the fields of a body whatever the row.
pub(super) fn check(kind: Kind, fields: &Fields) -> Result<(), FieldError> {
    let from = Map {
        fields,
        values: None,
    };
    match Body::deserialize_as(kind, from) {
        Err(error) if !error.needs_row => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Why a body cannot be filled.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct FieldError {
    pub(super) message: String,
    /// The entry of the mapping at fault, where it is one.
    pub(super) spot: Option<Spot>,
    /// Whether only a row can tell.
    needs_row: bool,
}

impl FieldError {
    pub(super) fn at(mut self, name: &str, spot: Spot) -> Self {
        if self.spot.is_none() {
            self.spot = Some(spot);
            self.message = format!("{name}: {}", self.message);
        }
        self
    }

    pub(super) fn needs_row() -> Self {
        Self {
            needs_row: true,
            ..Self::custom("needs a row")
        }
    }
}

impl serde::de::Error for FieldError {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            spot: None,
            needs_row: false,
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("{field} is missing"))
    }
}

/// Fields read as a struct or a map.
#[derive(Clone, Copy)]
pub(super) struct Map<'r> {
    pub(super) fields: &'r Fields,
    pub(super) values: Option<&'r Values<'r>>,
}

impl<'r> Deserializer<'r> for Map<'r> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_map(Entries {
            left: self.fields,
            current: None,
            values: self.values,
        })
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        let stranger = self
            .fields
            .iter()
            .find(|entry| !known.contains(&&*entry.name));
        match stranger {
            Some(entry) if self.values.is_none() => Err(FieldError {
                spot: Some(entry.spot),
                ..FieldError::custom(unknown("field", &entry.name, known))
            }),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'r>>
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Entries<'r> {
    left: &'r [Entry],
    current: Option<&'r Entry>,
    values: Option<&'r Values<'r>>,
}

impl<'r> MapAccess<'r> for Entries<'r> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'r>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, FieldError> {
        let values = self.values;
        let Some(next) = self
            .left
            .iter()
            .position(|entry| !is_absent(&entry.field, values))
        else {
            return Ok(None);
        };
        let entry = &self.left[next];
        self.left = &self.left[next + 1..];
        self.current = Some(entry);
        seed.deserialize(BorrowedStrDeserializer::new(&entry.name))
            .map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'r>>(&mut self, seed: S) -> Result<S::Value, FieldError> {
        let entry = self
            .current
            .take()
            .expect("serde asks for a value after its key");
        seed.deserialize(One {
            field: &entry.field,
            values: self.values,
        })
        .map_err(|error| error.at(&entry.name, entry.spot))
    }
}
