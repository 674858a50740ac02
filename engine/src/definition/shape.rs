//! From the tree to the structs of `raw`: keys, lists and texts must be where the structs want them.
//!
//! This is a serde deserializer that does not stop at the first mistake. Whatever is wrong goes to the list of problems
//! with its place; an [`Entry`](super::placed::Entry) that went wrong is left out, and its siblings are still read. An error that leaves a
//! deserializer of this chapter has been reported, so whoever receives it may drop it.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::names::{choices, suggestion};
use super::placed::AT;
use super::problem::{Place, Problem};
use super::tree::{Content, Key, Node};

/// Reads a tree into a struct, and tells everything that does not fit.
pub(super) fn read<T: DeserializeOwned>(node: &Node) -> (Option<T>, Vec<Problem>) {
    let problems = RefCell::default();
    let reader = Reader {
        node,
        problems: &problems,
    };
    let value = T::deserialize(reader).ok();
    (value, problems.into_inner())
}

/// Why reading stopped: already told, or still to be told by whoever knows the place.
#[derive(Debug)]
enum Stop {
    Told,
    Untold(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Told => f.write_str("reported"),
            Stop::Untold(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Stop::Untold(message.to_string())
    }
    fn missing_field(field: &'static str) -> Self {
        Stop::Untold(format!("{field:?} is missing"))
    }
    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Stop::Untold(format!("expected {expected}"))
    }
}

/// One node about to be read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    problems: &'a RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    fn tell(self, problem: Problem) -> Stop {
        self.problems.borrow_mut().push(problem);
        Stop::Told
    }

    /// Gives an untold error the place of this node.
    fn told<T>(self, result: Result<T, Stop>) -> Result<T, Stop> {
        result.map_err(|stop| match stop {
            Stop::Told => Stop::Told,
            Stop::Untold(message) => {
                self.tell(Problem::error(self.node.place, message).help("add it here"))
            }
        })
    }

    fn expected<T>(self, what: &str) -> Result<T, Stop> {
        let message = format!("expected {what}, found {}", self.node.shape());
        let help = match what {
            "a list" => "write [first, second], or one item a line after a dash",
            "a number" | "a whole number" => "write it in digits, such as 10",
            "a text" | "a word" => "write one text here",
            _ => "the JSON Schema of the file shows every form (waymark schemas print definition)",
        };
        Err(self.tell(Problem::error(self.node.place, message).help(help)))
    }

    fn text(self, what: &str) -> Result<&'a str, Stop> {
        match &self.node.content {
            Content::Scalar(text) => Ok(text),
            _ => self.expected(what),
        }
    }

    fn number<T: std::str::FromStr>(self, what: &str) -> Result<T, Stop> {
        match self.text(what)?.parse() {
            Ok(number) => Ok(number),
            Err(_) => self.expected(what),
        }
    }

    fn child(self, node: &'a Node) -> Self {
        Self { node, ..self }
    }

    fn items(self, items: &'a [Node]) -> Items<'a> {
        Items {
            reader: self,
            rest: items.iter(),
        }
    }

    /// Reads keys with values; `known` are the keys allowed, or nothing where the author makes them up.
    fn pairs(self, pairs: &'a [(Key, Node)], known: Option<&'static [&'static str]>) -> Keys<'a> {
        let fits = |key: &Key| known.is_none_or(|known| known.contains(&key.name.as_str()));
        for (key, _) in pairs.iter().filter(|(key, _)| !fits(key)) {
            let message = format!("unknown key {:?}", key.name);
            let names = known.unwrap_or_default().iter().copied();
            self.tell(Problem::error(key.place, message).help(suggestion(&key.name, names)));
        }
        // A key without a value is a key not written yet: its default applies.
        let usable = pairs
            .iter()
            .filter(|(key, node)| {
                fits(key) && !(known.is_some() && matches!(node.content, Content::Nothing))
            })
            .collect::<Vec<_>>();
        Keys {
            reader: self,
            rest: usable.into_iter(),
            value: None,
        }
    }
}

macro_rules! numbers {
    ($($method:ident => $visit:ident, $type:ty, $what:literal;)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            let number: $type = self.number($what)?;
            self.told(visitor.$visit(number))
        }
    )+};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.told(match &self.node.content {
            Content::Nothing => visitor.visit_unit(),
            Content::Scalar(text) => visitor.visit_borrowed_str(text),
            Content::List(items) => visitor.visit_seq(self.items(items)),
            Content::Map(pairs) => visitor.visit_map(self.pairs(pairs, None)),
        })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let text = self.text("a text")?;
        self.told(visitor.visit_borrowed_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_str(visitor)
    }

    numbers! {
        deserialize_u8 => visit_u8, u8, "a whole number";
        deserialize_u16 => visit_u16, u16, "a whole number";
        deserialize_u32 => visit_u32, u32, "a whole number";
        deserialize_u64 => visit_u64, u64, "a whole number";
        deserialize_f64 => visit_f64, f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::List(items) => self.told(visitor.visit_seq(self.items(items))),
            Content::Nothing => self.told(visitor.visit_seq(self.items(&[]))),
            _ => self.expected("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Map(pairs) => self.told(visitor.visit_map(self.pairs(pairs, None))),
            _ => self.expected("keys with values"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        match &self.node.content {
            Content::Map(pairs) => self.told(visitor.visit_map(self.pairs(pairs, Some(known)))),
            _ => self.expected(&format!("keys such as {}", known.join(", "))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name == AT {
            visitor.visit_seq(Placed::new(self.node.place, self))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    /// An enum is either a choice of words, or a choice of shapes whose variants are called `text`, `list` and `keys`.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let shape = match &self.node.content {
            Content::Nothing => "nothing",
            Content::Scalar(_) => "text",
            Content::List(_) => "list",
            Content::Map(_) => "keys",
        };
        let of_shapes = variants
            .iter()
            .all(|name| ["text", "list", "keys"].contains(name));
        if of_shapes {
            if !variants.contains(&shape) {
                return self.expected(&format!("a {}", variants.join(" or a ")));
            }
            return self.told(visitor.visit_enum(Variant {
                name: shape,
                reader: self,
            }));
        }
        let name = self.text("a word")?;
        if !variants.contains(&name) {
            let problem = Problem::error(self.node.place, format!("unknown word {name:?}"));
            let help = match variants.len() {
                ..=8 => choices(variants.iter().copied()),
                _ => suggestion(name, variants.iter().copied()),
            };
            return Err(self.tell(problem.help(help)));
        }
        self.told(visitor.visit_enum(Variant { name, reader: self }))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u128 f32 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The items of a list.
struct Items<'a> {
    reader: Reader<'a>,
    rest: std::slice::Iter<'a, Node>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = Stop;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        let Some(node) = self.rest.next() else {
            return Ok(None);
        };
        let reader = self.reader.child(node);
        reader.told(seed.deserialize(reader)).map(Some)
    }
}

/// Keys with values.
struct Keys<'a> {
    reader: Reader<'a>,
    rest: std::vec::IntoIter<&'a (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'de> de::MapAccess<'de> for Keys<'de> {
    type Error = Stop;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Stop> {
        let Some((key, node)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(node);
        seed.deserialize(KeyReader(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Stop> {
        let node = self.value.take().unwrap_or(self.reader.node);
        let reader = self.reader.child(node);
        reader.told(seed.deserialize(reader))
    }
}

/// A key: a text, with its place for those who ask.
#[derive(Clone, Copy)]
struct KeyReader<'a>(&'a Key);

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_borrowed_str(&self.0.name)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        visitor.visit_seq(Placed::new(self.0.place, self))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// What [`At`] reads: line, column and length, then the value itself.
struct Placed<D> {
    numbers: std::array::IntoIter<u32, 3>,
    value: Option<D>,
}

impl<D> Placed<D> {
    fn new(place: Place, value: D) -> Self {
        Self {
            numbers: [place.line, place.column, place.length].into_iter(),
            value: Some(value),
        }
    }
}

impl<'de, D: Deserializer<'de, Error = Stop>> de::SeqAccess<'de> for Placed<D> {
    type Error = Stop;
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Stop> {
        if let Some(number) = self.numbers.next() {
            return seed.deserialize(number.into_deserializer()).map(Some);
        }
        self.value
            .take()
            .map(|value| seed.deserialize(value))
            .transpose()
    }
}

/// The chosen variant of an enum; what it holds, if anything, is the node itself.
struct Variant<'a> {
    name: &'a str,
    reader: Reader<'a>,
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Stop;
    type Variant = Reader<'de>;
    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Reader<'de>), Stop> {
        let name = de::value::BorrowedStrDeserializer::new(self.name);
        Ok((seed.deserialize(name)?, self.reader))
    }
}

impl<'de> de::VariantAccess<'de> for Reader<'de> {
    type Error = Stop;
    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self)
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_seq(visitor)
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.deserialize_struct("", known, visitor)
    }
}
