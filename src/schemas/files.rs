//! Schemas in files and folders, paired by name.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use apache_avro::Schema;
use serde::Serialize;

use super::{Compatibility, Misfit, misfits};

/// How a schema stands to an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The earlier one.
    pub old: PathBuf,
    /// The one that takes its place.
    pub new: PathBuf,
    /// Whether it is there at all.
    pub missing: bool,
    /// What stands in the way of readers.
    pub misfits: Vec<Misfit>,
}

/// Why schemas can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A file or folder can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is no Avro schema.
    #[error("{} is not an Avro schema", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<apache_avro::Error>,
    },
    /// A folder without schemas: a check of nothing must not pass.
    #[error("{} holds no .avsc file", .0.display())]
    Empty(PathBuf),
}

impl Verdict {
    /// Whether readers of either can be left as they are.
    pub fn is_compatible(&self) -> bool {
        !self.missing && self.misfits.is_empty()
    }
}

/// Holds every schema of `olds` against the one that takes its place in `new`: the file of the same name if `new` is a
/// folder, else `new` itself.
///
/// # Errors
/// [`FileError`] if a file can't be read or is no schema, or a folder holds none.
pub fn compare_files(
    olds: &[PathBuf],
    new: &Path,
    wanted: Compatibility,
) -> Result<Vec<Verdict>, FileError> {
    let mut verdicts = Vec::new();
    for old in olds {
        for (name, old) in schemas_of(old)? {
            let new = if new.is_dir() {
                new.join(name)
            } else {
                new.to_owned()
            };
            verdicts.push(compare(old, new, wanted)?);
        }
    }
    Ok(verdicts)
}

/// Returns the schemas of a folder by file name, or the one file.
fn schemas_of(path: &Path) -> Result<BTreeMap<OsString, PathBuf>, FileError> {
    if !path.is_dir() {
        let name = path.file_name().unwrap_or_default().to_owned();
        return Ok(BTreeMap::from([(name, path.to_owned())]));
    }
    let unreadable = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let mut schemas = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.path().extension().is_some_and(|it| it == "avsc") {
            schemas.insert(entry.file_name(), entry.path());
        }
    }
    if schemas.is_empty() {
        return Err(FileError::Empty(path.to_owned()));
    }
    Ok(schemas)
}

fn compare(old: PathBuf, new: PathBuf, wanted: Compatibility) -> Result<Verdict, FileError> {
    let before = load(&old)?;
    let missing = !new.exists();
    let misfits = if missing {
        Vec::new()
    } else {
        let after = load(&new)?;
        misfits(&before, &after, wanted).map_err(|error| wrong(&new, error))?
    };
    Ok(Verdict {
        old,
        new,
        missing,
        misfits,
    })
}

fn load(path: &Path) -> Result<Schema, FileError> {
    let text = fs::read_to_string(path).map_err(|source| FileError::Read {
        path: path.to_owned(),
        source,
    })?;
    Schema::parse_str(&text).map_err(|error| wrong(path, error))
}

fn wrong(path: &Path, error: apache_avro::Error) -> FileError {
    FileError::Schema {
        path: path.to_owned(),
        source: Box::new(error),
    }
}
