//! What the wire carries, and certificates for one server: an authority and a server certificate, made anew for each
//! folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// What the wire carries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Plain text.
    #[default]
    Plain,
    /// TLS only, with a certificate for 127.0.0.1 and localhost, signed by the server's `authority`.
    Tls,
}

/// Files in PEM form.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    /// What a client must trust.
    pub(crate) authority: PathBuf,
    /// What the server shows; good for 127.0.0.1 and localhost.
    pub(crate) server: PathBuf,
    /// The server's private key.
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Finds those in the folder or makes new ones.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self> {
        let files = Self {
            authority: folder.join("authority.pem"),
            server: folder.join("server.pem"),
            key: folder.join("server.key"),
        };
        if !files.key.exists() {
            files.write().context("making certificates")?;
        }
        Ok(files)
    }

    /// Writes key and certificate into one file, as Java wants them, and returns where.
    pub(crate) fn keystore(&self) -> Result<PathBuf> {
        let keystore = self.server.with_file_name("keystore.pem");
        let both = fs::read_to_string(&self.key)? + &fs::read_to_string(&self.server)?;
        fs::write(&keystore, both).with_context(|| format!("writing {}", keystore.display()))?;
        Ok(keystore)
    }

    fn write(&self) -> Result<()> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let name = "Waymark test authority"; // named apart from the server: a chain must not look like a loop
        authority.distinguished_name.push(DnType::CommonName, name);
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate()?;
        let server = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        let server_certificate = server.signed_by(&key, &issuer)?;

        fs::write(&self.authority, authority_certificate.pem())?;
        fs::write(&self.server, server_certificate.pem())?;
        fs::write(&self.key, key.serialize_pem())?;
        Ok(())
    }
}
