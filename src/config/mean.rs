//! From settings as typed to settings as meant: everything that can be judged without a server is judged here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::layers::Layers;
use super::raw::{RawConfig, RawLog, RawRedis, RawStages, RawStore, RawTls, RawWorkers};
use super::scalars::Text;
use super::{
    Config, ConfigError, Deployment, Environment, FlushLimits, Kafka, Log, Ordinal, Origin, Redis,
    Registry, Secret, StageName, StepLimits, Store, Time, Tls, Tracing, Workers,
};

/// Beyond this, an ordinal is a mistake.
const ORDINAL_MAX: u32 = 9_999;

/// One thread is one worker; more than this on one machine is a mistake.
const THREADS_MAX: u32 = 256;

pub(super) fn mean(
    raw: RawConfig,
    layers: &Layers,
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let located = |path: &str, file: Option<PathBuf>| file.map(|file| layers.located(path, file));
    Ok(Config {
        deployment: deployment(raw.deployment, layers)?,
        assurance: raw.assurance,
        assume: raw.assume.into_iter().collect(),
        stages: stages(raw.stages, layers)?,
        definition: located("definition", raw.definition),
        schemas: located("schemas", raw.schemas),
        kafka: Kafka::check(raw.kafka, layers, environment)?,
        store: match raw.store {
            RawStore::Memory => Store::Memory,
            RawStore::Redis => Store::Redis(redis(raw.redis, layers, environment)?),
        },
        registry: Registry::check(raw.registry, layers, environment)?,
        workers: workers(&raw.workers, layers, environment)?,
        time: Time {
            max_skew: raw.time.max_skew.0,
            tick_resume: raw.time.tick_resume.0,
            start: raw.time.start,
        },
        http: raw.http.0,
        log: log(raw.log, layers)?,
        tracing: Tracing::check(raw.tracing, layers, environment)?,
    })
}

fn stages(raw: RawStages, layers: &Layers) -> Result<BTreeSet<StageName>, ConfigError> {
    if raw.0.is_empty() {
        let nothing = "stages is empty: name customer, cohort or both";
        return Err(layers.wrong("stages", nothing.to_owned()));
    }
    Ok(raw.0.into_iter().collect())
}

fn deployment(raw: Option<Text>, layers: &Layers) -> Result<Deployment, ConfigError> {
    let wrong = |message| layers.wrong("deployment", message);
    let Some(Text(name)) = raw else {
        return Err(wrong(
            "deployment is missing: the name that every topic and group of yours begins with"
                .to_owned(),
        ));
    };
    Deployment::parse(&name).map_err(|message| wrong(format!("deployment: {message}")))
}

/// Returns the secret of a setting, from its value or from the file that `<path>_file` names.
pub(super) fn secret(
    path: &str,
    given: Option<String>,
    file: Option<PathBuf>,
    layers: &Layers,
    environment: &Environment,
) -> Result<Option<Secret>, ConfigError> {
    let path_of_file = format!("{path}_file");
    match (given, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(layers.wrong(
            path,
            format!("{path} and {path_of_file} are both set: one is enough"),
        )),
        (Some(text), None) => match layers.origin(path) {
            Origin::Variable(_) => Ok(Some(Secret::given(text))),
            _ => Err(layers.wrong(path, in_plain_text(path))),
        },
        (None, Some(file)) => {
            let file = environment
                .secret_file(&file)
                .unwrap_or_else(|| layers.located(&path_of_file, file));
            let secret = Secret::in_file(file);
            // Every connection reads it anew; a file that is missing today is told today.
            match secret.read() {
                Ok(_) => Ok(Some(secret)),
                Err(source) => Err(ConfigError::Secret {
                    origin: layers.origin(&path_of_file),
                    path: path_of_file,
                    source,
                }),
            }
        }
    }
}

fn in_plain_text(path: &str) -> String {
    let variable = path.replacen('.', "__", 1).replace('.', "_").to_uppercase();
    format!(
        "{path} stands here in plain text: name a file by {path}_file, or set WAYMARK_{variable} or WAYMARK_{variable}_FILE"
    )
}

fn redis(raw: RawRedis, layers: &Layers, environment: &Environment) -> Result<Redis, ConfigError> {
    let password = raw.password.map(|text| text.0);
    Ok(Redis {
        host: raw.host.0,
        port: raw.port.get(),
        database: raw.database,
        username: raw.username.map(|text| text.0),
        password: secret(
            "redis.password",
            password,
            raw.password_file,
            layers,
            environment,
        )?,
        tls: tls(raw.tls, layers)?,
        connect_timeout: raw.connect_timeout.0,
        response_timeout: raw.response_timeout.0,
    })
}

fn tls(raw: RawTls, layers: &Layers) -> Result<Option<Tls>, ConfigError> {
    let enabled = raw.enabled;
    let tls = Tls::check("redis.tls", raw.ca, raw.cert, raw.key, layers)?;
    let wrong = |path: &str, message: &str| Err(layers.wrong(path, message.to_owned()));
    match (enabled, &tls.ca, &tls.cert) {
        (true, ..) => Ok(Some(tls)),
        (false, None, None) => Ok(None),
        (false, Some(_), _) => wrong("redis.tls.ca", TLS_OFF),
        (false, None, Some(_)) => wrong("redis.tls.cert", TLS_OFF),
    }
}

const TLS_OFF: &str = "redis.tls has files but is not enabled: set redis.tls.enabled: true";

impl Tls {
    /// Finds the files of a connection, which can be read, and none of a pair without the other.
    pub(super) fn check(
        under: &str,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
        layers: &Layers,
    ) -> Result<Self, ConfigError> {
        let located = |key: &str, file: Option<PathBuf>| {
            let path = format!("{under}.{key}");
            let Some(file) = file else { return Ok(None) };
            let file = layers.located(&path, file);
            readable(&path, &file, layers).map(|()| Some(file))
        };
        let tls = Self {
            ca: located("ca", ca)?,
            cert: located("cert", cert)?,
            key: located("key", key)?,
        };
        let lonely = |has: &str, lacks: &str| {
            let path = format!("{under}.{has}");
            Err(layers.wrong(&path, format!("{path} needs {under}.{lacks}")))
        };
        match (&tls.cert, &tls.key) {
            (Some(_), None) => lonely("cert", "key"),
            (None, Some(_)) => lonely("key", "cert"),
            (Some(_), Some(_)) | (None, None) => Ok(tls),
        }
    }
}

fn readable(path: &str, file: &Path, layers: &Layers) -> Result<(), ConfigError> {
    match std::fs::File::open(file) {
        Ok(_) => Ok(()),
        Err(error) => Err(layers.wrong(
            path,
            format!("{path}: cannot read {}: {error}", file.display()),
        )),
    }
}

fn workers(
    raw: &RawWorkers,
    layers: &Layers,
    environment: &Environment,
) -> Result<Workers, ConfigError> {
    let at_most = |path: &str, number: u32, max: u32| {
        if number <= max {
            return Ok(());
        }
        Err(layers.wrong(
            path,
            format!("{path} is {number}, at most {max} make sense"),
        ))
    };
    at_most("workers.threads", raw.threads.get(), THREADS_MAX)?;
    at_most(
        "workers.cohort_threads",
        raw.cohort_threads.get(),
        THREADS_MAX,
    )?;
    at_most(
        "workers.ordinal",
        raw.ordinal.unwrap_or_default(),
        ORDINAL_MAX,
    )?;
    let set = raw.ordinal.map(|number| Ordinal {
        number,
        origin: layers.origin("workers.ordinal"),
    });
    let told_by_host = || {
        environment.host_ordinal().map(|number| Ordinal {
            number,
            origin: Origin::HostName,
        })
    };
    Ok(Workers {
        ordinal: set.or_else(told_by_host),
        threads: raw.threads.get(),
        cohort_threads: raw.cohort_threads.get(),
        step: StepLimits {
            records: raw.step.records.get(),
            changed_keys: raw.step.changed_keys.get(),
            bytes: raw.step.bytes.0,
            wait: raw.step.wait.0,
            timers: raw.step.timers.get(),
        },
        flush: FlushLimits {
            keys: raw.flush.keys.get(),
            age: raw.flush.age.0,
        },
    })
}

fn log(raw: RawLog, layers: &Layers) -> Result<Log, ConfigError> {
    let filter = raw.level.0;
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&filter) {
        return Err(layers.wrong("log.level", format!("log.level: {error}")));
    }
    Ok(Log {
        filter,
        format: raw.format,
    })
}
