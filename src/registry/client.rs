//! One question to a registry and its answer. Its addresses are asked in turn until one answers as a registry does.
//!
//! An agent that got no answer is thrown away, so that certificates that were changed are found without a restart. Nothing
//! is tried twice here: whoever asks knows how long to wait.

use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::ExposeSecret;
use serde::Deserialize;
use ureq::Agent;
use ureq::http::{Request, StatusCode};

use super::RegistryError;
use super::agent::{agent_of, authorization};
use crate::config::Registry;

/// The longest answer we read. Schemas are some KiB long.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// How a registry says that it has no such subject, version or schema. Any other 404 says that nobody is at home there.
const NONE_SUCH: [u32; 3] = [40401, 40402, 40403];

/// What every registry answers: the kinds of schema that it takes.
const KINDS: Question<'_> = Question {
    path: "/schemas/types",
    verb: Verb::Get,
};

/// Asks a registry.
pub(super) struct Client {
    settings: Registry,
    /// Absent until asked, and after a question that was not answered.
    agent: Mutex<Option<Agent>>,
}

/// What to ask.
pub(super) struct Question<'a> {
    /// Below the address, with a slash in front; every part of it escaped.
    pub(super) path: &'a str,
    pub(super) verb: Verb,
}

/// What to do, and the JSON to do it with.
pub(super) enum Verb {
    Get,
    Put(String),
    Post(String),
}

/// What a registry answers.
pub(super) enum Answer {
    /// Yes, with JSON.
    Yes(String),
    /// There is no such thing.
    None,
    /// It contradicts what is there (409).
    Conflict(String),
    /// It makes no sense (422).
    Nonsense(String),
}

/// Why an address gives no answer.
enum Fault {
    /// Perhaps another address does.
    Away(String),
    /// Others would say the same.
    Denied(String),
}

impl Client {
    pub(super) fn new(settings: Registry) -> Self {
        Self {
            settings,
            agent: Mutex::new(None),
        }
    }

    /// Returns the addresses.
    pub(super) fn urls(&self) -> &[String] {
        &self.settings.urls
    }

    /// Asks one address after the other, until one has what is asked for.
    ///
    /// # Errors
    /// [`RegistryError::Away`], [`RegistryError::Denied`].
    pub(super) fn ask(&self, question: &Question<'_>) -> Result<Answer, RegistryError> {
        let (mut faults, mut none) = (Vec::new(), false);
        for url in self.urls() {
            match self.ask_at(url, question) {
                // One that copies from another may not have it yet.
                Ok(Answer::None) => none = true,
                Ok(answer) => return Ok(answer),
                Err(Fault::Denied(why)) => return Err(RegistryError::Denied(why)),
                Err(Fault::Away(why)) => faults.push(format!("{url}: {why}")),
            }
        }
        if none {
            return Ok(Answer::None);
        }
        Err(RegistryError::Away(faults.join("; ")))
    }

    fn ask_at(&self, url: &str, question: &Question<'_>) -> Result<Answer, Fault> {
        let (status, text) = self.send(url, question)?;
        match status.as_u16() {
            200..=299 => Ok(Answer::Yes(text)),
            401 | 403 => Err(Fault::Denied(format!(
                "{url} answers {}",
                said(status, &text)
            ))),
            404 if is_none_such(&text) || self.is_registry(url) => Ok(Answer::None),
            409 => Ok(Answer::Conflict(message(&text))),
            422 => Ok(Answer::Nonsense(message(&text))),
            _ => Err(Fault::Away(format!("it answers {}", said(status, &text)))),
        }
    }

    /// Returns whether a registry lives there, though it does not know what it was asked.
    fn is_registry(&self, url: &str) -> bool {
        let answer = self.send(url, &KINDS);
        answer.is_ok_and(|(status, text)| {
            status == StatusCode::OK && serde_json::from_str::<Vec<String>>(&text).is_ok()
        })
    }

    fn send(&self, url: &str, question: &Question<'_>) -> Result<(StatusCode, String), Fault> {
        let away = |error: &dyn std::error::Error| Fault::Away(error.to_string());
        let sent = || {
            let agent = self.agent()?;
            let mut request = Request::builder()
                .uri(format!("{url}{}", question.path))
                .header("accept", format!("{MEDIA_TYPE}, application/json"));
            if let Some(credentials) = &self.settings.credentials {
                let authorization = authorization(credentials).map_err(|error| away(&error))?;
                request = request.header("authorization", authorization.expose_secret());
            }
            let (method, body) = question.verb.parts();
            let request = request.method(method).header("content-type", MEDIA_TYPE);
            let request = request.body(body).map_err(|error| away(&error))?;
            let mut response = agent.run(request).map_err(|error| away(&error))?;
            let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
            let text = body.read_to_string().map_err(|error| away(&error))?;
            Ok((response.status(), text))
        };
        sent().inspect_err(|_| *self.lock() = None)
    }

    fn agent(&self) -> Result<Agent, Fault> {
        let mut agent = self.lock();
        if let Some(agent) = &*agent {
            return Ok(agent.clone());
        }
        let new = agent_of(&self.settings).map_err(Fault::Away)?;
        Ok(agent.insert(new).clone())
    }

    /// Nothing is ever left half changed in there.
    fn lock(&self) -> MutexGuard<'_, Option<Agent>> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Verb {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Get => ("GET", ""),
            Self::Put(body) => ("PUT", body),
            Self::Post(body) => ("POST", body),
        }
    }
}

/// How registries word a refusal.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
    message: String,
}

fn is_none_such(text: &str) -> bool {
    serde_json::from_str::<Refusal>(text).is_ok_and(|it| NONE_SUCH.contains(&it.error_code))
}

/// Returns what a refusal says.
fn message(text: &str) -> String {
    serde_json::from_str(text).map_or_else(|_| shortened(text), |it: Refusal| it.message)
}

fn said(status: StatusCode, text: &str) -> String {
    match message(text).as_str() {
        "" => status.to_string(),
        message => format!("{status}: {message}"),
    }
}

/// An answer that is no registry's is perhaps a long page.
fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}
