//! What settings come to, and what is refused with which words.

mod registry;
mod traces;

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

/// Settings from the three layers; only a file is written, nothing of this process is asked.
struct Given {
    folder: TempDir,
    file: Option<PathBuf>,
    environment: Environment,
    flags: Vec<Flag>,
}

impl Given {
    fn file(text: &str) -> Self {
        let mut given = Self::nothing();
        let file = given.folder.path().join("waymark.yaml");
        std::fs::write(&file, text).unwrap();
        given.file = Some(file);
        given
    }

    fn nothing() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            file: None,
            environment: Environment::default(),
            flags: Vec::new(),
        }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        let variables = &mut self.environment.variables;
        variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flag(mut self, path: &str, value: &str) -> Self {
        let name = format!("--{path}");
        let (path, value) = (path.to_owned(), value.to_owned());
        self.flags.push(Flag { path, value, name });
        self
    }

    fn host(mut self, name: &str) -> Self {
        self.environment.host = Some(name.to_owned());
        self
    }

    fn beside(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|error| panic!("{error}")).0
    }

    fn settings(&self) -> Vec<Setting> {
        self.load().unwrap_or_else(|error| panic!("{error}")).1
    }

    fn load(&self) -> Result<(Config, Vec<Setting>), ConfigError> {
        Config::load_with_origins(self.file.as_deref(), &self.environment, &self.flags)
    }

    /// Returns what is said, without the folder of this test.
    fn refused(&self) -> String {
        let error = self.load().expect_err("these settings are refused");
        let folder = format!("{}/", self.folder.path().display());
        error.to_string().replace(&folder, "")
    }
}

const SHIPPED: &str = "deploy/waymark.yaml";

#[test]
fn the_shipped_file_names_every_setting_with_its_default() {
    let mut shipped = Given::nothing();
    shipped.file = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(SHIPPED));
    let nothing = Given::nothing().variable("WAYMARK_DEPLOYMENT", "lending");
    assert_eq!(
        format!("{:?}", shipped.config()),
        format!("{:?}", nothing.config())
    );

    let text = std::fs::read_to_string(shipped.file.unwrap()).unwrap();
    let keys: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| Some(line.split_once(':')?.0.trim()))
        .collect();
    for Setting { path, .. } in nothing.settings() {
        // A secret stands in a file of its own, or in a variable; the comments say so.
        let secrets = [
            "redis.password",
            "registry.password",
            "registry.token",
            "tracing.headers",
        ];
        let known = keys
            .iter()
            .any(|key| path == *key || path.ends_with(&format!(".{key}")));
        assert!(
            known || secrets.contains(&path.as_str()),
            "{path} is not in {SHIPPED}"
        );
    }
}

#[test]
fn flags_are_stronger_than_variables_and_variables_than_the_file() {
    let file = "deployment: a\nworkers: { threads: 3, step: { wait: 50 ms } }\nhttp: off\n";
    let given = Given::file(file)
        .variable("WAYMARK_DEPLOYMENT", "b")
        .variable("WAYMARK_WORKERS__THREADS", "4")
        .flag("deployment", "c");
    let config = given.config();
    assert_eq!(config.deployment.as_str(), "c");
    assert_eq!(config.workers.threads, 4);
    assert_eq!(config.workers.step.wait, Duration::from_millis(50));
    assert_eq!(config.workers.step.records, 20_000);
    assert_eq!(config.http, None);
}

#[test]
fn every_setting_in_force_tells_where_it_was_set() {
    let given = Given::file("deployment: a\nlog: { level: warn }\n")
        .variable("WAYMARK_KAFKA__CLIENT_RACK", "eu-1")
        .flag("kafka.consumer.session.timeout.ms", "9000");
    let told: Vec<String> = given
        .settings()
        .iter()
        .filter(|setting| setting.origin != "default")
        .map(
            |Setting {
                 path,
                 value,
                 origin,
             }| {
                let origin = origin.rsplit('/').next().unwrap();
                format!(
                    "{path} = {} ({origin})",
                    value.as_deref().unwrap_or("nothing")
                )
            },
        )
        .collect();
    assert_eq!(
        told,
        [
            "deployment = a (waymark.yaml:1:1)",
            "kafka.client.rack = eu-1 (environment variable WAYMARK_KAFKA__CLIENT_RACK)",
            "kafka.consumer.session.timeout.ms = 9000 (--kafka.consumer.session.timeout.ms)",
            "log.level = warn (waymark.yaml:2:8)",
        ]
    );
}

#[test]
fn a_variable_names_the_file_where_no_flag_does() {
    let given = Given::nothing();
    let file = given.beside("other.yaml", "deployment: elsewhere");
    let given = given.variable("WAYMARK_CONFIG", file.to_str().unwrap());
    assert_eq!(given.config().deployment.as_str(), "elsewhere");
}

#[test]
fn files_are_meant_as_seen_from_the_file_that_names_them() {
    let given = Given::file("deployment: a\ndefinition: rules.yaml\n");
    assert_eq!(
        given.config().definition,
        Some(given.folder.path().join("rules.yaml"))
    );
    let given = given.flag("definition", "rules.yaml");
    assert_eq!(given.config().definition, Some("rules.yaml".into()));
}

#[test]
fn the_log_level_of_every_program_gives_way_to_our_own() {
    let given = Given::file("deployment: a\nlog: { level: warn }").variable("RUST_LOG", "debug");
    assert_eq!(given.config().log.filter, "debug");
    let given = given.variable("WAYMARK_LOG__LEVEL", "error");
    assert_eq!(given.config().log.filter, "error");
}

#[test]
fn the_ordinal_is_a_setting_or_the_end_of_the_host_name() {
    let given = Given::file("deployment: a").host("waymark-3");
    let told = given.config().workers.ordinal.unwrap();
    assert_eq!(
        told,
        Ordinal {
            number: 3,
            origin: Origin::HostName
        }
    );
    let given = given.flag("workers.ordinal", "0");
    assert_eq!(given.config().workers.ordinal.unwrap().number, 0);
    assert_eq!(
        Given::file("deployment: a")
            .host("laptop")
            .config()
            .workers
            .ordinal,
        None
    );
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_write_instead() {
    for (file, said) in [
        (
            "",
            "configuration: deployment is missing: the name that every topic and group of yours begins with",
        ),
        (
            "deployment: a\nworkers:\n  treads: 3\n",
            "waymark.yaml:3:3: workers.treads: unknown key \"treads\": do you mean \"threads\"?",
        ),
        (
            "deployment: A_b",
            "waymark.yaml:1:1: deployment: \"A_b\" is no name of a deployment: lower-case letters, digits, dots and hyphens, beginning with a letter",
        ),
        (
            "deployment: a\nassurance: prod",
            "waymark.yaml:2:1: assurance: unknown value \"prod\": do you mean \"production\"?",
        ),
        (
            "deployment: a\nassume: [redis-noevict]",
            "waymark.yaml:2:1: assume.0: unknown value \"redis-noevict\": do you mean \"redis-noeviction\"?",
        ),
        (
            "deployment: a\nworkers: { threads: 0 }",
            "waymark.yaml:2:12: workers.threads: found unsigned int `0`, expected a whole number above 0",
        ),
        (
            "deployment: a\nworkers: { threads: -2 }",
            "waymark.yaml:2:12: workers.threads: found signed int `-2`, expected a whole number above 0",
        ),
        (
            "deployment: a\nworkers: { threads: 5000 }",
            "waymark.yaml:2:12: workers.threads is 5000, at most 256 make sense",
        ),
        (
            "deployment: a\nworkers: { step: { wait: 0ms } }",
            "waymark.yaml:2:20: workers.step.wait: \"0ms\" is no length of time: write a number above 0 and a unit, such as 100ms, 5s or 10m",
        ),
        (
            "deployment: a\nworkers: { step: { bytes: 32 MB } }",
            "waymark.yaml:2:20: workers.step.bytes: \"32 MB\" is no number of bytes: write a number above 0, alone or with KiB, MiB or GiB",
        ),
        (
            "deployment: a\nhttp: 9464",
            "waymark.yaml:2:1: http: \"9464\" is no address to listen at: write such as 0.0.0.0:9464, or off",
        ),
        (
            "deployment: a\ndeployment: b",
            "waymark.yaml:2:1: key \"deployment\" stands here a second time",
        ),
        ("- a", "waymark.yaml:1:1: the configuration is a map"),
        (
            "deployment: a\nredis: { tls: { cert: x } }",
            "waymark.yaml:2:17: redis.tls.cert: cannot read x: No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(Given::file(file).refused(), said, "{file:?}");
    }
    assert_eq!(
        Given::file("deployment: a")
            .variable("WAYMARK_WORKERS__TREADS", "3")
            .refused(),
        "environment variable WAYMARK_WORKERS__TREADS: workers.treads: unknown key \"treads\": do you mean \"threads\"?"
    );
    assert_eq!(
        Given::file("deployment: a")
            .flag("workers.threads", "many")
            .refused(),
        "--workers.threads: workers.threads: found string \"many\", expected a whole number above 0"
    );
}

#[test]
fn what_delivery_rests_on_is_refused_by_name() {
    for (kafka, said) in [
        (
            "isolation.level: read_uncommitted",
            "isolation.level can't be set: aborted input must never be read",
        ),
        (
            "producer: { acks: 1 }",
            "acks can't be set: a transaction stands or falls as one, in order and acknowledged by all replicas",
        ),
        (
            "consumer: { group.id: mine }",
            "group.id can't be set: it is made of the deployment, the stage and the worker's slot",
        ),
        (
            "consumer: { session.timeout.ms: 45000 }",
            "session.timeout.ms is 45000 and must lie between 6000 and 10000: shorter, and brokers refuse it; longer, and a dead worker's customers wait",
        ),
        (
            "session.timeout.ms: 8000",
            "session.timeout.ms belongs under kafka.consumer",
        ),
        (
            "producer: { transaction.timeout.ms: 60000 }",
            "transaction.timeout.ms is 60000 and must lie between 10000 and 15000: a dead worker blocks takeover and readers this long",
        ),
        (
            "producer: { message.timeout.ms: 12000 }",
            "message.timeout.ms is 12000 and must be above 0 and below transaction.timeout.ms, 12000: a record that may still arrive when its transaction is over belongs to no transaction",
        ),
        (
            "producer: { message.max.bytes: 1000000 }",
            "message.max.bytes is 1000000 and must lie between 12587008 and 1000000000: the largest state must fit, or its shard stands",
        ),
        (
            "boostrap.servers: b",
            "unknown Kafka property \"boostrap.servers\": do you mean \"bootstrap.servers\"?",
        ),
        (
            "security.protocol: tls",
            "Invalid value \"tls\" for configuration property \"security.protocol\"",
        ),
        (
            "security.protocol: SASL_SSL, sasl.mechanism: GSSAPI",
            "sasl.mechanism can't be GSSAPI: Kerberos (GSSAPI) is not built in: log in by SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER, or by a certificate",
        ),
        (
            "security.protocol: sasl_ssl",
            "security.protocol wants a sasl.mechanism: Kerberos (GSSAPI) is not built in: log in by SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER, or by a certificate",
        ),
        (
            "sasl.kerberos.keytab: k",
            "sasl.kerberos.keytab can't be set: Kerberos (GSSAPI) is not built in: log in by SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER, or by a certificate",
        ),
        (
            "consumer: { sasl.password_file: x }",
            "sasl.password_file belongs directly under kafka",
        ),
    ] {
        let refused = Given::file(&format!("deployment: a\nkafka: {{ {kafka} }}")).refused();
        let (place, told) = refused.split_once(": ").unwrap();
        assert_eq!(told, said);
        assert!(place.starts_with("waymark.yaml:2:"), "{refused}");
    }
}

#[test]
fn secrets_in_plain_text_are_refused_without_repeating_them() {
    let hush = "kafka: { sasl.password: hush-1 }";
    assert_eq!(
        Given::file(&format!("deployment: a\n{hush}")).refused(),
        "waymark.yaml:2:10: kafka.sasl.password stands here in plain text: name a file by kafka.sasl.password_file, or set WAYMARK_KAFKA__SASL_PASSWORD or WAYMARK_KAFKA__SASL_PASSWORD_FILE"
    );
    let refused = Given::file("deployment: a\nredis: { password: hush-2 }").refused();
    assert!(
        refused.contains("WAYMARK_REDIS__PASSWORD_FILE"),
        "{refused}"
    );
    let refused = Given::file("deployment: a")
        .flag("redis.password", "hush-3")
        .refused();
    assert!(refused.starts_with("--redis.password: "), "{refused}");
    let refused = Given::file("deployment: a\nredis: { password: [hush-4] }").refused();
    assert!(!refused.contains("hush"), "{refused}");
}

#[test]
fn secrets_come_from_files_and_variables_and_are_never_printed() {
    let given = Given::file("deployment: a\nkafka: { sasl.password_file: kafka-password }");
    given.beside("kafka-password", "hush-1\n");
    let given = given
        .variable("WAYMARK_REDIS__PASSWORD", "202")
        .variable("WAYMARK_KAFKA__SSL_KEY_PASSWORD", "hush-3");
    let config = given.config();
    let secret = |name: &str| config.kafka.secrets[name].read().unwrap();
    assert_eq!(secret("sasl.password").expose_secret(), "hush-1");
    assert_eq!(secret("ssl.key.password").expose_secret(), "hush-3");
    let Store::Redis(redis) = &config.store else {
        panic!("Redis is the default")
    };
    let password = redis.password.as_ref().unwrap().read().unwrap();
    assert_eq!(password.expose_secret(), "202");
    let printed = format!("{config:?} {:?} {:?}", given.settings(), given.environment);
    assert!(
        !printed.contains("hush") && !printed.contains("202"),
        "{printed}"
    );
}

#[test]
fn a_bare_name_of_a_secret_is_looked_up_among_the_credentials_of_the_service() {
    let given = Given::nothing();
    given.beside("redis-password", "from systemd");
    let folder = given.folder.path().to_str().unwrap().to_owned();
    let given = given
        .variable("WAYMARK_DEPLOYMENT", "a")
        .variable("CREDENTIALS_DIRECTORY", &folder)
        .variable("WAYMARK_REDIS__PASSWORD_FILE", "redis-password");
    let Store::Redis(redis) = given.config().store else {
        panic!("Redis is the default")
    };
    assert_eq!(
        redis.password.unwrap().read().unwrap().expose_secret(),
        "from systemd"
    );
}

#[test]
fn a_secret_file_that_is_missing_is_told_at_the_start() {
    let given = Given::file("deployment: a\nredis: { password_file: nowhere }");
    assert_eq!(given.refused(), "waymark.yaml:2:10: redis.password_file");
    let source = std::error::Error::source(&given.load().unwrap_err())
        .unwrap()
        .to_string();
    assert!(
        source.starts_with("cannot read the secret file"),
        "{source}"
    );
}

#[test]
fn an_empty_variable_sets_nothing() {
    let given = Given::file("deployment: a").variable("WAYMARK_HTTP", "");
    assert_eq!(
        given.config().http,
        Given::file("deployment: a").config().http
    );
}
