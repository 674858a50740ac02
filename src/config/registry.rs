//! The Schema Registry: where it is, who we are to it, whom we trust.
//!
//! Whether to speak TLS is told by the addresses. Credentials never stand in an address, which is printed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::layers::Layers;
use super::mean::secret;
use super::raw::RawRegistry;
use super::scalars::{Text, web_address};
use super::{ConfigError, Environment, Secret, Tls};

/// How long a question may take. Two of them stay well below the shortest `max.poll.interval.ms`, 45 s.
const PATIENCE_MAX: Duration = Duration::from_secs(15);

/// How to talk to a Schema Registry.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Addresses of one registry, at least one, without a slash at the end; asked in this order.
    pub urls: Vec<String>,
    /// Who we are; absent: nobody.
    pub credentials: Option<Credentials>,
    /// How alerts, scores and deltas leave.
    pub outputs: OutputForm,
    /// Files of connections to `https` addresses.
    pub tls: Tls,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for an answer, once connected.
    pub response_timeout: Duration,
}

/// How alerts, scores and deltas leave where there is a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputForm {
    /// In Avro, framed with the numbers of their schemas, which are registered at the start.
    #[default]
    Avro,
    /// As JSON, as where there is none.
    Json,
}

/// Who we are. Read the secret anew for each question.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// HTTP's basic authentication.
    Basic {
        /// Name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token.
    Bearer(Secret),
}

impl Registry {
    /// Returns how long a question takes that nobody answers.
    fn patience(&self) -> Duration {
        let one = self.connect_timeout.saturating_add(self.response_timeout);
        one.saturating_mul(u32::try_from(self.urls.len()).unwrap_or(u32::MAX))
    }

    /// Finds the registry that is meant, if one is.
    pub(super) fn check(
        raw: RawRegistry,
        layers: &Layers,
        environment: &Environment,
    ) -> Result<Option<Self>, ConfigError> {
        let credentials = Credentials::check(&raw, layers, environment)?;
        let tls = Tls::check("registry", raw.ca, raw.cert, raw.key, layers)?;
        let Some(Text(text)) = raw.url else {
            if raw.outputs == Some(OutputForm::Avro) {
                let wrong = "registry.outputs is avro, which needs registry.url";
                return Err(layers.wrong("registry.outputs", wrong.to_owned()));
            }
            return Ok(None);
        };
        let urls = urls(&text).map_err(|message| layers.wrong("registry.url", message))?;
        let registry = Self {
            urls,
            credentials,
            outputs: raw.outputs.unwrap_or_default(),
            tls,
            connect_timeout: raw.connect_timeout.0,
            response_timeout: raw.response_timeout.0,
        };
        match registry.patience() {
            patience if patience <= PATIENCE_MAX => Ok(Some(registry)),
            patience => Err(layers.wrong(
                "registry.url",
                format!(
                    "registry.connect_timeout and registry.response_timeout of all addresses make {patience:?}, at most \
                     {PATIENCE_MAX:?} may pass: a worker that waits for an answer does nothing else"
                ),
            )),
        }
    }
}

impl Credentials {
    fn check(
        raw: &RawRegistry,
        layers: &Layers,
        environment: &Environment,
    ) -> Result<Option<Self>, ConfigError> {
        let read = |name: &str, given: &Option<Text>, file| {
            let given = given.as_ref().map(|text| text.0.clone());
            secret(
                &format!("registry.{name}"),
                given,
                file,
                layers,
                environment,
            )
        };
        let username = raw.username.as_ref().map(|text| text.0.clone());
        let password = read("password", &raw.password, raw.password_file.clone())?;
        let token = read("token", &raw.token, raw.token_file.clone())?;
        let wrong = |path: &str, message: &str| Err(layers.wrong(path, message.to_owned()));
        match (username, password, token) {
            (None, None, None) => Ok(None),
            (None, None, Some(token)) => Ok(Some(Self::Bearer(token))),
            (Some(username), Some(password), None) => Ok(Some(Self::Basic { username, password })),
            (Some(_), None, None) => wrong(
                "registry.username",
                "registry.username needs registry.password_file",
            ),
            (None, Some(_), None) => wrong(
                "registry.password",
                "registry.password needs registry.username",
            ),
            (.., Some(_)) => wrong(
                "registry.token",
                "registry.token and registry.username are both set: one is enough",
            ),
        }
    }
}

fn urls(text: &str) -> Result<Vec<String>, String> {
    let urls = text.split(',').map(str::trim).map(url);
    urls.collect()
}

/// Checks an address. What may hold a password is not repeated.
fn url(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err(
            "registry.url holds credentials: name them by registry.username and \
                    registry.password_file, or by registry.token_file"
                .to_owned(),
        );
    }
    if let Some(address) = web_address(text) {
        return Ok(address);
    }
    Err(format!(
        "registry.url: {text:?} is no address of a registry: write such as https://registry:8081"
    ))
}
