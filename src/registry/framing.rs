//! Where a record says which schema of a registry it was written with.
//!
//! ```text
//! value:  00 | id, 4 bytes, big endian | datum
//! header: __value_schema_id = 00 | id, or 01 | GUID, 16 bytes        value: datum
//! ```
//!
//! We read both and write the first. Where both are there the header counts, as for Confluent's own readers.

use super::SchemaId;

/// The header that names the schema of a value.
pub const SCHEMA_HEADER: &str = "__value_schema_id";

/// An id follows.
const NUMBER: u8 = 0x00;
/// A GUID follows.
const GUID: u8 = 0x01;

/// A value, taken out of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framing<'a> {
    /// What the datum was written with.
    pub schema: SchemaId,
    /// The rest.
    pub datum: &'a [u8],
}

/// A frame is begun and not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFramed {
    /// The value ends within its frame.
    #[error("the value begins with 00 and is too short for the id of a schema")]
    Value,
    /// The header holds something else.
    #[error("the header {SCHEMA_HEADER} holds neither 00 and an id nor 01 and a GUID")]
    Header,
}

impl<'a> Framing<'a> {
    /// Finds the frame of a value; none if it has none.
    ///
    /// # Errors
    /// [`NotFramed`] if there is one, and it is broken.
    pub fn of(header: Option<&[u8]>, value: &'a [u8]) -> Result<Option<Self>, NotFramed> {
        if let Some(header) = header {
            let schema = named(header).ok_or(NotFramed::Header)?;
            let datum = value;
            return Ok(Some(Self { schema, datum }));
        }
        let [NUMBER, rest @ ..] = value else {
            return Ok(None);
        };
        let (number, datum) = rest.split_first_chunk().ok_or(NotFramed::Value)?;
        let schema = SchemaId::Number(u32::from_be_bytes(*number));
        Ok(Some(Self { schema, datum }))
    }
}

fn named(header: &[u8]) -> Option<SchemaId> {
    match header {
        [NUMBER, rest @ ..] => {
            let number = rest.try_into().ok()?;
            Some(SchemaId::Number(u32::from_be_bytes(number)))
        }
        [GUID, rest @ ..] => Some(SchemaId::Guid(rest.try_into().ok()?)),
        _ => None,
    }
}

/// Puts a datum into the frame of the schema it was written with.
pub fn frame(schema: u32, datum: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(5 + datum.len());
    begin_frame(schema, &mut value);
    value.extend_from_slice(datum);
    value
}

/// Begins a value: the datum of this schema must follow.
pub fn begin_frame(schema: u32, value: &mut Vec<u8>) {
    value.push(NUMBER);
    value.extend_from_slice(&schema.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUID_BYTES: [u8; 16] = [7; 16];

    #[test]
    fn a_value_in_a_frame_comes_out_as_it_went_in() {
        let value = frame(0x0102_0304, b"datum");
        assert_eq!(value[..5], [0, 1, 2, 3, 4]);
        let (schema, datum) = (SchemaId::Number(0x0102_0304), &b"datum"[..]);
        assert_eq!(
            Framing::of(None, &value),
            Ok(Some(Framing { schema, datum }))
        );
    }

    #[test]
    fn the_header_counts_and_leaves_the_value_as_it_is() {
        let value = frame(7, b"datum");
        let schema = |header: &[u8]| {
            let framing = Framing::of(Some(header), &value).unwrap().unwrap();
            assert_eq!(framing.datum, value);
            framing.schema
        };
        assert_eq!(schema(&[0, 0, 0, 1, 0]), SchemaId::Number(256));
        let guid = [&[1][..], &GUID_BYTES].concat();
        assert_eq!(schema(&guid), SchemaId::Guid(GUID_BYTES));
    }

    #[test]
    fn what_has_no_frame_is_left_alone_and_a_broken_one_is_named() {
        assert_eq!(Framing::of(None, b"{}"), Ok(None));
        assert_eq!(Framing::of(None, b""), Ok(None));
        assert_eq!(Framing::of(None, &[0, 0, 0, 7]), Err(NotFramed::Value));
        for header in [
            &b""[..],
            &[0],
            &[0, 1, 2, 3, 4, 5],
            &[1, 2],
            &[2, 0, 0, 0, 1],
        ] {
            assert_eq!(Framing::of(Some(header), b"x"), Err(NotFramed::Header));
        }
    }

    #[test]
    fn a_guid_is_written_as_everybody_writes_it() {
        let guid = SchemaId::Guid(std::array::from_fn(|place| u8::try_from(place).unwrap()));
        assert_eq!(guid.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    }
}
