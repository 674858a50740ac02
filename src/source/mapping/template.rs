//! Texts with columns in them, such as `"{case:concept:name}-{event_index}"`.
//!
//! A cell without a value makes the whole text absent. `{{` and `}}` stand for the braces themselves.

use std::borrow::Cow;
use std::fmt;

use crate::source::rows::Row;

/// The columns that a mapping reads, each named once, with the line that names it first.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<(Box<str>, u64)>,
}

/// The position of a column in [`Columns`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column(usize);

impl Columns {
    pub(super) fn add(&mut self, name: &str, line: u64) -> Column {
        let known = self.names.iter().position(|(known, _)| &**known == name);
        Column(known.unwrap_or_else(|| {
            self.names.push((name.into(), line));
            self.names.len() - 1
        }))
    }

    pub(super) fn name(&self, column: Column) -> &str {
        &self.names[column.0].0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(|(name, line)| (&**name, *line))
    }
}

/// Where a file holds a column: in a field of each row, or in its own name.
#[derive(Debug)]
pub(in crate::source) enum Cell {
    /// The field with this index.
    Field(usize),
    /// The same text in every row.
    Fixed(Box<str>),
}

/// A row as a mapping sees it.
#[derive(Clone, Copy)]
pub(in crate::source) struct Cells<'r> {
    pub(in crate::source) row: &'r Row,
    /// In the order of [`Columns`].
    pub(in crate::source) cells: &'r [Cell],
}

impl<'r> Cells<'r> {
    pub(super) fn text(&self, column: Column) -> &'r str {
        match &self.cells[column.0] {
            Cell::Field(index) => self.row.field(*index),
            Cell::Fixed(text) => text,
        }
    }
}

/// Texts that mean "no value" in a column, beside the empty one.
pub(super) type NoneIf = Vec<(Column, Vec<Box<str>>)>;

/// The values of a row: its texts, without those that mean none.
pub(super) struct Values<'r> {
    cells: Cells<'r>,
    none_if: &'r NoneIf,
    longest: std::cell::Cell<usize>,
}

impl<'r> Values<'r> {
    pub(super) fn new(cells: Cells<'r>, none_if: &'r NoneIf) -> Self {
        Self {
            cells,
            none_if,
            longest: std::cell::Cell::new(0),
        }
    }

    /// Returns the length in bytes of the longest text made so far.
    pub(super) fn longest(&self) -> usize {
        self.longest.get()
    }

    /// Returns the text of a cell, or the column itself where the cell has no value.
    pub(super) fn get(&self, column: Column) -> Result<&'r str, Column> {
        let text = self.cells.text(column);
        let is_none = |texts: &[Box<str>]| texts.iter().any(|none| **none == *text);
        let of_column = self.none_if.iter().find(|(of, _)| *of == column);
        if text.is_empty() || of_column.is_some_and(|(_, texts)| is_none(texts)) {
            Err(column)
        } else {
            Ok(text)
        }
    }
}

/// A text with columns in it.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Column(Column),
}

impl Template {
    /// Reads a text with `{column}` in it; `line` is where it stands.
    pub(super) fn parse(text: &str, line: u64, columns: &mut Columns) -> Result<Self, String> {
        let pieces = pieces(text)?;
        let parts = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::Name(name) => Part::Column(columns.add(name, line)),
        });
        Ok(Self {
            parts: parts.collect(),
        })
    }

    /// Returns the text for a row, or the first column that has no value there.
    pub(super) fn render<'r>(&'r self, values: &Values<'r>) -> Result<Cow<'r, str>, Column> {
        let text = match self.parts.as_slice() {
            [part] => Cow::Borrowed(part.text(values)?),
            parts => {
                let mut text = String::with_capacity(32);
                for part in parts {
                    text.push_str(part.text(values)?);
                }
                Cow::Owned(text)
            }
        };
        values.longest.set(values.longest().max(text.len()));
        Ok(text)
    }

    /// Returns the text if it is the same for every row.
    pub(super) fn fixed(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns whether some column of it has no value in a row.
    pub(super) fn is_absent(&self, values: &Values<'_>) -> bool {
        self.parts.iter().any(|part| part.text(values).is_err())
    }
}

impl Part {
    fn text<'r>(&'r self, values: &Values<'r>) -> Result<&'r str, Column> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Column(column) => values.get(*column),
        }
    }
}

/// A file name with named parts, such as `{year}_SFO_Customer_Survey.csv`.
#[derive(Debug)]
pub(in crate::source) struct FileName {
    text: Box<str>,
    parts: Vec<(Box<str>, Box<str>)>,
    /// The fixed text before the first part.
    start: Box<str>,
}

impl FileName {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut start = String::new();
        let mut parts: Vec<(Box<str>, String)> = Vec::new();
        for piece in pieces(text)? {
            match piece {
                Piece::Name(name) => parts.push((name.into(), String::new())),
                Piece::Text(text) => match parts.last_mut() {
                    Some((_, after)) => after.push_str(&text),
                    None => start.push_str(&text),
                },
            }
        }
        let two_in_a_row = parts
            .iter()
            .rev()
            .skip(1)
            .any(|(_, after)| after.is_empty());
        if two_in_a_row {
            return Err("two parts stand side by side; nothing tells where one ends".to_owned());
        }
        Ok(Self {
            text: text.into(),
            start: start.into(),
            parts: parts
                .into_iter()
                .map(|(name, after)| (name, after.into()))
                .collect(),
        })
    }

    /// Returns the parts of a name that has this form.
    pub(in crate::source) fn parts_of(&self, name: &str) -> Option<Vec<(&str, String)>> {
        let mut rest = name.strip_prefix(&*self.start)?;
        let mut found = Vec::new();
        for (part, after) in &self.parts {
            let end = if after.is_empty() {
                rest.len()
            } else {
                rest.find(&**after)?
            };
            found.push((&**part, rest[..end].to_owned()));
            rest = &rest[end + after.len()..];
        }
        rest.is_empty().then_some(found)
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

enum Piece<'t> {
    Text(String),
    Name(&'t str),
}

fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let (name, after) = match (brace, rest.split_once('}')) {
            ("{", Some(found)) => found,
            ("{", None) => return Err(format!("{text:?} has a {{ without its }}")),
            _ => {
                return Err(format!(
                    "{text:?} has a }} without its {{; write }}}} for the brace itself"
                ));
            }
        };
        if name.trim().is_empty() {
            return Err(format!("{text:?} names no column between its braces"));
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Name(name.trim()));
        rest = after;
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}
