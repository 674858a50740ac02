//! Where records come from: the topic of a stage, and files: JSON lines, Avro containers and, through an import mapping, any
//! CSV event log.
//!
//! ```text
//! Input ──► input: bytes, unpacked ──► json_lines | avro | log: rows + mapping ──► Record
//! ```
//!
//! | chapter      | what it holds                                                      |
//! | ------------ | ------------------------------------------------------------------ |
//! | `kafka`      | the source of a stage: a member of its group, rebalances as values |
//! | `input`      | from the name of a file to its bytes, unpacked                     |
//! | `json_lines` | one event a line                                                   |
//! | `avro`       | Avro object containers                                             |
//! | `log`        | a CSV log, seen through an import mapping                          |
//! | `rows`       | the rows of a CSV file, each with its exact bytes                  |
//! | `mapping`    | what the rows mean                                                 |
//! | `schemas`    | a folder of schemas that events may have been written with         |
//! | `error`      | why a file can't be read on                                        |
//!
//! Files are read one after the other in the order given, in bounded memory: at most one record, one Avro block and
//! the buffers are held. A record that makes no sense is a [`Record`] whose `decoded` says why; a file that cannot be
//! read on is a [`SourceError`] and ends the run. Nothing here knows what an event is for.

mod avro;
mod error;
mod input;
mod json_lines;
mod kafka;
mod log;
mod mapping;
mod rows;
mod schemas;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use waymark_engine::event::{Decoded, RECORD_BYTES_MAX, Rejection};

pub use error::SourceError;
pub use input::Input;
pub use kafka::{KafkaSource, Polled, Rebalanced};
pub use mapping::{Mapping, MappingError};
pub use schemas::{SchemasError, writer_schemas};

use avro::Container;
use input::Format;
use json_lines::JsonLines;
use log::Log;

/// How much of a record that is too large a dead letter keeps, in bytes: enough to see what it was.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// One record of an input: where it stood, what stood there, and what it means.
#[derive(Debug)]
pub struct Record {
    /// Where it stood.
    pub place: Place,
    /// The bytes as they stood there, without the line end; of a record that is too large, the beginning.
    pub value: Vec<u8>,
    /// What they mean, or why they mean nothing.
    pub decoded: Result<Decoded, Rejection>,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The input as given.
    pub file: Arc<str>,
    /// Which record of it.
    pub at: At,
}

/// The number of a record, from 1; 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The line on which it begins, the header of a CSV log included.
    Line(u64),
    /// How many records an Avro container holds up to and including it.
    Record(u64),
}

impl Place {
    fn start(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            at: At::Line(0),
        }
    }
}

/// `events.jsonl:12` or `events.avro: record 12`, as compilers do.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            At::Line(0) | At::Record(0) => f.write_str(&self.file),
            At::Line(line) => write!(f, "{}:{line}", self.file),
            At::Record(record) => write!(f, "{}: record {record}", self.file),
        }
    }
}

/// How far reading has come, in bytes of the inputs as they lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes in all; `None` if an input is a pipe.
    pub total_bytes: Option<u64>,
}

/// Opens inputs to be read in the order given.
///
/// Each file, though not a pipe, is opened and its header checked before the first record is read: a wrong name at the end of a long
/// list is reported at once.
///
/// # Errors
/// [`SourceError`] for the first input that is missing, empty, of no known format, or lacks a column.
pub fn open(inputs: Vec<Input>, mapping: Option<&Mapping>) -> Result<Source<'_>, SourceError> {
    let total_bytes = inputs.iter().map(Input::size).sum();
    for input in inputs.iter().filter(|input| input.is_rereadable()) {
        Reader::open(input, mapping, &Arc::default())?;
    }
    Ok(Source {
        waiting: inputs.into_iter(),
        current: None,
        mapping,
        read: Arc::default(),
        total_bytes,
    })
}

/// The records of all inputs, in order. After an error it ends.
pub struct Source<'m> {
    waiting: std::vec::IntoIter<Input>,
    current: Option<Reader<'m>>,
    mapping: Option<&'m Mapping>,
    read: Arc<AtomicU64>,
    total_bytes: Option<u64>,
}

impl Source<'_> {
    /// Returns how far reading has come.
    pub fn progress(&self) -> Progress {
        Progress {
            read_bytes: self.read.load(Ordering::Relaxed),
            total_bytes: self.total_bytes,
        }
    }

    fn read(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            if let Some(reader) = &mut self.current
                && let Some(record) = reader.next()?
            {
                return Ok(Some(record));
            }
            let Some(input) = self.waiting.next() else {
                self.current = None;
                return Ok(None);
            };
            self.current = Some(Reader::open(&input, self.mapping, &self.read)?);
        }
    }
}

impl Iterator for Source<'_> {
    type Item = Result<Record, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if let Some(Err(_)) = item {
            self.current = None;
            self.waiting = Vec::new().into_iter();
        }
        item
    }
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("waiting", &self.waiting.as_slice())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

/// An input being read, by format.
enum Reader<'m> {
    JsonLines(JsonLines),
    Avro(Container),
    Csv(Box<Log<'m>>),
}

impl<'m> Reader<'m> {
    fn open(
        input: &Input,
        mapping: Option<&'m Mapping>,
        read: &Arc<AtomicU64>,
    ) -> Result<Self, SourceError> {
        let file = input.name();
        let (bytes, format) = input::open(input, mapping, read)?;
        Ok(match format {
            Format::JsonLines => Self::JsonLines(JsonLines::new(file, bytes)),
            Format::Avro => Self::Avro(Container::open(file, bytes)?),
            Format::Csv(mapping) => Self::Csv(Box::new(Log::open(input, bytes, mapping)?)),
        })
    }

    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        match self {
            Self::JsonLines(lines) => lines.next(),
            Self::Avro(container) => container.next(),
            Self::Csv(log) => log.next(),
        }
    }
}
