//! A Schema Registry (Apicurio, through the API that Confluent's clients speak) that can be killed, frozen and brought
//! back.
//!
//! It listens on 127.0.0.1 alone and keeps its port through restarts. What it knows is in its memory: **a killed one comes
//! back empty and numbers schemas from 1 again**, so an id may then mean another schema. To take it away from its clients
//! for a while, freeze it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::home::Home;
use crate::ports::Port;
use crate::process::Process;
use crate::servers::Servers;
use crate::tls::Certificates;

pub use crate::tls::Transport;

/// A start takes 5 s on an idle machine; tests run side by side on small ones.
const LIMIT: Duration = Duration::from_mins(2);

/// What kind of registry to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the wire carries.
    pub transport: Transport,
    /// Port; a free one if `None`.
    pub port: Option<u16>,
}

/// A registry; it dies with its handle.
#[derive(Debug)]
pub struct Registry {
    process: Option<Process>, // before `home`: it dies before its folder goes
    port: Port,
    certificates: Option<Certificates>,
    jar: PathBuf,
    starts: u32,
    home: Home,
}

impl Registry {
    /// Starts a registry and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time, with the tail of its log.
    pub fn start(servers: &Servers, options: &Options) -> Result<Self> {
        let home = Home::open(None, "waymark-registry-")?;
        let certificates = match options.transport {
            Transport::Plain => None,
            Transport::Tls => Some(Certificates::in_folder(home.path())?),
        };
        let mut registry = Self {
            process: None,
            port: options.port.map_or_else(Port::claim, Port::chosen)?,
            certificates,
            jar: servers.registry_jar().to_owned(),
            starts: 0,
            home,
        };
        registry.restart()?;
        Ok(registry)
    }

    /// Returns the one registry that all tests of this process share, started by the first that asks.
    ///
    /// Tests that use it choose subjects of their own, and leave the registry alone. It dies with the process.
    ///
    /// # Panics
    ///
    /// When it can't be started, with the reason.
    pub fn shared(servers: &Servers) -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::start(servers, &Options::default()).expect("the shared registry must start")
        })
    }

    /// Returns the address that clients of Confluent's API take.
    pub fn url(&self) -> String {
        let scheme = match self.certificates {
            None => "http",
            Some(_) => "https",
        };
        format!("{scheme}://127.0.0.1:{}/apis/ccompat/v7", self.port())
    }

    /// Returns the port it listens on.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Returns the PEM file of the authority that a client over TLS must trust.
    pub fn authority(&self) -> Option<&Path> {
        self.certificates
            .as_ref()
            .map(|files| files.authority.as_path())
    }

    /// Returns its process id, if it has been started and not killed.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills it, as `kill -9` does. It forgets everything.
    pub fn kill(&mut self) {
        self.process = None; // dropping is killing
    }

    /// Stops it gracefully. It forgets everything.
    ///
    /// # Errors
    ///
    /// When it still runs after the time of a start, which is also what a frozen one does.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process {
            process.stop(LIMIT)?;
            self.process = None;
        }
        Ok(())
    }

    /// Freezes it: connections stay open, nothing is answered, nothing is forgotten.
    pub fn pause(&mut self) {
        if let Some(process) = &mut self.process {
            process.pause();
        }
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&mut self) {
        if let Some(process) = &mut self.process {
            process.resume();
        }
    }

    /// Starts it again after a kill or stop, empty, on its port, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time, with the tail of its log.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        self.starts += 1;
        let name = format!("start-{}", self.starts);
        let (command, home) = (self.command(), &self.home);
        let mut process = Process::spawn_in(&name, &command, home.path(), home.litter())?;
        process
            .wait_to_say("Listening on: http", LIMIT)
            .context("starting the registry")?;
        self.process = Some(process);
        Ok(())
    }

    fn command(&self) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .arg("-XX:-UsePerfData") // a file in the common temporary folder that nobody reads
            .arg(format!("-Djava.io.tmpdir={}", self.home.path().display()))
            .arg("-jar")
            .arg(&self.jar)
            .current_dir(self.home.path())
            .env("QUARKUS_HTTP_HOST", "127.0.0.1");
        let port = self.port().to_string();
        match &self.certificates {
            None => java.env("QUARKUS_HTTP_PORT", port),
            Some(files) => java
                .env("QUARKUS_HTTP_INSECURE_REQUESTS", "disabled")
                .env("QUARKUS_HTTP_SSL_PORT", port)
                .env("QUARKUS_HTTP_SSL_CERTIFICATE_FILES", &files.server)
                .env("QUARKUS_HTTP_SSL_CERTIFICATE_KEY_FILES", &files.key),
        };
        java
    }
}
