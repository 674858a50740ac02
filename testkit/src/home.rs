//! The folder a server lives in: a temporary one that goes with the server, or one that somebody wants to keep.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// Where a server keeps its settings, data and logs.
#[derive(Debug)]
pub(crate) enum Home {
    /// Removed when dropped.
    Temporary(TempDir),
    /// Left as it is.
    Kept(PathBuf),
}

impl Home {
    /// Opens `folder`, or a temporary one whose name begins with `name`.
    pub(crate) fn open(folder: Option<&Path>, name: &str) -> Result<Self> {
        let Some(folder) = folder else {
            let temporary = tempfile::Builder::new().prefix(name).tempdir();
            return Ok(Self::Temporary(temporary.context("no temporary folder")?));
        };
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let folder = folder
            .canonicalize()
            .with_context(|| format!("finding {}", folder.display()))?;
        Ok(Self::Kept(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }

    /// The folder that nobody will miss once the server's owner is gone.
    pub(crate) fn litter(&self) -> Option<&Path> {
        match self {
            Self::Temporary(folder) => Some(folder.path()),
            Self::Kept(_) => None,
        }
    }
}
