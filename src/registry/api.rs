//! What can be asked of a registry.

use serde::Deserialize;
use serde_json::json;

use super::client::{Answer, Client, Question, Verb};
use super::{RegistryError, SchemaId};
use crate::config;

/// The kind of schema where an answer names none.
const AVRO: &str = "AVRO";

/// A registry.
#[derive(Debug)]
pub struct SchemaRegistry {
    client: Client,
}

/// A schema, as a registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// `AVRO`, `JSON` or `PROTOBUF`.
    pub kind: String,
    /// The schema itself.
    pub text: String,
    /// Whether it names types of other schemas.
    pub refers_to_others: bool,
}

/// What a new schema of a subject must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compatibility {
    /// Read what any earlier one has written, and be read by any of them.
    FullTransitive,
}

impl Compatibility {
    /// Returns its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

impl SchemaRegistry {
    /// A registry at these addresses. Nothing is asked yet.
    pub fn new(settings: &config::Registry) -> Self {
        Self {
            client: Client::new(settings.clone()),
        }
    }

    /// Returns the addresses, separated by commas.
    pub fn place(&self) -> String {
        self.client.urls().join(",")
    }

    /// Returns the kinds of schema that the registry takes: `AVRO`, …
    ///
    /// # Errors
    /// [`RegistryError::Away`], [`RegistryError::Denied`].
    pub fn kinds(&self) -> Result<Vec<String>, RegistryError> {
        match self.get("/schemas/types")? {
            Some(text) => read(&text),
            None => Err(RegistryError::Away("it tells no kinds".to_owned())),
        }
    }

    /// Returns a schema; none if the registry does not know it.
    ///
    /// # Errors
    /// [`RegistryError::Away`], [`RegistryError::Denied`].
    pub fn schema(&self, id: SchemaId) -> Result<Option<Registered>, RegistryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Found {
            schema: String,
            schema_type: Option<String>,
            references: Option<Vec<serde::de::IgnoredAny>>,
        }
        let path = match id {
            SchemaId::Number(number) => format!("/schemas/ids/{number}"),
            SchemaId::Guid(_) => format!("/schemas/guids/{id}"),
        };
        let Some(text) = self.get(&path)? else {
            return Ok(None);
        };
        let found: Found = read(&text)?;
        Ok(Some(Registered {
            kind: found.schema_type.unwrap_or_else(|| AVRO.to_owned()),
            text: found.schema,
            refers_to_others: found.references.is_some_and(|others| !others.is_empty()),
        }))
    }

    /// Returns the number of an Avro schema of a subject; none if it is not registered there.
    ///
    /// # Errors
    /// [`RegistryError::Refused`] if it is no schema; else [`RegistryError::Away`], [`RegistryError::Denied`].
    pub fn number(&self, subject: &str, schema: &str) -> Result<Option<u32>, RegistryError> {
        let path = format!("/subjects/{}", escaped(subject));
        let verb = Verb::Post(json!({ "schema": schema }).to_string());
        match self.client.ask(&Question { path: &path, verb })? {
            Answer::Yes(text) => read(&text).map(|Numbered { id }| Some(id)),
            Answer::None => Ok(None),
            Answer::Conflict(why) | Answer::Nonsense(why) => Err(refused(subject, why)),
        }
    }

    /// Registers an Avro schema under a subject, and holds the subject to [`Compatibility::FullTransitive`] from then on.
    /// Returns the number of the schema: the same each time. One that is there already is only looked up, for which nobody
    /// needs to be allowed to write.
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] if it does not fit the earlier ones; [`RegistryError::Refused`] if it is no schema;
    /// else [`RegistryError::Away`], [`RegistryError::Denied`].
    pub fn register(&self, subject: &str, schema: &str) -> Result<u32, RegistryError> {
        if let Some(number) = self.number(subject, schema)? {
            return Ok(number);
        }
        // Before the schema: from its first version on nobody registers one that does not fit.
        self.hold(subject, Compatibility::FullTransitive)?;
        let path = format!("/subjects/{}/versions", escaped(subject));
        let verb = Verb::Post(json!({ "schema": schema }).to_string());
        let text = self.change(subject, &Question { path: &path, verb })?;
        read(&text).map(|Numbered { id }| id)
    }

    /// Holds the future schemas of a subject to a rule, in place of the registry's default, which may be any.
    ///
    /// # Errors
    /// [`RegistryError::Refused`], [`RegistryError::Away`], [`RegistryError::Denied`].
    pub fn hold(&self, subject: &str, to: Compatibility) -> Result<(), RegistryError> {
        let path = format!("/config/{}", escaped(subject));
        let verb = Verb::Put(json!({ "compatibility": to.name() }).to_string());
        self.change(subject, &Question { path: &path, verb })
            .map(drop)
    }

    /// Asks whether a schema could be registered, and registers nothing. Anything fits a subject that is not there.
    ///
    /// # Errors
    /// As [`register`](Self::register).
    pub fn check(&self, subject: &str, schema: &str) -> Result<(), RegistryError> {
        #[derive(Deserialize)]
        struct Checked {
            is_compatible: bool,
            /// Confluent's words.
            #[serde(default)]
            messages: Vec<String>,
            /// Apicurio's.
            reason: Option<String>,
        }
        let subject_escaped = escaped(subject);
        let path = format!("/compatibility/subjects/{subject_escaped}/versions?verbose=true");
        let verb = Verb::Post(json!({ "schema": schema }).to_string());
        let text = match self.client.ask(&Question { path: &path, verb })? {
            Answer::Yes(text) => text,
            Answer::None => return Ok(()),
            Answer::Conflict(why) | Answer::Nonsense(why) => return Err(refused(subject, why)),
        };
        let checked: Checked = read(&text)?;
        if checked.is_compatible {
            return Ok(());
        }
        let why = checked
            .reason
            .unwrap_or_else(|| checked.messages.join("; "));
        let subject = subject.to_owned();
        Err(RegistryError::Incompatible { subject, why })
    }

    fn get(&self, path: &str) -> Result<Option<String>, RegistryError> {
        let verb = Verb::Get;
        match self.client.ask(&Question { path, verb })? {
            Answer::Yes(text) => Ok(Some(text)),
            Answer::None => Ok(None),
            Answer::Conflict(why) | Answer::Nonsense(why) => Err(RegistryError::Away(why)),
        }
    }

    fn change(&self, subject: &str, question: &Question<'_>) -> Result<String, RegistryError> {
        match self.client.ask(question)? {
            Answer::Yes(text) => Ok(text),
            Answer::Conflict(why) => {
                let subject = subject.to_owned();
                Err(RegistryError::Incompatible { subject, why })
            }
            Answer::Nonsense(why) => Err(refused(subject, why)),
            Answer::None => Err(refused(subject, "there is no such subject".to_owned())),
        }
    }
}

#[derive(Deserialize)]
struct Numbered {
    id: u32,
}

fn refused(subject: &str, why: String) -> RegistryError {
    let subject = subject.to_owned();
    RegistryError::Refused { subject, why }
}

/// Reads an answer; one that makes no sense is not a registry's.
fn read<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T, RegistryError> {
    serde_json::from_str(text)
        .map_err(|error| RegistryError::Away(format!("its answer makes no sense: {error}")))
}

/// Returns the subject of a topic's values, under the name that clients look for (`TopicNameStrategy`).
pub fn value_subject(topic: &str) -> String {
    format!("{topic}-value")
}

/// Escapes a part of a path: everything but what RFC 3986 calls unreserved.
fn escaped(part: &str) -> String {
    let bytes = part.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_part_of_a_path() {
        assert_eq!(escaped("lending.alerts-value"), "lending.alerts-value");
        assert_eq!(escaped("a/b c?ä"), "a%2Fb%20c%3F%C3%A4");
    }
}
