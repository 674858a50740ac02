//! What is wrong with a mapping, and where: one sentence for people.

use std::sync::Arc;

/// What is wrong with a mapping, and where.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("{file}: cannot be read")]
    Read {
        /// The file of the mapping.
        file: Arc<str>,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file does not say what a mapping says.
    #[error("{file}:{line}:{column}: {message}")]
    Wrong {
        /// The file of the mapping.
        file: Arc<str>,
        /// Where, from 1; 0 if unknown.
        line: u64,
        /// Where in the line, from 1; 0 if unknown.
        column: u64,
        /// What is wrong.
        message: String,
    },
}
