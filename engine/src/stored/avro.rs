//! Avro's binary encoding, as far as stored states need it: numbers, texts, lists and unions, out and in.
//!
//! A journey is read and written once for each event, and a reader that finds its way by the schema took three times as
//! long as the rest of the step. These few primitives (Avro specification, binary encoding) take no part in what is
//! stored: whoever writes and reads follows a schema, and tests have other implementations read and write the same bytes.
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

impl Damage {
    /// A union says a branch that it does not have.
    pub(crate) const UNION: Damage = Damage::Value("a union");
    /// A time is out of bounds.
    pub(crate) const TIME: Damage = Damage::Value("a time");
}

/// Room that most states need.
const BYTES_USUAL: usize = 512;

/// Bytes being written.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// Nothing yet, with room for a state of ordinary size.
    pub(crate) fn with_room() -> Self {
        Self(Vec::with_capacity(BYTES_USUAL))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes an `int` or a `long`: zigzag, seven bits a byte, the lowest first.
    pub(crate) fn long(&mut self, value: i64) {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        while rest >= 0x80 {
            self.0.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
    }

    /// Writes a length, a position, a count, or which branch of a union or symbol of an enum follows.
    pub(crate) fn count(&mut self, count: usize) {
        self.long(i64::try_from(count).expect("nothing in memory has more than 2^63 parts"));
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// Writes a `fixed`, or what follows a length.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.count(text.len());
        self.raw(text.as_bytes());
    }

    /// Writes a `double`.
    pub(crate) fn double(&mut self, value: f64) {
        self.raw(&value.to_le_bytes());
    }

    /// Writes a union of null and something.
    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.count(usize::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// Writes a list: one block with all items.
    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        write: impl FnMut(&mut Self, T),
    ) {
        self.items(items.len(), items, write);
    }

    /// The same of items that don't know how many they are.
    pub(crate) fn items<T>(
        &mut self,
        count: usize,
        items: impl Iterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        if count > 0 {
            self.count(count);
            items.for_each(|item| write(self, item));
        }
        self.count(0);
    }
}

/// Bytes still to be read.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn long(&mut self) -> Result<i64, Damage> {
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

    pub(crate) fn count(&mut self) -> Result<usize, Damage> {
        usize::try_from(self.long()?).map_err(|_| Damage::Value("a count"))
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Damage> {
        Ok(self.raw(1)? != [0])
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Damage> {
        let length = self.count()?;
        self.raw(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Damage> {
        str::from_utf8(self.bytes()?).map_err(|_| Damage::Text)
    }

    /// Reads a `double`.
    pub(crate) fn double(&mut self) -> Result<f64, Damage> {
        let bytes = self.fixed()?;
        Ok(f64::from_le_bytes(bytes))
    }

    /// Reads a `fixed`.
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Damage> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Damage::Cut)?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// Reads a position in a table or the symbol of an enum, and returns what it stands for.
    pub(crate) fn symbol<T: Copy>(&mut self, table: &[T]) -> Result<T, Damage> {
        let place = self.count()?;
        let found = table.get(place).ok_or(Damage::Value("a position"))?;
        Ok(*found)
    }

    /// Reads a union of null and something.
    pub(crate) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damage>,
    ) -> Result<Option<T>, Damage> {
        match self.count()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Damage::UNION),
        }
    }

    /// Reads a list item by item.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Damage>,
    ) -> Result<Vec<T>, Damage> {
        let mut items = Vec::new();
        loop {
            let count = self.block()?;
            if count == 0 {
                return Ok(items);
            }
            items.reserve(count.min(self.0.len())); // no item of ours takes less than a byte, whatever is claimed
            for _ in 0..count {
                items.push(read(self)?);
            }
        }
    }

    /// Reads how many items of a list or map come next; none ends it.
    pub(crate) fn block(&mut self) -> Result<usize, Damage> {
        let count = self.long()?;
        if count < 0 {
            self.long()?; // the block's size in bytes, for readers that pass over it
        }
        usize::try_from(count.unsigned_abs()).map_err(|_| Damage::Value("a count"))
    }
}
