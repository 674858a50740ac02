//! YAML text as a tree in which every value knows its place.
//!
//! Scalars keep the text that was typed: `version: 2026.10` stays "2026.10" and `branch: 017` stays "017", where YAML
//! would make numbers of them. Reading is bounded: text, depth, number of values and copies by alias.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde_saphyr::{Location, Options, Spanned};

use super::problem::{Place, Problem};

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Nothing,
    Scalar(String),
    List(Vec<Node>),
    /// Keys in the order of the file; no key comes twice.
    Map(Vec<(Key, Node)>),
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

impl Node {
    /// What this is, in words for a message.
    pub(super) fn shape(&self) -> String {
        match &self.content {
            Content::Nothing => "nothing".to_owned(),
            Content::Scalar(text) => format!("{text:?}"),
            Content::List(_) => "a list".to_owned(),
            Content::Map(_) => "keys with values".to_owned(),
        }
    }
}

// A definition of a large bank has a few thousand lines; a mebibyte is far beyond it.
const BYTES_MAX: usize = 1 << 20;

/// Reads a text as one YAML document.
///
/// # Errors
/// The one place where it stops being YAML, or exceeds its bounds.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > BYTES_MAX {
        let message = format!("the file has {} bytes, more than {BYTES_MAX}", text.len());
        return Err(Problem::error(Place::default(), message));
    }
    let typed: Spanned<Typed> =
        serde_saphyr::from_str_with_options(text, limits()).map_err(|error| {
            let place = error.location().map_or(Place::default(), place);
            Problem::error(place, format!("not readable as YAML: {}", phrase(&error)))
                .help("look at brackets, quotes and indentation here and in the lines before")
        })?;
    Ok(typed.into_node(text))
}

fn limits() -> Options {
    serde_saphyr::options! {
        with_snippet: false,
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_depth: 24,
            max_nodes: 100_000,
            max_events: 300_000,
            max_aliases: 1_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
        },
    }
}

/// What the reader says, without the place, which we show ourselves, and without the names of its own options.
fn phrase(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        serde_saphyr::Error::MultipleDocuments { .. } => {
            "a second document begins here; a file holds one".to_owned()
        }
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!("key {:?} is written twice", key.as_deref().unwrap_or("?"))
        }
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            let line = line.split(" at line ").next().unwrap_or(line);
            let line = line.strip_prefix("error: ").unwrap_or(line);
            line.trim_end_matches('.').to_owned()
        }
    }
}

fn place(location: Location) -> Place {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    Place {
        line: number(location.line()),
        column: number(location.column()),
        length: number(location.span().len()).max(1),
    }
}

/// What YAML makes of a value, before we look up what was typed.
enum Typed {
    Nothing,
    /// A plain scalar that YAML takes for a number or a truth value; `text` if the source can't be cut.
    Plain(String),
    Text(String),
    List(Vec<Spanned<Typed>>),
    Map(Vec<(Spanned<String>, Spanned<Typed>)>),
}

trait IntoNode {
    fn into_node(self, source: &str) -> Node;
}

impl IntoNode for Spanned<Typed> {
    fn into_node(self, source: &str) -> Node {
        let place = place(self.referenced);
        let content = match self.value {
            Typed::Nothing => Content::Nothing,
            Typed::Text(text) => Content::Scalar(text),
            Typed::Plain(text) => {
                Content::Scalar(cut(source, self.defined).map_or(text, str::to_owned))
            }
            Typed::List(items) => Content::List(
                items
                    .into_iter()
                    .map(|item| item.into_node(source))
                    .collect(),
            ),
            Typed::Map(pairs) => Content::Map(
                pairs
                    .into_iter()
                    .map(|(key, value)| (into_key(key), value.into_node(source)))
                    .collect(),
            ),
        };
        Node { place, content }
    }
}

fn into_key(key: Spanned<String>) -> Key {
    Key {
        place: place(key.referenced),
        name: key.value,
    }
}

fn cut(source: &str, at: Location) -> Option<&str> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let length = usize::try_from(at.span().byte_len()?).ok()?;
    source.get(start..start.checked_add(length)?)
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Typed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Typed, E> {
                Ok(Typed::Nothing)
            }
            fn visit_none<E>(self) -> Result<Typed, E> {
                Ok(Typed::Nothing)
            }
            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Typed, D::Error> {
                Typed::deserialize(from)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_i128<E>(self, value: i128) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_u128<E>(self, value: u128) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Typed, E> {
                Ok(Typed::Plain(value.to_string()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Typed, E> {
                Ok(Typed::Text(text.to_owned()))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Typed, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Typed::List(items))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Typed, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Typed::Map(pairs))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar<'a>(node: &'a Node, key: &str) -> (&'a str, Place) {
        let Content::Map(pairs) = &node.content else {
            panic!("not a map")
        };
        let (_, value) = pairs.iter().find(|(k, _)| k.name == key).expect(key);
        match &value.content {
            Content::Scalar(text) => (text, value.place),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_scalar_keeps_what_was_typed_and_where() {
        let node = read("a: 2026.10\nb: 017\nc: \"1e3\"\nd: yes\ne: true\nf: ~x\n").expect("valid");
        let place = |line, length| Place {
            line,
            column: 4,
            length,
        };
        assert_eq!(scalar(&node, "a"), ("2026.10", place(1, 7)));
        assert_eq!(scalar(&node, "b"), ("017", place(2, 3)));
        assert_eq!(scalar(&node, "c").0, "1e3");
        assert_eq!(scalar(&node, "d").0, "yes");
        assert_eq!(scalar(&node, "e").0, "true");
    }

    #[test]
    fn what_is_not_yaml_is_refused_with_its_place() {
        for (text, line) in [
            ("a: [1, 2\nb: 3\n", 2),
            ("a: 1\na: 2\n", 2),
            ("a: 1\n---\nb: 2\n", 3),
            ("a:\n  b: 1\n c: 2\n", 3),
        ] {
            let problem = read(text).expect_err(text);
            assert_eq!(problem.place.line, line, "{text:?}: {problem}");
        }
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = "a0: &a0 [x, x]\n".to_owned();
        for i in 1..30 {
            text.extend([format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1)]);
        }
        assert!(read(&text).is_err());
        assert!(read(&"[".repeat(10_000)).is_err());
    }
}
