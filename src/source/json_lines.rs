//! One event a line. Blank lines are passed over; a line too long to be an event is set aside without being held.

use std::io::{self, BufRead, Read};
use std::sync::Arc;

use waymark_engine::event::{Reason, Rejection, decode_json};

use super::input::Bytes;
use super::{At, KEPT_BYTES_MAX, Place, RECORD_BYTES_MAX, Record, SourceError};

/// Reads JSON lines.
pub(super) struct JsonLines {
    file: Arc<str>,
    bytes: Bytes,
    line: u64,
}

impl JsonLines {
    pub(super) fn new(file: Arc<str>, bytes: Bytes) -> Self {
        Self {
            file,
            bytes,
            line: 0,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, SourceError> {
        loop {
            let after = self.place();
            let line =
                read_line(&mut self.bytes).map_err(|cause| SourceError::read(after, cause))?;
            let Some(line) = line else { return Ok(None) };
            self.line += 1;
            match line {
                Line::Whole { text, .. } if text.trim_ascii().is_empty() => {}
                Line::Whole { text, ended } => return self.decode(text, ended).map(Some),
                Line::TooLong { start, bytes } => return Ok(Some(self.too_large(start, bytes))),
            }
        }
    }

    /// A last line without its end that cannot be read was cut off, which is another matter than a bad line.
    fn decode(&self, text: Vec<u8>, ended: bool) -> Result<Record, SourceError> {
        let decoded = decode_json(&text);
        if let Err(rejection) = &decoded
            && rejection.reason == Reason::Unreadable
            && !ended
        {
            return Err(SourceError::Truncated {
                after: self.place(),
                detail: format!("its last line has no end ({})", rejection.detail),
            });
        }
        Ok(Record {
            place: self.place(),
            value: text,
            decoded,
        })
    }

    fn too_large(&self, start: Vec<u8>, bytes: u64) -> Record {
        let detail = format!("the line has {bytes} bytes, more than {RECORD_BYTES_MAX}");
        Record {
            place: self.place(),
            value: start,
            decoded: Err(Rejection::new(Reason::TooLarge, detail)),
        }
    }

    fn place(&self) -> Place {
        Place {
            file: Arc::clone(&self.file),
            at: At::Line(self.line),
        }
    }
}

/// A line without its end.
enum Line {
    Whole { text: Vec<u8>, ended: bool },
    TooLong { start: Vec<u8>, bytes: u64 },
}

/// Holds at most [`RECORD_BYTES_MAX`] bytes and a line end.
fn read_line(from: &mut Bytes) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    let most = RECORD_BYTES_MAX as u64 + 2;
    from.by_ref().take(most).read_until(b'\n', &mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    let ended = text.ends_with(b"\n");
    if ended {
        text.pop();
        text.pop_if(|last| *last == b'\r');
    }
    if text.len() <= RECORD_BYTES_MAX {
        return Ok(Some(Line::Whole { text, ended }));
    }
    let skipped = if ended { 0 } else { skip_line(from)? };
    let bytes = text.len() as u64 + skipped;
    text.truncate(KEPT_BYTES_MAX);
    text.shrink_to_fit();
    Ok(Some(Line::TooLong { start: text, bytes }))
}

/// Passes over the rest of a line and returns how many bytes it had without its end.
fn skip_line(from: &mut Bytes) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = from.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, content) = match end {
            Some(end) => (end + 1, end),
            None => (buffer.len(), buffer.len()),
        };
        from.consume(used);
        skipped += content as u64;
        if end.is_some() || used == 0 {
            return Ok(skipped);
        }
    }
}
