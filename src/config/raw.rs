//! Settings as typed: every key with its shape and its default, before anything is judged by its meaning.
//!
//! The defaults stand here and nowhere else; `deploy/waymark.yaml` repeats them for people, held to it by a test.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::properties::{CONSUMER_DEFAULTS, PRODUCER_DEFAULTS};
use super::scalars::{Http, MIB, Size, Span, Text};
use super::{Assumption, Assurance, LogFormat, OutputForm, StageName, StartAt};

/// All settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) deployment: Option<Text>,
    pub(super) assurance: Assurance,
    pub(super) assume: Vec<Assumption>,
    pub(super) stages: RawStages,
    pub(super) definition: Option<PathBuf>,
    pub(super) schemas: Option<PathBuf>,
    pub(super) kafka: RawKafka,
    pub(super) store: RawStore,
    pub(super) redis: RawRedis,
    pub(super) registry: RawRegistry,
    pub(super) workers: RawWorkers,
    pub(super) time: RawTime,
    pub(super) http: Http,
    pub(super) log: RawLog,
    pub(super) tracing: RawTracing,
}

/// Which stages to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RawStages(pub(super) Vec<StageName>);

/// Properties of librdkafka under their own names.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct RawKafka {
    pub(super) consumer: BTreeMap<String, Text>,
    pub(super) producer: BTreeMap<String, Text>,
    #[serde(flatten)]
    pub(super) properties: BTreeMap<String, Text>,
}

/// Where states are kept.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawStore {
    #[default]
    Redis,
    Memory,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRedis {
    pub(super) host: Text,
    pub(super) port: NonZeroU16,
    pub(super) database: u32,
    pub(super) username: Option<Text>,
    pub(super) password: Option<Text>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) tls: RawTls,
    pub(super) connect_timeout: Span,
    pub(super) response_timeout: Span,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) enabled: bool,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRegistry {
    pub(super) url: Option<Text>,
    pub(super) outputs: Option<OutputForm>,
    pub(super) username: Option<Text>,
    pub(super) password: Option<Text>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) token: Option<Text>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) connect_timeout: Span,
    pub(super) response_timeout: Span,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawWorkers {
    pub(super) ordinal: Option<u32>,
    pub(super) threads: NonZeroU32,
    pub(super) cohort_threads: NonZeroU32,
    pub(super) step: RawStep,
    pub(super) flush: RawFlush,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStep {
    pub(super) records: NonZeroUsize,
    pub(super) changed_keys: NonZeroUsize,
    pub(super) bytes: Size,
    pub(super) wait: Span,
    pub(super) timers: NonZeroUsize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawFlush {
    pub(super) keys: NonZeroUsize,
    pub(super) age: Span,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTime {
    pub(super) max_skew: Span,
    pub(super) tick_resume: Span,
    pub(super) start: StartAt,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLog {
    pub(super) level: Text,
    pub(super) format: LogFormat,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTracing {
    pub(super) endpoint: Option<Text>,
    pub(super) headers: Option<Text>,
    pub(super) headers_file: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) sampler: Text,
    pub(super) sampler_arg: Text,
    pub(super) service_name: Option<Text>,
    pub(super) resource_attributes: Option<Text>,
}

impl Default for RawStages {
    fn default() -> Self {
        Self(vec![StageName::Customer, StageName::Cohort])
    }
}

impl Default for RawKafka {
    fn default() -> Self {
        let own = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), Text((*value).to_owned())))
                .collect()
        };
        Self {
            properties: own(&[("bootstrap.servers", "localhost:9092")]),
            consumer: own(CONSUMER_DEFAULTS),
            producer: own(PRODUCER_DEFAULTS),
        }
    }
}

impl Default for RawRedis {
    fn default() -> Self {
        Self {
            host: Text("localhost".to_owned()),
            port: nonzero(6379),
            database: 0,
            username: None,
            password: None,
            password_file: None,
            tls: RawTls::default(),
            connect_timeout: Span(Duration::from_secs(1)),
            response_timeout: Span(Duration::from_secs(2)),
        }
    }
}

impl Default for RawRegistry {
    fn default() -> Self {
        Self {
            url: None,
            outputs: None,
            username: None,
            password: None,
            password_file: None,
            token: None,
            token_file: None,
            ca: None,
            cert: None,
            key: None,
            connect_timeout: Span(Duration::from_secs(1)),
            response_timeout: Span(Duration::from_secs(2)),
        }
    }
}

impl Default for RawWorkers {
    fn default() -> Self {
        Self {
            ordinal: None,
            threads: nonzero(2),
            cohort_threads: nonzero(1),
            step: RawStep::default(),
            flush: RawFlush::default(),
        }
    }
}

impl Default for RawStep {
    fn default() -> Self {
        Self {
            records: nonzero(20_000),
            changed_keys: nonzero(20_000),
            bytes: Size(32 * MIB),
            wait: Span(Duration::from_millis(100)),
            timers: nonzero(20_000),
        }
    }
}

impl Default for RawFlush {
    fn default() -> Self {
        Self {
            keys: nonzero(20_000),
            age: Span(Duration::from_millis(200)),
        }
    }
}

impl Default for RawTime {
    fn default() -> Self {
        Self {
            max_skew: Span(Duration::from_mins(5)),
            tick_resume: Span(Duration::from_mins(10)),
            start: StartAt::default(),
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self {
            level: Text("info".to_owned()),
            format: LogFormat::default(),
        }
    }
}

impl Default for RawTracing {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: None,
            headers_file: None,
            ca: None,
            cert: None,
            key: None,
            sampler: Text("parentbased_always_on".to_owned()),
            sampler_arg: Text("1".to_owned()),
            service_name: None,
            resource_attributes: None,
        }
    }
}

fn nonzero<T, N: TryFrom<T, Error: fmt::Debug>>(number: T) -> N {
    N::try_from(number).expect("a literal above, not zero")
}
