//! Why inputs cannot be read on: each variant names the file and the place, for the run ends here.
//!
//! A record that is readable but makes no sense is no such error: it becomes a dead letter, and reading goes on.

use std::io;
use std::sync::Arc;

use super::Place;
use super::mapping::MappingError;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not exist, is a directory, or may not be read.
    #[error("{file}: cannot be opened")]
    Open {
        /// The input as given.
        file: Arc<str>,
        /// What the system says.
        source: io::Error,
    },
    /// Nothing in it.
    #[error("{file}: is empty")]
    Empty {
        /// The input as given.
        file: Arc<str>,
    },
    /// Not one of the formats we read, or not readable as such.
    #[error("{file}: {detail}")]
    Format {
        /// The input as given.
        file: Arc<str>,
        /// What it is, and what to do about it.
        detail: String,
    },
    /// The bytes cannot be had: the disk fails, or the compression is broken.
    #[error("{after}: cannot be read beyond this point")]
    Read {
        /// The last record that was read.
        after: Place,
        /// What the system or the decompressor says.
        source: io::Error,
    },
    /// The file stops in the middle of something.
    #[error("{after}: the file ends too early: {detail}")]
    Truncated {
        /// The last place that was read.
        after: Place,
        /// What is incomplete.
        detail: String,
    },
    /// The file contradicts itself, so that nobody can say where the next record begins.
    #[error("{place}: {detail}")]
    Damaged {
        /// Where.
        place: Place,
        /// What does not fit.
        detail: String,
    },
    /// The mapping names a column that the file does not have.
    #[error("{file}:1: there is no column {column:?}, which {mapping} line {line} reads{}", nearest_column(nearest.as_deref()))]
    NoColumn {
        /// The input as given.
        file: Arc<str>,
        /// The missing column.
        column: String,
        /// The file of the mapping.
        mapping: Arc<str>,
        /// The line of the mapping that names it.
        line: u64,
        /// The column of the file that reads most like it.
        nearest: Option<String>,
    },
    /// The mapping itself is wrong.
    #[error(transparent)]
    Mapping(#[from] MappingError),
}

impl SourceError {
    /// Sorts out a failed read: data that stops too early is told apart from data that cannot be had.
    pub(super) fn read(after: Place, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::UnexpectedEof {
            let detail = "the compressed data is incomplete".to_owned();
            Self::Truncated { after, detail }
        } else {
            Self::Read { after, source }
        }
    }
}

fn nearest_column(name: Option<&str>) -> String {
    name.map_or_else(String::new, |name| format!("; the nearest is {name:?}"))
}
