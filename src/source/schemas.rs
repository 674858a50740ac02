//! A folder of Avro schemas that events may have been written with, besides the one that ships.

use std::fs;
use std::path::{Path, PathBuf};

use waymark_engine::event::WriterSchemas;

/// Why a folder of schemas can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemasError {
    /// It can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder, or a file of it.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no Avro schema.
    #[error("{} is not an Avro schema: {why}", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Reads every `.avsc` file of a folder.
///
/// # Errors
/// [`SchemasError`] if the folder or a file can't be read, or a file is no schema.
pub fn writer_schemas(folder: &Path) -> Result<WriterSchemas, SchemasError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| SchemasError::Read { path, source }
    };
    let mut schemas = WriterSchemas::default();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_none_or(|extension| extension != "avsc") {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        match text.parse() {
            Ok(schema) => schemas.insert(schema),
            Err(error) => {
                let why = format!("{error}");
                return Err(SchemasError::Schema { path, why });
            }
        }
    }
    Ok(schemas)
}
