//! What keeps the reader with one schema from records written with another, as data and in plain words.

use std::fmt;

use serde::{Serialize, Serializer};

/// One of the two schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Side {
    Old,
    New,
}

/// Something that one of the schemas can't read of what the other one wrote, or would misunderstand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// Who reads.
    pub reader: Side,
    /// Where: names of fields, `[]` for items of a list, `{}` for values of a map; empty for the whole.
    pub path: String,
    /// What stands in the way.
    #[serde(serialize_with = "in_words")]
    pub what: Obstacle,
}

/// What stands in the way of a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// A field that was not written and has no default.
    NoDefault,
    /// Written as this, expected as that.
    Type(String, String),
    /// Written with this logical type, taken for that one.
    Meaning(String, String),
    /// Symbols that the reader does not know, and no default symbol.
    Symbols(Vec<String>),
    /// A branch of a union that the reader does not know.
    Branch(String),
}

/// `due: the new schema can't read old records: …`
impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        let (reader, writer) = match self.reader {
            Side::Old => ("old", "new"),
            Side::New => ("new", "old"),
        };
        let verb = match self.what {
            Obstacle::Meaning(..) => "would misread",
            _ => "can't read",
        };
        write!(
            f,
            "the {reader} schema {verb} {writer} records: {}",
            self.what
        )
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDefault => f.write_str("they lack the field, and it has no default"),
            Self::Type(written, read) => write!(f, "they hold {written} where it expects {read}"),
            Self::Meaning(written, read) => {
                write!(f, "they hold {written}, which it takes for {read}")
            }
            Self::Symbols(unknown) => {
                let unknown = unknown.join(", ");
                write!(f, "they may say {unknown}, and it has no default symbol")
            }
            Self::Branch(branch) => {
                write!(f, "they may hold {branch}, and it has no such branch")
            }
        }
    }
}

fn in_words<S: Serializer>(what: &Obstacle, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(what)
}
