//! Avro object containers (Avro 1.12 specification, "Object Container Files"): null, deflate and zstandard.
//!
//! ```text
//! Obj 1 │ metadata: schema, codec │ sync │ count, size, data, sync │ count, size, data, sync │ …
//! ```
//!
//! The framing is read here, because a dead letter needs the bytes of its datum, which no container reader hands out.
//! At most one block is held, of at most [`BLOCK_BYTES_MAX`] packed and unpacked.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::de::{IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::{ReaderRead, SliceRead};
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use waymark_engine::event::{Reason, Rejection, decode_avro};

use super::input::Bytes;
use super::{At, KEPT_BYTES_MAX, Place, RECORD_BYTES_MAX, Record, SourceError};

/// The largest block we take, in bytes. Writers make blocks of 16 KiB to 4 MiB.
const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The longest list inside a datum. Items may take no bytes at all, so that the size of the block is no bound.
const ITEMS_MAX: usize = 65_536;

/// Reads the records of a container.
pub(super) struct Container {
    file: Arc<str>,
    bytes: Bytes,
    schema: Schema,
    codec: Codec,
    sync: [u8; 16],
    block: Vec<u8>,
    /// Where the next datum begins in `block`.
    at: usize,
    /// How many datums of `block` are still to come.
    left: u64,
    record: u64,
}

#[derive(Clone, Copy)]
enum Codec {
    Null,
    Deflate,
    Zstandard,
}

impl Container {
    pub(super) fn open(file: Arc<str>, mut bytes: Bytes) -> Result<Self, SourceError> {
        let failed = |cause| torn(Place::start(&file), cause, "its header is incomplete");
        exact::<4>(&mut bytes).map_err(failed)?;
        let metadata = metadata(&mut bytes).map_err(|detail| SourceError::Format {
            file: Arc::clone(&file),
            detail: format!("its Avro header cannot be read: {detail}"),
        })?;
        let sync = exact(&mut bytes).map_err(failed)?;
        let wrong = |detail| SourceError::Format {
            file: Arc::clone(&file),
            detail,
        };
        Ok(Self {
            codec: codec(&metadata).map_err(wrong)?,
            schema: schema(&metadata).map_err(wrong)?,
            file,
            bytes,
            sync,
            block: Vec::new(),
            at: 0,
            left: 0,
            record: 0,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, SourceError> {
        while self.left == 0 {
            if !self.read_block()? {
                return Ok(None);
            }
        }
        self.record += 1;
        self.left -= 1;
        let rest = &self.block[self.at..];
        let length = datum_length(rest, &self.schema).map_err(|detail| {
            self.damaged(format!("does not follow the schema of its file: {detail}"))
        })?;
        let datum = &rest[..length];
        let record = Record {
            place: self.place(),
            value: datum[..length.min(kept(length))].to_vec(),
            decoded: if length > RECORD_BYTES_MAX {
                Err(Rejection::new(
                    Reason::TooLarge,
                    format!("the record has {length} bytes, more than {RECORD_BYTES_MAX}"),
                ))
            } else {
                decode_avro(datum, &self.schema)
            },
        };
        self.at += length;
        Ok(Some(record))
    }

    /// Replaces the block by the next one; `false` at the end of the file.
    fn read_block(&mut self) -> Result<bool, SourceError> {
        if self.at < self.block.len() {
            let extra = self.block.len() - self.at;
            return Err(self.damaged(format!(
                "is followed by {extra} bytes that no record claims"
            )));
        }
        let after = self.place();
        let failed = |cause| torn(after.clone(), cause, "a block is incomplete");
        if self.bytes.fill_buf().map_err(failed)?.is_empty() {
            return Ok(false);
        }
        let count = long(&mut self.bytes).map_err(failed)?;
        let size = long(&mut self.bytes).map_err(failed)?;
        let (Ok(count), Some(size)) = (u64::try_from(count), block_size(size)) else {
            let most = BLOCK_BYTES_MAX >> 20;
            return Err(self.damaged(format!(
                "is followed by a block of {count} records in {size} bytes; at most {most} MiB are taken"
            )));
        };
        let mut packed = Vec::new();
        let read = (&mut self.bytes).take(size).read_to_end(&mut packed);
        if (read.map_err(failed)? as u64) < size {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        let sync: [u8; 16] = exact(&mut self.bytes).map_err(failed)?;
        if sync != self.sync {
            return Err(self.damaged("is followed by a block without the mark of this file".into()));
        }
        self.block = unpack(self.codec, packed).map_err(|cause| {
            self.damaged(format!(
                "is followed by a block that cannot be unpacked: {cause}"
            ))
        })?;
        self.at = 0;
        self.left = count;
        Ok(true)
    }

    fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.file),
            at: At::Record(self.record),
        }
    }

    fn damaged(&self, detail: String) -> SourceError {
        SourceError::Damaged {
            place: self.place(),
            detail,
        }
    }
}

fn kept(length: usize) -> usize {
    if length > RECORD_BYTES_MAX {
        KEPT_BYTES_MAX
    } else {
        length
    }
}

fn block_size(size: i64) -> Option<u64> {
    let size = u64::try_from(size).ok()?;
    (size <= BLOCK_BYTES_MAX as u64).then_some(size)
}

/// Tells a file that ends too early from one that cannot be read.
fn torn(after: Place, cause: io::Error, what: &str) -> SourceError {
    if cause.kind() == io::ErrorKind::UnexpectedEof {
        SourceError::Truncated {
            after,
            detail: what.to_owned(),
        }
    } else {
        SourceError::Read {
            after,
            source: cause,
        }
    }
}

type Metadata = HashMap<String, Octets>;

fn metadata(bytes: &mut Bytes) -> Result<Metadata, String> {
    let form: Schema = r#"{"type": "map", "values": "bytes"}"#
        .parse()
        .expect("the schema is a literal");
    let mut config = DeserializerConfig::new(&form);
    config.max_seq_size = 1_000;
    let mut reader = ReaderRead::new(bytes);
    reader.max_alloc_size = RECORD_BYTES_MAX;
    let mut state = DeserializerState::with_config(reader, config);
    Metadata::deserialize(state.deserializer()).map_err(|error| error.to_string())
}

/// Bytes that need not be text.
struct Octets(Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Octets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                Ok(Octets(bytes.to_owned()))
            }
        }
        from.deserialize_bytes(Read)
    }
}

fn codec(metadata: &Metadata) -> Result<Codec, String> {
    match metadata.get("avro.codec").map(|octets| &*octets.0) {
        None | Some(b"null") => Ok(Codec::Null),
        Some(b"deflate") => Ok(Codec::Deflate),
        Some(b"zstandard") => Ok(Codec::Zstandard),
        Some(other) => Err(format!(
            "its Avro codec is {:?}; null, deflate and zstandard are known",
            String::from_utf8_lossy(other)
        )),
    }
}

fn schema(metadata: &Metadata) -> Result<Schema, String> {
    let text = metadata
        .get("avro.schema")
        .ok_or("its Avro header holds no schema")?;
    let text = str::from_utf8(&text.0).map_err(|_| "its Avro schema is not UTF-8")?;
    text.parse()
        .map_err(|error| format!("its Avro schema cannot be understood: {error}"))
}

fn unpack(codec: Codec, packed: Vec<u8>) -> io::Result<Vec<u8>> {
    let reader: Box<dyn Read> = match codec {
        Codec::Null => return Ok(packed),
        Codec::Deflate => Box::new(flate2::read::DeflateDecoder::new(&*packed)),
        Codec::Zstandard => Box::new(zstd::Decoder::new(&*packed)?),
    };
    let mut block = Vec::new();
    reader
        .take(BLOCK_BYTES_MAX as u64 + 1)
        .read_to_end(&mut block)?;
    if block.len() > BLOCK_BYTES_MAX {
        let detail = format!("it has more than {} MiB", BLOCK_BYTES_MAX >> 20);
        return Err(io::Error::other(detail));
    }
    Ok(block)
}

/// Finds where a datum ends, which only its schema tells.
fn datum_length(rest: &[u8], schema: &Schema) -> Result<usize, String> {
    let mut config = DeserializerConfig::new(schema);
    config.max_seq_size = ITEMS_MAX;
    let mut state = DeserializerState::with_config(SliceRead::new(rest), config);
    IgnoredAny::deserialize(state.deserializer()).map_err(|error| error.to_string())?;
    let after = state.into_reader().fill_buf().map_or(0, <[u8]>::len);
    Ok(rest.len() - after)
}

fn exact<const N: usize>(bytes: &mut impl Read) -> io::Result<[u8; N]> {
    let mut taken = [0; N];
    bytes.read_exact(&mut taken)?;
    Ok(taken)
}

/// Reads an Avro `long`: seven bits a byte, the lowest first, zigzag.
fn long(bytes: &mut impl Read) -> io::Result<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = exact(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
        }
    }
    Err(io::Error::other("a number has more than 64 bits"))
}
