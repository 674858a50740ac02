//! Avro's binary encoding, as far as a stored journey needs it: numbers, texts, lists and unions, out and in.
//!
//! A journey is read and written once for each event, and a reader that finds its way by the schema took three times as
//! long as the rest of the step. These few primitives (Avro specification, binary encoding) take no part in what is
//! stored: `write` and `read` follow the schema, and a test has another implementation read and write the same bytes.
//!
//! Reading is total. Lists are taken item by item and every item takes a byte, so that damage can't make us allocate more
//! than a small multiple of the bytes at hand.

use std::str;

/// In what way stored bytes do not follow their schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// There are fewer bytes than it takes.
    #[error("it ends too early")]
    Cut,
    /// A number takes more than 64 bits.
    #[error("a number is too long")]
    Number,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A value can't be what its field says.
    #[error("{0} is out of bounds")]
    Value(&'static str),
}

/// Room that most journeys need.
const BYTES_USUAL: usize = 512;

/// Bytes being written.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Nothing yet, with room for a journey of ordinary size.
    pub(super) fn with_room() -> Self {
        Self(Vec::with_capacity(BYTES_USUAL))
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes an `int` or a `long`: zigzag, seven bits a byte, the lowest first.
    pub(super) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            self.0.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
    }

    /// Writes a length, a position, a count, or which branch of a union or symbol of an enum follows.
    pub(super) fn count(&mut self, count: usize) {
        self.long(i64::try_from(count).expect("nothing in memory has more than 2^63 parts"));
    }

    pub(super) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// Writes a `fixed`, or what follows a length.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }
}

/// Bytes still to be read.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn long(&mut self) -> Result<i64, Damage> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Damage::Cut)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        Err(Damage::Number)
    }

    pub(super) fn count(&mut self) -> Result<usize, Damage> {
        usize::try_from(self.long()?).map_err(|_| Damage::Value("a count"))
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Damage> {
        Ok(self.raw(1)? != [0])
    }

    pub(super) fn raw(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.count()?;
        self.raw(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Damage> {
        str::from_utf8(self.bytes()?).map_err(|_| Damage::Text)
    }

    /// Reads how many items of a list or map come next; none ends it.
    pub(super) fn block(&mut self) -> Result<usize, Damage> {
        let count = self.long()?;
        if count < 0 {
            self.long()?; // the block's size in bytes, for readers that pass over it
        }
        usize::try_from(count.unsigned_abs()).map_err(|_| Damage::Value("a count"))
    }
}
