//! One value of a body, as the body's type asks for it: a text, or what a text says.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::fields::{Field, FieldError, Map};
use super::template::Values;
use crate::yaml::Spot;

/// One value.
#[derive(Clone, Copy)]
pub(super) struct One<'r> {
    pub(super) field: &'r Field,
    pub(super) values: Option<&'r Values<'r>>,
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

    /// Whether only a row tells the value: then `check` takes any value of the wanted type.
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

    fn deserialize_str<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.is_open() {
            visitor.visit_borrowed_str("any")
        } else {
            self.deserialize_any(visitor)
        }
    }

    fn deserialize_string<V: Visitor<'r>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_str(visitor)
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
        i8 i16 i32 u8 u16 u32 u64 f32 f64 char bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier
        ignored_any
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

/// Returns whether a row has no value for a field.
pub(super) fn is_absent(field: &Field, values: Option<&Values<'_>>) -> bool {
    match (field, values) {
        (Field::Template(template), Some(values)) => template.is_absent(values),
        _ => false,
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
