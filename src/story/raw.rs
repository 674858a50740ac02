//! The file of stories as typed: every value with its place, nothing checked beyond the shape.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::yaml::Pairs;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFile {
    #[serde(default)]
    pub(super) definition: Option<Spanned<RawDefinition>>,
    pub(super) stories: Spanned<Vec<RawStory>>,
}

/// The definition that the stories are about.
#[derive(Debug)]
pub(super) enum RawDefinition {
    /// In a file of its own.
    File(String),
    /// In this file: whoever reads definitions reads it again.
    Here,
}

/// One story.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStory {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) start: Option<Spanned<String>>,
    pub(super) script: Vec<Spanned<RawStep>>,
}

/// One step of a script.
#[derive(Debug)]
pub(super) enum RawStep {
    NoAlerts,
    Keys(Box<RawKeys>),
}

/// What a step may say: one of these; `expect` stands beside `event`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKeys {
    #[serde(default)]
    pub(super) event: Option<Spanned<RawPairs>>,
    #[serde(default)]
    pub(super) expect: Option<RawExpected>,
    #[serde(default)]
    pub(super) advance: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) advance_to: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) alerts: Option<Vec<Spanned<RawPairs>>>,
    #[serde(default)]
    pub(super) scores: Option<Vec<Spanned<RawPairs>>>,
}

/// Names and values whose sense depends on each other.
pub(super) type RawPairs = Pairs<Value>;

/// How an event must end.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawExpected {
    Applied,
    Duplicate,
    Late,
    Ignored,
    DeadLetter(Spanned<String>),
}

impl<'de> Deserialize<'de> for RawDefinition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawDefinition;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a definition file, or a definition")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawDefinition, E> {
                Ok(RawDefinition::File(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawDefinition, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(RawDefinition::Here)
            }
        }
        from.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for RawStep {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = RawStep;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step, such as advance: 3d or no_alerts")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawStep, E> {
                match text {
                    "no_alerts" => Ok(RawStep::NoAlerts),
                    _ => Err(E::unknown_variant(text, &["no_alerts"])),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawStep, A::Error> {
                let keys = RawKeys::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawStep::Keys(Box::new(keys)))
            }
        }
        from.deserialize_any(Read)
    }
}
