//! One broker: its ports, its folder, its process. Knows nothing of what the others do.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::settings::{self, Seat};
use super::{Login, Options, probe};
use crate::clock::until;
use crate::ports::Port;
use crate::process::Process;
use crate::tls::Certificates;

/// A start takes 3-8 s on an idle machine; tests run side by side on small ones.
const START_LIMIT: Duration = Duration::from_mins(2);

/// One broker of a cluster, running or not.
#[derive(Debug)]
pub struct Broker {
    pub(super) id: i32,
    port: Port,
    quorum_port: Port,
    /// For those who come over TLS, if anybody may.
    secure_port: Option<Port>,
    folder: PathBuf,
    starts: u32,
    pub(super) paused: bool,
    pub(super) process: Option<Process>,
}

impl Broker {
    /// Returns its id in the cluster.
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Returns `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    pub(super) fn secure_address(&self) -> Option<String> {
        let port = self.secure_port.as_ref()?;
        Some(format!("127.0.0.1:{}", port.number()))
    }

    /// Returns its process id, if it has been started and not killed.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Returns everything it has logged since its last start; empty when it does not run.
    pub fn log(&self) -> String {
        self.process
            .as_ref()
            .map(Process::stderr)
            .unwrap_or_default()
    }

    /// Asks it for the ids of all brokers that it believes alive, itself included.
    ///
    /// # Errors
    ///
    /// When it does not answer within some seconds: it does not run, is frozen, or is still starting.
    pub fn known(&self) -> io::Result<BTreeSet<i32>> {
        probe::brokers_known_at(self.port.number())
    }

    pub(super) fn is_formatted(&self) -> bool {
        self.data().join("meta.properties").exists()
    }

    /// Prepares its folder: once in its life, and never two processes on one folder, or it comes up and creates no topic.
    pub(super) fn format(
        &self,
        mut java: Command,
        cluster_id: &str,
        login: Option<&Login>,
        litter: Option<&Path>,
    ) -> Result<()> {
        java.args(["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c"])
            .arg(self.properties());
        if let Some(Login { user, password }) = login {
            let scram = format!("SCRAM-SHA-512=[name={user},password={password}]");
            java.args(["--add-scram", &scram]);
        }
        let mut process = Process::spawn_in("format", &java, &self.folder, litter)?;
        match process.wait(START_LIMIT) {
            Some(status) if status.success() => Ok(()),
            _ => bail!(
                "formatting the folder of broker {} failed{}",
                self.id,
                process.tail()
            ),
        }
    }

    /// Starts it, unless it runs.
    pub(super) fn launch(&mut self, mut java: Command, litter: Option<&Path>) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        self.starts += 1;
        self.paused = false;
        java.arg("kafka.Kafka").arg(self.properties());
        let name = format!("start-{}", self.starts);
        self.process = Some(Process::spawn_in(&name, &java, &self.folder, litter)?);
        Ok(())
    }

    /// Waits until it knows all of these brokers.
    pub(super) fn await_ready(&mut self, all: &BTreeSet<i32>) -> Result<()> {
        let process = self.process.as_mut().expect("only asked while it runs");
        let ready = until(START_LIMIT, || {
            if process.ended().is_some() {
                return Some(false);
            }
            let known = probe::brokers_known_at(self.port.number());
            known
                .is_ok_and(|known| known.is_superset(all))
                .then_some(true)
        });
        match ready {
            Some(true) => Ok(()),
            Some(false) => bail!("broker {} ended at its start{}", self.id, process.tail()),
            None => bail!(
                "broker {} is not ready after {START_LIMIT:?}{}",
                self.id,
                process.tail()
            ),
        }
    }

    fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// Gives every broker its ports, its folder and its settings.
pub(super) fn seats(options: &Options, home: &Path) -> Result<Vec<Broker>> {
    let certificates = options
        .login
        .as_ref()
        .map(|_| Certificates::in_folder(home))
        .transpose()?;
    let brokers: Vec<_> = (1..=options.brokers)
        .map(|id| {
            let port = match options.port {
                Some(port) if id == 1 => Port::chosen(port)?,
                _ => Port::claim()?,
            };
            Ok(Broker {
                id: i32::try_from(id)?,
                port,
                quorum_port: Port::claim()?,
                secure_port: certificates.as_ref().map(|_| Port::claim()).transpose()?,
                folder: home.join(format!("broker-{id}")),
                starts: 0,
                paused: false,
                process: None,
            })
        })
        .collect::<Result<_>>()?;
    let all: Vec<_> = brokers
        .iter()
        .map(|broker| (broker.id, broker.port.number(), broker.quorum_port.number()))
        .collect();
    for broker in &brokers {
        fs::create_dir_all(&broker.folder)
            .with_context(|| format!("creating {}", broker.folder.display()))?;
        let keystore = certificates
            .as_ref()
            .map(Certificates::keystore)
            .transpose()?;
        let secure = broker.secure_port.as_ref().map(Port::number).zip(keystore);
        let text = settings::server_properties(&Seat {
            id: broker.id,
            all: &all,
            secure: secure.as_ref().map(|(port, file)| (*port, file.as_path())),
            data: &broker.data(),
            extra: &options.settings,
        });
        fs::write(broker.properties(), text)
            .with_context(|| format!("writing {}", broker.properties().display()))?;
    }
    Ok(brokers)
}
