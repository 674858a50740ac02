//! The file of a mapping as typed: every value with its place, nothing checked beyond the shape.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use crate::yaml::{Pairs, pairs};

/// A whole mapping.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    pub(super) mapping: String,
    pub(super) feed: Spanned<String>,
    #[serde(default)]
    pub(super) separator: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) file_name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) none_if: Pairs<Texts>,
    pub(super) event_id: Spanned<String>,
    pub(super) customer_id: Spanned<String>,
    #[serde(default)]
    pub(super) application_id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) case_id: Option<Spanned<String>>,
    pub(super) occurred_at: Spanned<RawMoment>,
    #[serde(default)]
    pub(super) channel: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) actor: Option<RawActor>,
    #[serde(default)]
    pub(super) dimensions: Pairs<String>,
    pub(super) events: Vec<RawRule>,
    #[serde(default)]
    pub(super) otherwise: Otherwise,
}

/// Who acted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawActor {
    #[serde(rename = "type")]
    pub(super) party: Spanned<String>,
    #[serde(default)]
    pub(super) id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) department: Option<Spanned<String>>,
}

/// What a row of one sort means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    #[serde(default)]
    pub(super) when: Pairs<Texts>,
    #[serde(rename = "type")]
    pub(super) kind: Spanned<String>,
    #[serde(default)]
    pub(super) actor: Option<RawActor>,
    #[serde(default)]
    pub(super) fields: Pairs<RawField>,
}

/// What becomes of a row that no rule describes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Otherwise {
    /// A dead letter.
    #[default]
    Error,
    /// Counted as ignored.
    Ignore,
}

/// The time of a row.
#[derive(Debug)]
pub(super) enum RawMoment {
    Text(String),
    Local(RawLocal),
}

/// Local texts in a zone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLocal {
    pub(super) zone: Spanned<String>,
    pub(super) read: Vec<RawReading>,
}

/// One way to read a local time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReading {
    pub(super) text: Spanned<String>,
    pub(super) format: Spanned<String>,
}

/// A value of a body: a text with columns in it, a constant, or several of them.
#[derive(Debug)]
pub(super) enum RawField {
    Text(String),
    Boolean(bool),
    Integer(i64),
    Number(f64),
    List(Vec<Spanned<RawField>>),
    Map(Pairs<RawField>),
}

/// One text or several.
#[derive(Debug)]
pub(super) struct Texts(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match RawField::deserialize(from)? {
            RawField::List(items) => items.into_iter().map(|item| item.value.text()).collect(),
            one => one.text().map(|text| vec![text]),
        }
        .map(Texts)
        .ok_or_else(|| D::Error::custom("a text or a list of texts is expected"))
    }
}

impl RawField {
    /// Returns a scalar as text: YAML reads an unquoted 11 as a number.
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(number) => Some(number.to_string()),
            Self::Boolean(_) | Self::Number(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for RawField {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawField;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false, a list or a map")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawField, E> {
                Ok(RawField::Text(text.to_owned()))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<RawField, E> {
                Ok(RawField::Boolean(value))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<RawField, E> {
                Ok(RawField::Integer(value))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<RawField, E> {
                i64::try_from(value)
                    .map(RawField::Integer)
                    .map_err(|_| E::custom("the number has more than 63 bits"))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<RawField, E> {
                Ok(RawField::Number(value))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawField, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(RawField::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawField, A::Error> {
                pairs(map).map(RawField::Map)
            }
        }
        from.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for RawMoment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawMoment;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text with a column in it, or a map with zone and read")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawMoment, E> {
                Ok(RawMoment::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMoment, A::Error> {
                RawLocal::deserialize(MapAccessDeserializer::new(map)).map(RawMoment::Local)
            }
        }
        from.deserialize_any(Read)
    }
}
