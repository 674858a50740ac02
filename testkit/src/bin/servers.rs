//! One Kafka, one Redis and, if asked for, a Schema Registry to try Waymark by hand, until Ctrl-C. No Docker, no root.
//!
//! `servers fetch` only fetches what the servers need, and the stock clients, Prometheus and checkers of the tests, and
//! ends; tests and CI begin with it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, Result, bail};
use waymark_testkit::{
    Checkers, Clients, Kafka, PrometheusProgram, Redis, Registry, Servers, kafka, redis, registry,
};

const USAGE: &str = "\
Starts one Kafka and one Redis on 127.0.0.1 and runs them until Ctrl-C.

usage: servers [--kafka-port PORT] [--redis-port PORT] [--registry-port PORT] [--dir FOLDER]
       servers fetch

  --kafka-port PORT     default 9092; 0 takes a free one
  --redis-port PORT     default 6379; 0 takes a free one
  --registry-port PORT  also starts a Schema Registry, which forgets everything when it ends; 0 takes a free one
  --dir FOLDER          keeps the data there; else it is gone with the servers
  fetch                 only fetches what is missing (Kafka and registry through mvn, Redis through apt-get), and for the
                        tests clients in Java and Python (through mvn and pip), Prometheus (through apt-get), and what
                        checks manifests (through pip and, where there is Go, go install)
";

fn main() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "error: {error:#}").ok(); // nowhere else to say it
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result<()> {
    let Some(order) = Order::parse(std::env::args().skip(1))? else {
        write!(std::io::stdout(), "{USAGE}")?;
        return Ok(());
    };
    let servers = Servers::fetch()?;
    match order {
        Order::Fetch => {
            Clients::fetch()?;
            PrometheusProgram::fetch()?;
            Checkers::fetch()?;
            writeln!(std::io::stderr(), "servers: ready to start")?;
        }
        Order::Run(run) => run.until_interrupted(&servers)?,
    }
    Ok(())
}

/// What the command line asks for.
enum Order {
    Fetch,
    Run(Run),
}

struct Run {
    kafka_port: Option<u16>,
    redis_port: Option<u16>,
    registry: Option<registry::Options>,
    folder: Option<PathBuf>,
}

impl Order {
    /// Reads the arguments; `None` when help is asked for.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut run = Run {
            kafka_port: Some(9092),
            redis_port: Some(6379),
            registry: None,
            folder: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let next = arguments.next();
                next.with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "fetch" => return Ok(Some(Self::Fetch)),
                "-h" | "--help" => return Ok(None),
                "--kafka-port" => run.kafka_port = port(&value()?).context("--kafka-port")?,
                "--redis-port" => run.redis_port = port(&value()?).context("--redis-port")?,
                "--registry-port" => {
                    let port = port(&value()?).context("--registry-port")?;
                    run.registry = Some(registry::Options {
                        port,
                        ..registry::Options::default()
                    });
                }
                "--dir" => run.folder = Some(value()?.into()),
                other => bail!("unknown argument {other}\n\n{USAGE}"),
            }
        }
        Ok(Some(Self::Run(run)))
    }
}

/// Reads a port; 0 leaves the choice to the kit.
fn port(text: &str) -> Result<Option<u16>> {
    let number: u16 = text.parse()?;
    Ok((number != 0).then_some(number))
}

impl Run {
    fn until_interrupted(&self, servers: &Servers) -> Result<()> {
        // Before the servers start: from here on Ctrl-C is a wish, heard once they run.
        let (interrupt, interrupted) = sync_channel(1);
        ctrlc::set_handler(move || {
            interrupt.try_send(()).ok(); // full: already on the way out
        })?;
        let folder = |name| self.folder.as_ref().map(|folder| folder.join(name));
        let mut redis = Redis::start(
            servers,
            &redis::Options {
                port: self.redis_port,
                append_only: self.folder.is_some(),
                folder: folder("redis"),
                ..redis::Options::default()
            },
        )?;
        let mut kafka = Kafka::start(
            servers,
            &kafka::Options {
                port: self.kafka_port,
                folder: folder("kafka"),
                ..kafka::Options::default()
            },
        )?;
        let registry = self.registry.as_ref();
        let registry = registry.map(|options| Registry::start(servers, options));
        let registry = registry.transpose()?;
        tell(&kafka, &redis, registry.as_ref())?;
        interrupted.recv().context("nobody can interrupt")?;
        drop(registry); // it has nothing to save
        kafka.stop_all()?;
        redis.stop()
    }
}

fn tell(kafka: &Kafka, redis: &Redis, registry: Option<&Registry>) -> Result<()> {
    let id = |id: Option<u32>| id.map_or("?".to_owned(), |id| id.to_string());
    let kafka_id = id(kafka.broker(1).process_id());
    let redis_id = id(redis.process_id());
    let mut out = std::io::stdout().lock();
    writeln!(out, "kafka  {:<24} pid {kafka_id}", kafka.bootstrap())?;
    writeln!(out, "redis  {:<24} pid {redis_id}", redis.url())?;
    if let Some(registry) = registry {
        let (url, id) = (registry.url(), id(registry.process_id()));
        writeln!(out, "registry {url} pid {id}")?;
    }
    writeln!(out, "Ctrl-C stops them")?;
    Ok(())
}
