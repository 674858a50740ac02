//! What can be wrong with settings, told with the place that has to be changed.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::SecretError;

/// The settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("cannot read the configuration {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A setting is wrong.
    #[error("{origin}: {message}")]
    Wrong {
        /// Where it was set.
        origin: Origin,
        /// Which one and why. Never holds a secret.
        message: String,
    },
    /// The file of a secret is not there.
    #[error("{origin}: {path}")]
    Secret {
        /// Where it was set.
        origin: Origin,
        /// Which setting names the file.
        path: String,
        /// Why.
        #[source]
        source: SecretError,
    },
}

/// Where a setting comes from, weakest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
    /// The end of the host name.
    HostName,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("configuration"),
            Self::File { file, line, column } => {
                write!(f, "{}:{line}:{column}", file.display())
            }
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
            Self::HostName => f.write_str("host name"),
        }
    }
}
