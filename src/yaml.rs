//! Files of ours in YAML, read into structs of ours: every mistake is told with its place and what to write instead.
//!
//! Structs name the keys they know (`deny_unknown_fields`) and wrap in [`Spanned`] what may be wrong beyond its shape.
//! Reading stops at the first mistake. Nothing here knows what the files are for.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::names::unknown;

/// Where something stands in a file, both from 1; 0 if unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) line: u64,
    pub(crate) column: u64,
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) spot: Spot,
    pub(crate) message: String,
}

/// Reads a text as one YAML document.
///
/// # Errors
/// The first [`Mistake`].
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        Mistake {
            spot: error.location().unwrap_or(Location::UNKNOWN).into(),
            message: explain(error),
        }
    })
}

/// Returns where a value stands.
pub(crate) fn spot<T>(value: &Spanned<T>) -> Spot {
    value.referenced.into()
}

/// Returns what makes a message about a value a mistake.
pub(crate) fn mistake<T>(at: &Spanned<T>) -> impl Fn(String) -> Mistake + use<T> {
    let spot = spot(at);
    move |message| Mistake { spot, message }
}

impl From<Location> for Spot {
    fn from(location: Location) -> Self {
        Self {
            line: location.line(),
            column: location.column(),
        }
    }
}

fn explain(error: &serde_saphyr::Error) -> String {
    match error {
        serde_saphyr::Error::SerdeUnknownField {
            field, expected, ..
        } => unknown("key", field, expected),
        serde_saphyr::Error::SerdeUnknownVariant {
            variant, expected, ..
        } => unknown("value", variant, expected),
        serde_saphyr::Error::SerdeMissingField { field, .. } => format!("{field} is missing"),
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!(
                "key {:?} stands here a second time",
                key.as_deref().unwrap_or_default()
            )
        }
        other => {
            // The place is told beside the message, not inside it.
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            line.rsplit_once(" at line ")
                .map_or(line, |(message, _)| message)
                .to_owned()
        }
    }
}

/// A map in the order of the file, with the places of its keys and values.
#[derive(Debug)]
pub(crate) struct Pairs<V>(pub(crate) Vec<(Spanned<String>, Spanned<V>)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Read<V> {
            type Value = Pairs<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Pairs<V>, A::Error> {
                pairs(map)
            }
        }
        from.deserialize_map(Read(PhantomData))
    }
}

/// Reads all that is left of a map.
pub(crate) fn pairs<'de, V: Deserialize<'de>, A: MapAccess<'de>>(
    mut map: A,
) -> Result<Pairs<V>, A::Error> {
    let mut pairs = Vec::new();
    while let Some(pair) = map.next_entry()? {
        pairs.push(pair);
    }
    Ok(Pairs(pairs))
}
