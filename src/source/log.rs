//! A CSV event log: rows seen through an import mapping.

use std::sync::Arc;

use waymark_engine::event::{Decoded, Reason, Rejection};

use super::input::Bytes;
use super::mapping::{Cell, Cells};
use super::rows::{Row, Rows};
use super::{Input, Mapping, Record, SourceError};
use crate::names::nearest;

/// Reads the rows of a CSV event log as events.
pub(super) struct Log<'m> {
    rows: Rows,
    mapping: &'m Mapping,
    /// Where each column of the mapping is found in this file.
    cells: Vec<Cell>,
    /// How many columns the header names.
    width: usize,
}

impl<'m> Log<'m> {
    /// Reads the header and finds the columns.
    pub(super) fn open(
        input: &Input,
        bytes: Bytes,
        mapping: &'m Mapping,
    ) -> Result<Self, SourceError> {
        let file = input.name();
        let mut rows = Rows::new(Arc::clone(&file), bytes, mapping.separator());
        let Some(header) = rows.next()? else {
            return Err(SourceError::Empty { file });
        };
        let cells = find_columns(input, header, mapping)?;
        Ok(Self {
            width: header.len(),
            rows,
            mapping,
            cells,
        })
    }

    pub(super) fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let Some(row) = self.rows.next()? else {
            return Ok(None);
        };
        if !row.ended && row.len() < self.width {
            let detail = format!("its last row has {} fields of {}", row.len(), self.width);
            return Err(SourceError::Truncated {
                after: self.rows.place(),
                detail,
            });
        }
        let decoded = decode(row, self.width, &self.cells, self.mapping);
        let value = row.raw.clone();
        Ok(Some(Record {
            place: self.rows.place(),
            value,
            decoded,
        }))
    }
}

fn decode(
    row: &Row,
    width: usize,
    cells: &[Cell],
    mapping: &Mapping,
) -> Result<Decoded, Rejection> {
    if str::from_utf8(&row.raw).is_err() {
        return Err(Rejection::new(Reason::Unreadable, "the row is not UTF-8"));
    }
    if row.len() != width {
        let detail = format!("the row has {} fields, the header {width}", row.len());
        return Err(Rejection::new(Reason::Invalid, detail));
    }
    mapping.decode(&Cells { row, cells })
}

/// A column is a field of the header, or a part of the file's name.
fn find_columns(input: &Input, header: &Row, mapping: &Mapping) -> Result<Vec<Cell>, SourceError> {
    let parts = name_parts(input, mapping)?;
    let find = |name: &str, line: u64| {
        if let Some((_, text)) = parts.iter().find(|(part, _)| *part == name) {
            return Ok(Cell::Fixed(text.as_str().into()));
        }
        header
            .fields()
            .position(|field| field == name)
            .map(Cell::Field)
            .ok_or_else(|| SourceError::NoColumn {
                file: input.name(),
                column: name.to_owned(),
                mapping: mapping.file(),
                line,
                nearest: nearest(name, header.fields()).map(str::to_owned),
            })
    };
    mapping
        .columns()
        .map(|(name, line)| find(name, line))
        .collect()
}

fn name_parts<'m>(
    input: &Input,
    mapping: &'m Mapping,
) -> Result<Vec<(&'m str, String)>, SourceError> {
    let Some(pattern) = mapping.file_name() else {
        return Ok(Vec::new());
    };
    let name = input.plain_name();
    name.and_then(|name| pattern.parts_of(&name))
        .ok_or_else(|| SourceError::Format {
            file: input.name(),
            detail: format!(
                "its name is not of the form {pattern}, from which {} takes columns",
                mapping.file()
            ),
        })
}
