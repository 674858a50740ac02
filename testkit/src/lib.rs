//! Real Kafka, Redis and Schema Registry servers for tests, benches and the recipes of the README. Knows nothing of Waymark.
//!
//! A test that needs them begins with one line and gets servers of its own, in a temporary folder, on free ports of
//! 127.0.0.1:
//!
//! ```no_run
//! use waymark_testkit::{Kafka, Redis, kafka, redis, servers_or_skip};
//!
//! # fn test() -> anyhow::Result<()> {
//! let Some(servers) = servers_or_skip() else { return Ok(()) };
//! let mut kafka = Kafka::start(&servers, &kafka::Options { brokers: 3, ..Default::default() })?;
//! let redis = Redis::start(&servers, &redis::Options::default())?;
//! println!("{} {}", kafka.bootstrap(), redis.url());
//! kafka.kill(2); // as `kill -9` does
//! kafka.restart(2)?; // same folder, same port
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`servers`] | where the servers are on this machine, and how they get there |
//! | [`policy`] | what a test does when they are not there; the ledgers of tests that met them, and of those skipped |
//! | [`clients`] | stock clients in Java and Python, fetched apart |
//! | [`kafka`], [`redis`], [`registry`] | starting, killing, pausing and restarting them |
//! | [`ports`] | ports that nobody else takes meanwhile |
//! | [`prometheus`] | what reads metrics and judges rules, fetched apart |
//! | [`checkers`] | what holds manifests, charts and container files to their schemas, fetched apart |
//! | [`process`] | a child process that dies with its owner; also for running the `waymark` command |
//!
//! **Nothing outlives its owner.** A handle kills its processes when it is dropped. If the test process dies without
//! dropping anything (a crash, a `kill -9`, a static), a watchdog beside each process kills it and removes its folder.

pub mod checkers;
pub mod clients;
mod clock;
mod home;
pub mod kafka;
pub mod policy;
pub mod ports;
pub mod process;
pub mod prometheus;
pub mod redis;
pub mod registry;
pub mod servers;
mod tls;

pub use checkers::{Built, Checkers};
pub use clients::Clients;
pub use clock::until;
pub use kafka::Kafka;
pub use policy::{
    built_or_skip, checkers_or_skip, clients_or_skip, prometheus_or_skip, servers_or_skip,
};
pub use ports::Port;
pub use process::Process;
pub use prometheus::{Prometheus, PrometheusProgram};
pub use redis::Redis;
pub use registry::Registry;
pub use servers::Servers;
