//! How we ask servers by HTTP, from plain threads: how long we wait, whom we trust.
//!
//! Certificates are read for each new agent. Proxies and redirects are not followed: only the settings say who is spoken
//! to. Knows neither what is asked nor of whom.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::config::Tls;

/// Makes an agent that waits so long for a connection and then for an answer; with `tls` it may speak to `https`
/// addresses.
///
/// # Errors
/// What is wrong with a file of certificates.
pub(crate) fn agent(
    connect: Duration,
    response: Duration,
    tls: Option<&Tls>,
) -> Result<Agent, String> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent(concat!("waymark/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(connect))
        .timeout_global(Some(connect.saturating_add(response)));
    if let Some(tls) = tls {
        config = config.tls_config(tls_of(tls)?);
    }
    Ok(config.build().new_agent())
}

fn tls_of(tls: &Tls) -> Result<TlsConfig, String> {
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = TlsConfig::builder().unversioned_rustls_crypto_provider(crypto);
    let authorities = match &tls.ca {
        Some(file) => certificates(file)?,
        None => of_system()?,
    };
    config = config.root_certs(RootCerts::from(authorities));
    if let (Some(chain), Some(key)) = (&tls.cert, &tls.key) {
        let wrong = |error| format!("{}: {error}", key.display());
        let key = PrivateKey::from_pem(&bytes(key)?).map_err(wrong)?;
        let client = ClientCert::new_with_certs(&certificates(chain)?, key);
        config = config.client_cert(Some(client));
    }
    Ok(config.build())
}

fn of_system() -> Result<Vec<Certificate<'static>>, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err("this system has no certificates of authorities: set ca".to_owned());
    }
    let certificates = found.certs.iter();
    Ok(certificates
        .map(|der| Certificate::from_der(der).to_owned())
        .collect())
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let mut certificates = Vec::new();
    for item in parse_pem(&bytes(file)?) {
        let item = item.map_err(|error| format!("{}: {error}", file.display()))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(format!("{} holds no certificate", file.display()));
    }
    Ok(certificates)
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}
