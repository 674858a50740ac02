//! The layers that settings come in, weakest first: defaults, file, environment, flags; and where each was set.
//!
//! ```text
//! waymark.yaml:  kafka: { consumer: { session.timeout.ms: 8000 } }
//! environment:   WAYMARK_KAFKA__CONSUMER__SESSION_TIMEOUT_MS=8000
//! path of both:  kafka.consumer.session.timeout.ms
//! ```
//!
//! Knows paths and texts; what a setting means and may be is judged elsewhere.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::error::Kind;
use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};

use super::properties::is_secret;
use super::raw::RawConfig;
use super::tree::Tree;
use super::{ConfigError, Environment, Flag, Origin};
use crate::names::unknown;
use crate::yaml::{self, Mistake, Pairs, Spot};

/// Begins the name of every variable of ours.
const PREFIX: &str = "WAYMARK_";

/// Variables of ours that are no settings: the one that names the file.
const NO_SETTINGS: [&str; 1] = [super::FILE_VARIABLE];

/// The merged settings, and who has set what.
pub(super) struct Layers {
    figment: Figment,
    file: PathBuf,
    lines: BTreeMap<String, Spot>,
    variables: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
}

impl Layers {
    /// Stacks the layers.
    ///
    /// # Errors
    /// If the file can't be read or is not YAML.
    pub(super) fn stack(
        file: Option<&Path>,
        environment: &Environment,
        flags: &[Flag],
    ) -> Result<Self, ConfigError> {
        let mut layers = Self {
            figment: Figment::from(Serialized::defaults(RawConfig::default())),
            file: file.unwrap_or(Path::new("")).to_owned(),
            lines: BTreeMap::new(),
            variables: BTreeMap::new(),
            flags: BTreeMap::new(),
        };
        if let Some(file) = file {
            let text = std::fs::read_to_string(file).map_err(|source| ConfigError::Read {
                file: file.to_owned(),
                source,
            })?;
            layers.add_file(&text)?;
        }
        layers.add_variables(environment);
        layers.add_flags(flags);
        Ok(layers)
    }

    /// Reads the merged settings.
    ///
    /// # Errors
    /// The first setting that is unknown or not of its shape, with the place where it was set.
    pub(super) fn read(&self) -> Result<RawConfig, ConfigError> {
        self.figment.extract_lossy().map_err(|error: Error| {
            let path = error.path.join(".");
            let message = format!("{path}: {}", explain(&error.kind));
            ConfigError::Wrong {
                origin: self.origin_at_or_above(&path),
                message,
            }
        })
    }

    /// Finds where what holds a value was set, if the value itself has no place: an item of a list.
    fn origin_at_or_above(&self, path: &str) -> Origin {
        match (self.origin(path), path.rsplit_once('.')) {
            (Origin::Default, Some((above, _))) => self.origin_at_or_above(above),
            (origin, _) => origin,
        }
    }

    /// Returns where a setting was set: the strongest layer that names it.
    pub(super) fn origin(&self, path: &str) -> Origin {
        if let Some(name) = self.flags.get(path) {
            return Origin::Flag(name.clone());
        }
        if let Some(name) = self.variables.get(path) {
            return Origin::Variable(name.clone());
        }
        match self.lines.get(path) {
            Some(spot) => self.in_file(*spot),
            None => Origin::Default,
        }
    }

    /// Says that a setting is wrong, and where it was set.
    pub(super) fn wrong(&self, path: &str, message: String) -> ConfigError {
        ConfigError::Wrong {
            origin: self.origin(path),
            message,
        }
    }

    /// Returns a path of the file as seen from where the program runs: in a file it is meant as seen from that file.
    pub(super) fn located(&self, path: &str, value: PathBuf) -> PathBuf {
        match (self.origin(path), self.file.parent()) {
            (Origin::File { .. }, Some(folder)) => folder.join(value),
            _ => value,
        }
    }

    fn in_file(&self, Spot { line, column }: Spot) -> Origin {
        Origin::File {
            file: self.file.clone(),
            line,
            column,
        }
    }

    fn add_file(&mut self, text: &str) -> Result<(), ConfigError> {
        let tree: Option<Tree> = yaml::read(text).map_err(|Mistake { spot, message }| {
            let origin = self.in_file(spot);
            ConfigError::Wrong { origin, message }
        })?;
        let mut dict = Dict::new();
        match tree {
            Some(Tree::Map(pairs)) => self.add_lines("", pairs, &mut dict),
            Some(Tree::Value(_) | Tree::List(_)) => {
                return Err(ConfigError::Wrong {
                    origin: self.in_file(Spot { line: 1, column: 1 }),
                    message: "the configuration is a map".to_owned(),
                });
            }
            None => {}
        }
        self.merge("file", dict);
        Ok(())
    }

    /// Notes the place of every key; a key without a value is not set.
    fn add_lines(&mut self, under: &str, pairs: Pairs<Tree>, dict: &mut Dict) {
        for (key, tree) in pairs.0 {
            let path = format!("{under}{}", key.value);
            self.lines.insert(path.clone(), yaml::spot(&key));
            let value = match tree.value {
                Tree::Value(None) => continue,
                Tree::Value(Some(value)) => value,
                Tree::List(items) => items.into(),
                Tree::Map(pairs) => {
                    let mut inner = Dict::new();
                    self.add_lines(&format!("{path}."), pairs, &mut inner);
                    inner.into()
                }
            };
            dict.insert(key.value, value);
        }
    }

    fn add_variables(&mut self, environment: &Environment) {
        let mut dict = Dict::new();
        for (name, value) in &environment.variables {
            let keys = match name.strip_prefix(PREFIX) {
                _ if value.is_empty() || NO_SETTINGS.contains(&name.as_str()) => continue,
                Some(rest) if !is_service_link(rest) => keys_of(rest),
                Some(_) => continue,
                None => match everybodys(name) {
                    Some(path) if !environment.variables.contains_key(&ours(path)) => split(path),
                    _ => continue,
                },
            };
            self.variables.insert(keys.join("."), name.clone());
            insert(&mut dict, &keys, value);
        }
        self.merge("environment", dict);
    }

    fn add_flags(&mut self, flags: &[Flag]) {
        let mut dict = Dict::new();
        for Flag { path, value, name } in flags {
            self.flags.insert(path.clone(), name.clone());
            insert(&mut dict, &split(path), value);
        }
        self.merge("flags", dict);
    }

    fn merge(&mut self, name: &'static str, dict: Dict) {
        let below = std::mem::take(&mut self.figment);
        self.figment = below.merge(Layer { name, dict });
    }
}

fn explain(kind: &Kind) -> String {
    match kind {
        Kind::UnknownField(name, known) => unknown("key", name, known),
        Kind::UnknownVariant(name, known) => unknown("value", name, known),
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("found {found}, expected {}", in_words(expected))
        }
        other => other.to_string(),
    }
}

/// Rust's names of numbers are not everybody's.
fn in_words(expected: &str) -> &str {
    match expected.strip_prefix("a nonzero ").unwrap_or(expected) {
        "u16" | "u32" | "usize" if expected.starts_with("a nonzero") => "a whole number above 0",
        "u16" | "u32" | "usize" => "a whole number",
        other => other,
    }
}

/// Variables that are meant for every program of a machine, and what they set; ours are stronger.
const EVERYBODYS: [(&str, &str); 10] = [
    ("RUST_LOG", "log.level"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "tracing.endpoint"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "tracing.headers"),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", "tracing.ca"),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "tracing.cert"),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "tracing.key"),
    ("OTEL_TRACES_SAMPLER", "tracing.sampler"),
    ("OTEL_TRACES_SAMPLER_ARG", "tracing.sampler_arg"),
    ("OTEL_SERVICE_NAME", "tracing.service_name"),
    ("OTEL_RESOURCE_ATTRIBUTES", "tracing.resource_attributes"),
];

fn everybodys(variable: &str) -> Option<&'static str> {
    let mut known = EVERYBODYS.iter();
    known.find_map(|(name, path)| (*name == variable).then_some(*path))
}

/// `log.level` is set by `WAYMARK_LOG__LEVEL`.
fn ours(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_uppercase())
}

/// Returns whether Kubernetes has put this variable there, for a service whose name begins with `waymark`:
/// `WAYMARK_SERVICE_HOST`, `WAYMARK_PORT`, `WAYMARK_PORT_9464_TCP_ADDR`, ...
fn is_service_link(rest: &str) -> bool {
    let with_edge = format!("_{rest}");
    !rest.contains("__")
        && (with_edge.contains("_SERVICE_HOST")
            || with_edge.contains("_SERVICE_PORT")
            || with_edge.ends_with("_PORT")
            || with_edge.contains("_PORT_"))
}

/// `KAFKA__CONSUMER__SESSION_TIMEOUT_MS` sets `kafka`, `consumer`, `session.timeout.ms`.
fn keys_of(variable: &str) -> Vec<String> {
    let lower = variable.to_lowercase();
    let mut keys: Vec<String> = lower.split("__").map(str::to_owned).collect();
    if keys.len() > 1
        && keys[0] == "kafka"
        && let Some(last) = keys.last_mut()
    {
        *last = property(last);
    }
    keys
}

/// Kafka's names have dots where a variable has underscores. `_FILE` behind the name of a secret stays what it is.
fn property(name: &str) -> String {
    let dotted = |name: &str| name.replace('_', ".");
    match name.strip_suffix("_file") {
        Some(secret) if is_secret(&dotted(secret)) => format!("{}_file", dotted(secret)),
        _ => dotted(name),
    }
}

/// Paths of flags: only Kafka's properties have dots inside a key.
fn split(path: &str) -> Vec<String> {
    let keys: Vec<&str> = match path.strip_prefix("kafka.") {
        Some(rest) => match rest.split_once('.') {
            Some((role @ ("consumer" | "producer"), property)) => vec!["kafka", role, property],
            _ => vec!["kafka", rest],
        },
        None => path.split('.').collect(),
    };
    keys.into_iter().map(str::to_owned).collect()
}

fn insert(dict: &mut Dict, keys: &[String], text: &str) {
    let [key, rest @ ..] = keys else { return };
    if rest.is_empty() {
        // The lists among the settings.
        let value: Value = match key.as_str() {
            "assume" | "stages" => text.split(',').map(str::trim).collect::<Vec<_>>().into(),
            _ => text.into(),
        };
        dict.insert(key.clone(), value);
        return;
    }
    let below = dict
        .entry(key.clone())
        .or_insert_with(|| Dict::new().into());
    if !matches!(below, Value::Dict(..)) {
        *below = Dict::new().into();
    }
    if let Value::Dict(_, below) = below {
        insert(below, rest, text);
    }
}

/// One layer as figment takes it.
struct Layer {
    name: &'static str,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Map::from([(Profile::Default, self.dict.clone())]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_names_a_setting_by_its_path() {
        for (variable, path) in [
            ("DEPLOYMENT", "deployment"),
            ("WORKERS__STEP__CHANGED_KEYS", "workers.step.changed_keys"),
            ("KAFKA__BOOTSTRAP_SERVERS", "kafka.bootstrap.servers"),
            (
                "KAFKA__CONSUMER__SESSION_TIMEOUT_MS",
                "kafka.consumer.session.timeout.ms",
            ),
            ("KAFKA__SASL_PASSWORD_FILE", "kafka.sasl.password_file"),
            ("KAFKA__SSL_CA_LOCATION", "kafka.ssl.ca.location"),
            ("REDIS__PASSWORD_FILE", "redis.password_file"),
        ] {
            assert_eq!(keys_of(variable).join("."), path);
        }
    }

    #[test]
    fn what_kubernetes_says_of_a_service_named_waymark_is_no_setting() {
        for name in [
            "SERVICE_HOST",
            "SERVICE_PORT_HTTP",
            "PORT",
            "PORT_9464_TCP_ADDR",
            "HEADLESS_SERVICE_HOST",
            "HEADLESS_PORT_9464_TCP",
        ] {
            assert!(is_service_link(name), "{name}");
        }
        for name in ["REDIS__PORT", "DEPLOYMENT", "HTTP"] {
            assert!(!is_service_link(name), "{name}");
        }
    }
}
