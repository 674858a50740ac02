//! The configuration file as YAML gives it: any values, with the places of their keys.

use std::fmt;

use figment::value::Value;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::yaml::{Pairs, pairs};

/// A YAML document with the places of its keys.
pub(super) enum Tree {
    Value(Option<Value>),
    List(Vec<Value>),
    Map(Pairs<Tree>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Tree;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a list of values or a map")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Value(None))
            }
            fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Value(Some(text.into())))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Value(Some(value.into())))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Value(Some(value.into())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Value(Some(value.into())))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Value(Some(value.into())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element::<String>()? {
                    items.push(item.into());
                }
                Ok(Tree::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Tree, A::Error> {
                pairs(map).map(Tree::Map)
            }
        }
        from.deserialize_any(Read)
    }
}
