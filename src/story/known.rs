//! The names that a type reads: keys of a struct, words of an enum, as serde's derive knows them.
//!
//! So that a story can refuse a mistyped name of any event without a second list of all of them.

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use waymark_engine::event::{Body, Kind};

type Names = &'static [&'static str];

/// Returns the fields of a kind of event.
pub(super) fn fields(kind: Kind) -> Names {
    let mut names: Names = &[];
    // Asking for the names ends in an error, always.
    drop(Body::deserialize_as(kind, Ask(&mut names)));
    names
}

/// Returns the words of an enum.
pub(super) fn words<T: for<'de> Deserialize<'de>>() -> Names {
    let mut names: Names = &[];
    drop(T::deserialize(Ask(&mut names)));
    names
}

/// A format that holds nothing and remembers what it was asked for.
struct Ask<'a>(&'a mut Names);

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only names are asked for"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Names,
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: Names,
        visitor: V,
    ) -> Result<V::Value, Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waymark_engine::event::Party;

    #[test]
    fn the_types_themselves_tell_their_names() {
        assert_eq!(fields(Kind::StageEntered), ["stage", "owner"]);
        assert!(fields(Kind::EnquiryAnswered).is_empty());
        assert_eq!(
            words::<Party>(),
            ["customer", "bank", "third_party", "system", "unknown"]
        );
    }
}
