//! The fields of a body, filled from a row: a serde format whose values are templates.
//!
//! The body's own type asks for what it needs, so that a column becomes a number exactly where the schema has a number,
//! and no list of types is kept twice. A field whose template has no value is left out. Without a row ([`check`]) the same
//! walk tells whether the names are right and nothing required is missing.

use std::borrow::Cow;
use std::fmt::Display;

use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use waymark_engine::event::{Body, Kind};

use super::Spot;
use super::template::{Template, Values};

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
    match Body::deserialize_as(
        kind,
        Map {
            fields,
            values: None,
        },
    ) {
        Ok(_) => Ok(()),
        Err(error) if error.needs_row => Ok(()),
        Err(error) => Err(error),
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
    fn at(mut self, name: &str, spot: Spot) -> Self {
        if self.spot.is_none() {
            self.spot = Some(spot);
            self.message = format!("{name}: {}", self.message);
        }
        self
    }

    fn needs_row() -> Self {
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
struct Map<'r> {
    fields: &'r Fields,
    values: Option<&'r Values<'r>>,
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
        let unknown = self
            .fields
            .iter()
            .find(|entry| !known.contains(&&*entry.name));
        match unknown {
            Some(entry) if self.values.is_none() => Err(FieldError {
                spot: Some(entry.spot),
                ..FieldError::custom(super::unknown("field", &entry.name, known))
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

/// A list without its absent items.
struct Items<'r> {
    left: std::slice::Iter<'r, (Spot, Field)>,
    values: Option<&'r Values<'r>>,
}

impl<'r> SeqAccess<'r> for Items<'r> {
    type Error = FieldError;

    fn next_element_seed<S: DeserializeSeed<'r>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FieldError> {
        let values = self.values;
        let Some((spot, field)) = self.left.find(|(_, field)| !is_absent(field, values)) else {
            return Ok(None);
        };
        seed.deserialize(One { field, values })
            .map(Some)
            .map_err(|error| error.at("an item", *spot))
    }
}

fn is_absent(field: &Field, values: Option<&Values<'_>>) -> bool {
    match (field, values) {
        (Field::Template(template), Some(values)) => template.is_absent(values),
        _ => false,
    }
}

/// One value.
#[derive(Clone, Copy)]
struct One<'r> {
    field: &'r Field,
    values: Option<&'r Values<'r>>,
}

impl<'r> One<'r> {
    /// The text of a template; `None` for the other forms.
    fn text(&self) -> Option<Cow<'r, str>> {
        match (self.field, self.values) {
            (Field::Template(template), Some(values)) => template.render(values).ok(),
            (Field::Template(template), None) => template.fixed().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// Whether only a row tells the value: then [`check`] takes any value of the wanted type.
    fn is_open(&self) -> bool {
        matches!(self.field, Field::Template(template) if self.values.is_none() && template.fixed().is_none())
    }
}

/// Reads a text as another type where the body has that type.
macro_rules! from_text {
    ($method:ident, $visit:ident, $parse:path, $any:literal, $what:literal) => {
        fn $method<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
            match self.text() {
                _ if self.is_open() => visitor.$visit($any),
                Some(text) => match $parse(&text) {
                    Some(value) => visitor.$visit(value),
                    None => Err(FieldError::custom(format_args!(
                        concat!("{:?} is not ", $what),
                        text
                    ))),
                },
                None => self.deserialize_any(visitor),
            }
        }
    };
}

impl<'r> Deserializer<'r> for One<'r> {
    type Error = FieldError;

    /// Asked for by values that may be of several types, all of which take a number: times and values of custom events.
    fn deserialize_any<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match (self.field, self.text()) {
            _ if self.is_open() => visitor.visit_i64(0),
            (Field::Template(_), Some(Cow::Borrowed(text))) => visitor.visit_borrowed_str(text),
            (Field::Template(_), Some(Cow::Owned(text))) => visitor.visit_string(text),
            (Field::Template(_), None) => visitor.visit_none(),
            (Field::Boolean(value), _) => visitor.visit_bool(*value),
            (Field::Integer(value), _) => visitor.visit_i64(*value),
            (Field::Number(value), _) => visitor.visit_f64(*value),
            (Field::List(items), _) => visitor.visit_seq(Items {
                left: items.iter(),
                values: self.values,
            }),
            (Field::Map(fields), _) => Map {
                fields,
                values: self.values,
            }
            .deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.is_open() {
            visitor.visit_borrowed_str("any")
        } else {
            self.deserialize_any(visitor)
        }
    }

    from_text!(
        deserialize_i64,
        visit_i64,
        whole_number,
        0,
        "a whole number"
    );
    from_text!(
        deserialize_bool,
        visit_bool,
        boolean,
        false,
        "true or false"
    );

    fn deserialize_option<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'r>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'r>>(
        self,
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.field {
            Field::Map(fields) => Map {
                fields,
                values: self.values,
            }
            .deserialize_struct(name, known, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'r>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.text() {
            _ if self.is_open() => Err(FieldError::needs_row()),
            Some(text) => {
                let text: CowStrDeserializer<'_, FieldError> = text.into_deserializer();
                visitor.visit_enum(text)
            }
            None => Err(FieldError::custom("is not a text")),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'r>>
        i8 i16 i32 u8 u16 u32 u64 f32 f64 char str bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier
        ignored_any
    }
}

/// Spreadsheets like to write 5000 as 5000.0.
fn whole_number(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    whole.parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}
