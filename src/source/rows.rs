//! The rows of a CSV file (RFC 4180, with any separator), each with the exact bytes it was made of.
//!
//! Fields are not copied one by one: a row is one text and the places where its fields end. A quotation mark left open
//! would swallow the file; after [`RECORD_BYTES_MAX`] bytes we stop instead.

use std::io::BufRead;
use std::sync::Arc;

use csv_core::ReadRecordResult;

use super::input::Bytes;
use super::{At, Place, RECORD_BYTES_MAX, SourceError};

/// Reads rows.
pub(super) struct Rows {
    file: Arc<str>,
    bytes: Bytes,
    parser: csv_core::Reader,
    row: Row,
    /// Lines that lie wholly before the next row.
    lines: u64,
}

/// One row, unquoted.
#[derive(Default)]
pub(super) struct Row {
    /// The bytes it was made of, without its end.
    pub(super) raw: Vec<u8>,
    /// The line on which it begins.
    pub(super) line: u64,
    /// Whether a line end ended it; only the last row of a file may lack one.
    pub(super) ended: bool,
    fields: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Row {
    /// Returns the number of fields.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Returns a field without the blanks around it, empty where it is not UTF-8 (check `raw` first).
    pub(super) fn field(&self, index: usize) -> &str {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        let bytes = &self.fields[start..self.ends[index]];
        str::from_utf8(bytes).unwrap_or_default().trim_ascii()
    }

    /// Returns all fields, in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.count).map(|index| self.field(index))
    }
}

impl Rows {
    pub(super) fn new(file: Arc<str>, bytes: Bytes, separator: u8) -> Self {
        Self {
            file,
            bytes,
            parser: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            row: Row {
                fields: vec![0; 1024],
                ends: vec![0; 64],
                ..Row::default()
            },
            lines: 0,
        }
    }

    /// Returns the place of the row read last.
    pub(super) fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.file),
            at: At::Line(self.row.line),
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<&Row>, SourceError> {
        self.row.raw.clear();
        let (mut written, mut count) = (0, 0);
        loop {
            let input = match self.bytes.fill_buf() {
                Ok(input) => input,
                Err(cause) => return Err(SourceError::read(self.place(), cause)),
            };
            let (result, used, wrote, ended) = self.parser.read_record(
                input,
                &mut self.row.fields[written..],
                &mut self.row.ends[count..],
            );
            self.row.raw.extend_from_slice(&input[..used]);
            self.bytes.consume(used);
            written += wrote;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => self.check_size()?,
                ReadRecordResult::OutputFull => double(&mut self.row.fields),
                ReadRecordResult::OutputEndsFull => double(&mut self.row.ends),
                ReadRecordResult::Record => {
                    // Without input left it was the end of the file that ended the row, perhaps inside a quotation.
                    self.row.ended = used > 0;
                    break;
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
        self.row.count = count;
        self.settle();
        Ok(Some(&self.row))
    }

    /// Counts lines and takes blank lines before the row, and its end, off its bytes.
    ///
    /// The parser ends a row at `\r` and meets the `\n` of a Windows line end with the next one.
    fn settle(&mut self) {
        let row = &mut self.row;
        let blank = row
            .raw
            .iter()
            .take_while(|byte| is_line_end(**byte))
            .count();
        let end = row
            .raw
            .iter()
            .rev()
            .take_while(|byte| is_line_end(**byte))
            .count();
        row.line = self.lines + line_ends(&row.raw[..blank]) + 1;
        self.lines += line_ends(&row.raw);
        row.raw.truncate(row.raw.len() - end);
        row.raw.drain(..blank);
    }

    fn check_size(&self) -> Result<(), SourceError> {
        if self.row.raw.len() <= RECORD_BYTES_MAX {
            return Ok(());
        }
        let place = Place {
            file: Arc::clone(&self.file),
            at: At::Line(self.lines + 1),
        };
        let detail = format!(
            "the row that begins here has more than {RECORD_BYTES_MAX} bytes: is a quotation mark left open?"
        );
        Err(SourceError::Damaged { place, detail })
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[expect(
    clippy::naive_bytecount,
    reason = "a row is short, and a crate for this would be longer"
)]
fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

fn double<T: Clone + Default>(buffer: &mut Vec<T>) {
    buffer.resize(buffer.len() * 2, T::default());
}
