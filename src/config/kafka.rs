//! The properties of Kafka's client: handed through under librdkafka's names, except what delivery rests on.
//!
//! Three kinds are refused by name: those the protocol sets itself, values outside the bounds it was proven for, and
//! names or values that librdkafka doesn't know. `docs/delivery.md` has the reasons at length.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

use super::ConfigError;
use super::Secret;
use super::layers::Layers;
use super::mean::secret;
use super::properties::{
    BOUNDED, CONSUMER_DEFAULTS, NO_KERBEROS, OWNED, PRODUCER_DEFAULTS, WELL_KNOWN, is_secret,
};
use super::raw::RawKafka;
use super::scalars::Text;
use crate::names::nearest;

/// How to talk to Kafka.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// Properties of every client, `bootstrap.servers` among them. No secrets.
    pub properties: BTreeMap<String, String>,
    /// Properties of consumers alone.
    pub consumer: BTreeMap<String, String>,
    /// Properties of producers alone.
    pub producer: BTreeMap<String, String>,
    /// Properties of every client that must not be printed: read them anew for each client.
    pub secrets: BTreeMap<String, Secret>,
}

impl Kafka {
    /// Returns how long a transaction may stay open.
    pub fn transaction_timeout(&self) -> Duration {
        millis(&self.producer, "transaction.timeout.ms")
    }

    /// Returns how large a record may be that our clients send, in bytes.
    pub fn record_bytes_max(&self) -> usize {
        let number = self.producer.get("message.max.bytes");
        number
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// Returns how long a worker may be silent before its shards are given away.
    pub fn session_timeout(&self) -> Duration {
        millis(&self.consumer, "session.timeout.ms")
    }

    /// Returns how long a worker may take between two polls.
    pub fn max_poll_interval(&self) -> Duration {
        millis(&self.consumer, "max.poll.interval.ms")
    }

    pub(super) fn check(
        raw: RawKafka,
        layers: &Layers,
        environment: &super::Environment,
    ) -> Result<Self, ConfigError> {
        let common = ("kafka", raw.properties);
        let [properties, consumer, producer] = [
            common,
            ("kafka.consumer", raw.consumer),
            ("kafka.producer", raw.producer),
        ]
        .map(|(under, texts)| Part {
            under,
            texts,
            layers,
        });
        let (properties, secrets) = properties.without_secrets(environment)?;
        let kafka = Self {
            properties: properties.check()?,
            consumer: consumer.check()?,
            producer: producer.check()?,
            secrets,
        };
        if kafka.logs_in_by_default() {
            let message = format!("security.protocol wants a sasl.mechanism: {NO_KERBEROS}");
            return Err(layers.wrong("kafka.security.protocol", message));
        }
        let (message, transaction) = (
            millis(&kafka.producer, "message.timeout.ms"),
            kafka.transaction_timeout(),
        );
        if message >= transaction || message.is_zero() {
            return Err(layers.wrong(
                "kafka.producer.message.timeout.ms",
                format!(
                    "message.timeout.ms is {} and must be above 0 and below transaction.timeout.ms, {}: a record that may still arrive when its transaction is over belongs to no transaction",
                    message.as_millis(),
                    transaction.as_millis()
                ),
            ));
        }
        Ok(kafka)
    }

    /// Returns whether a login is wanted and nothing says by what: librdkafka would take Kerberos.
    fn logs_in_by_default(&self) -> bool {
        let protocol = self.properties.get("security.protocol");
        let is_wanted = protocol.is_some_and(|it| it.to_ascii_lowercase().starts_with("sasl_"));
        let is_named = |name: &str| self.properties.contains_key(name);
        is_wanted && !MECHANISM.into_iter().any(is_named)
    }
}

/// The property that says how to log in, by both of its names.
const MECHANISM: [&str; 2] = ["sasl.mechanism", "sasl.mechanisms"];

fn millis(properties: &BTreeMap<String, String>, name: &str) -> Duration {
    let number = properties.get(name).and_then(|text| text.parse().ok());
    Duration::from_millis(number.unwrap_or_default())
}

/// One of the three maps.
struct Part<'a> {
    under: &'static str,
    texts: BTreeMap<String, Text>,
    layers: &'a Layers,
}

impl Part<'_> {
    fn without_secrets(
        mut self,
        environment: &super::Environment,
    ) -> Result<(Self, BTreeMap<String, Secret>), ConfigError> {
        let is_ours = |name: &str| is_secret(name.strip_suffix("_file").unwrap_or(name));
        let (secret_texts, texts): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.texts.into_iter().partition(|(name, _)| is_ours(name));
        self.texts = texts;
        let mut secrets = BTreeMap::new();
        for name in secret_texts.keys() {
            let name = name.strip_suffix("_file").unwrap_or(name);
            let given = secret_texts.get(name).map(|text| text.0.clone());
            let file = secret_texts.get(&format!("{name}_file"));
            let file = file.map(|text| PathBuf::from(&text.0));
            let path = format!("{}.{name}", self.under);
            if let Some(secret) = secret(&path, given, file, self.layers, environment)? {
                secrets.insert(name.to_owned(), secret);
            }
        }
        Ok((self, secrets))
    }

    fn check(self) -> Result<BTreeMap<String, String>, ConfigError> {
        for (name, Text(value)) in &self.texts {
            self.check_one(name, value).map_err(|message| {
                self.layers
                    .wrong(&format!("{}.{name}", self.under), message)
            })?;
        }
        let texts = self.texts.into_iter();
        Ok(texts.map(|(name, Text(value))| (name, value)).collect())
    }

    fn check_one(&self, name: &str, value: &str) -> Result<(), String> {
        if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| *owned == name) {
            return Err(format!("{name} can't be set: {reason}"));
        }
        if is_secret(name.strip_suffix("_file").unwrap_or(name)) {
            return Err(format!("{name} belongs directly under kafka"));
        }
        if name.starts_with("sasl.kerberos.") {
            return Err(format!("{name} can't be set: {NO_KERBEROS}"));
        }
        if MECHANISM.contains(&name) && value == "GSSAPI" {
            return Err(format!("{name} can't be {value}: {NO_KERBEROS}"));
        }
        if let Some(place) = place_of(name).filter(|place| *place != self.under) {
            return Err(format!("{name} belongs under {place}"));
        }
        known(name, value)?;
        let bounds = BOUNDED.iter().find(|(bounded, ..)| *bounded == name);
        match bounds {
            Some((_, min, max, reason)) => within(name, value, *min, *max, reason),
            None => Ok(()),
        }
    }
}

fn place_of(name: &str) -> Option<&'static str> {
    let among = |defaults: &[(&str, &str)]| defaults.iter().any(|(known, _)| *known == name);
    if among(CONSUMER_DEFAULTS) {
        Some("kafka.consumer")
    } else if among(PRODUCER_DEFAULTS) {
        Some("kafka.producer")
    } else {
        None
    }
}

fn within(name: &str, value: &str, min: u64, max: u64, reason: &str) -> Result<(), String> {
    let fits = value
        .parse()
        .is_ok_and(|number: u64| (min..=max).contains(&number));
    if fits {
        return Ok(());
    }
    Err(format!(
        "{name} is {value} and must lie between {min} and {max}: {reason}"
    ))
}

/// Asks librdkafka itself, which knows every name and every range.
fn known(name: &str, value: &str) -> Result<(), String> {
    let mut asked = ClientConfig::new();
    asked.set(name, value);
    match asked.create_native_config() {
        Ok(_) => Ok(()),
        Err(KafkaError::ClientConfig(_, said, ..)) if said.starts_with("No such") => {
            let near = nearest(name, WELL_KNOWN.iter().copied());
            let near = near.map(|near| format!(": do you mean {near:?}?"));
            Err(format!(
                "unknown Kafka property {name:?}{}",
                near.unwrap_or_default()
            ))
        }
        Err(KafkaError::ClientConfig(_, said, ..)) => Err(said),
        Err(other) => Err(other.to_string()),
    }
}
