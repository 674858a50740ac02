//! How we speak to a registry: how long we wait, whom we trust, who we say we are.
//!
//! Secrets are read for each question.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use ureq::Agent;

use crate::config::{Credentials, Registry, SecretError};
use crate::http;

/// Makes an agent.
///
/// # Errors
/// What is wrong with a file of certificates.
pub(super) fn agent_of(settings: &Registry) -> Result<Agent, String> {
    let encrypted = settings.urls.iter().any(|url| url.starts_with("https:"));
    let tls = encrypted.then_some(&settings.tls);
    http::agent(settings.connect_timeout, settings.response_timeout, tls)
}

/// Returns the header that says who we are.
///
/// # Errors
/// [`SecretError`] if a secret can't be read.
pub(super) fn authorization(credentials: &Credentials) -> Result<SecretString, SecretError> {
    let header = match credentials {
        Credentials::Bearer(token) => format!("Bearer {}", token.read()?.expose_secret()),
        Credentials::Basic { username, password } => {
            let both = format!("{username}:{}", password.read()?.expose_secret());
            format!("Basic {}", BASE64_STANDARD.encode(both))
        }
    };
    Ok(header.into())
}
