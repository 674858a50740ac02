//! Secrets: given in the environment, or in a file that is read again whenever it is needed.
//!
//! Whoever opens a connection asks anew, so that a rotated password is found without a restart. No secret is ever
//! printed: not in debug output, not in errors, not by `waymark config`.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

/// A password or key, or the place where it stands.
#[derive(Clone)]
pub struct Secret(Place);

#[derive(Clone)]
enum Place {
    Given(SecretString),
    File(PathBuf),
}

/// A secret can't be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Its file can't be read.
    #[error("cannot read the secret file {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its file has nothing in it: most likely it is being written just now.
    #[error("the secret file {} is empty", file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

impl Secret {
    /// A secret as it was given.
    pub fn given(text: String) -> Self {
        Self(Place::Given(text.into()))
    }

    /// A secret that stands in a file.
    pub fn in_file(file: PathBuf) -> Self {
        Self(Place::File(file))
    }

    /// Reads the secret as it is now. A line break at the end of a file is not part of it: editors put it there.
    ///
    /// # Errors
    /// [`SecretError`] if its file can't be read or is empty.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let file = match &self.0 {
            Place::Given(text) => return Ok(text.clone()),
            Place::File(file) => file,
        };
        let text = std::fs::read_to_string(file).map_err(|source| SecretError::Read {
            file: file.clone(),
            source,
        })?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err(SecretError::Empty { file: file.clone() }),
            secret => Ok(secret.into()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Given(_) => f.write_str("Secret(given)"),
            Place::File(file) => write!(f, "Secret(in {})", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_secret_in_a_file_is_read_anew_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "first\n").unwrap();
        let secret = Secret::in_file(file.clone());
        assert_eq!(secret.read().unwrap().expose_secret(), "first");
        std::fs::write(&file, "second").unwrap();
        assert_eq!(secret.read().unwrap().expose_secret(), "second");
        std::fs::write(&file, "\n").unwrap();
        assert!(matches!(secret.read(), Err(SecretError::Empty { .. })));
    }

    #[test]
    fn debug_output_shows_where_a_secret_is_and_not_what() {
        assert_eq!(
            format!("{:?}", Secret::given("hush".to_owned())),
            "Secret(given)"
        );
        assert_eq!(
            format!("{:?}", Secret::in_file("/run/p".into())),
            "Secret(in /run/p)"
        );
    }
}
