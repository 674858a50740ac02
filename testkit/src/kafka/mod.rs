//! A Kafka cluster of one or three brokers, each of which can be killed, stopped, frozen and brought back.
//!
//! Brokers run in `KRaft` mode and are controllers too. They listen on 127.0.0.1 alone, keep their ports and folders
//! through restarts, and count as ready when they answer and know every other broker that runs.

mod broker;
mod probe;
mod settings;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

pub use self::broker::Broker;
use crate::home::Home;
use crate::process::Process;
use crate::servers::Servers;

/// A graceful stop hands over leaders and closes logs.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// What kind of cluster to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// One broker, or three with three copies of everything and two in sync at least.
    pub brokers: usize,
    /// Lines of `server.properties` that replace or add to the kit's own.
    pub settings: Vec<(String, String)>,
    /// How much each broker may use.
    pub size: Size,
    /// Who may come over TLS, beside everybody over plain text.
    pub login: Option<Login>,
    /// Port of the first broker; a free one if `None`.
    pub port: Option<u16>,
    /// Where to keep data over the life of the handle; a temporary folder if `None`.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            brokers: 1,
            settings: Vec::new(),
            size: Size::Small,
            login: None,
            port: None,
            folder: None,
        }
    }
}

/// A user whom brokers know by SASL, SCRAM-SHA-512.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// How much memory and compiling a broker gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 320 MB of heap, quick to start: for tests.
    Small,
    /// 1 GB of heap and the full compiler: for figures.
    Large,
}

impl Size {
    fn flags(self) -> Vec<String> {
        let flags: &[&str] = match self {
            Self::Small => &["-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
            Self::Large => &["-Xms1g", "-Xmx1g"],
        };
        flags.iter().map(ToString::to_string).collect()
    }
}

/// A cluster; its brokers die with it.
#[derive(Debug)]
pub struct Kafka {
    brokers: Vec<Broker>, // before `home`: they die before their folder goes
    home: Home,
    jars: PathBuf,
    flags: Vec<String>,
    login: Option<Login>,
}

impl Kafka {
    /// Starts a cluster and waits until every broker answers and knows the others.
    ///
    /// # Errors
    ///
    /// When a broker ends or is not ready in time, with the tail of its log.
    pub fn start(servers: &Servers, options: &Options) -> Result<Self> {
        let mut kafka = Self::prepare(servers, options)?;
        let archive = servers.kafka_classes();
        if options.size == Size::Small && archive.exists() {
            kafka.flag("-XX:SharedArchiveFile", &archive);
        }
        kafka.restart_all()?;
        Ok(kafka)
    }

    /// Returns the one broker that all tests of this process share, started by the first that asks.
    ///
    /// Tests that use it choose names of topics and groups of their own, and leave the broker alone. It dies with the
    /// process.
    ///
    /// # Panics
    ///
    /// When it can't be started, with the reason.
    pub fn shared(servers: &Servers) -> &'static Self {
        static SHARED: OnceLock<Kafka> = OnceLock::new();
        SHARED.get_or_init(|| {
            Self::start(servers, &Options::default()).expect("the shared Kafka must start")
        })
    }

    /// Returns the addresses of all brokers, as `bootstrap.servers` wants them.
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(Broker::address).collect();
        addresses.join(",")
    }

    /// Returns the addresses of all brokers for those who come over TLS with a login; empty if there is none.
    pub fn secure_bootstrap(&self) -> String {
        let addresses: Vec<_> = self
            .brokers
            .iter()
            .filter_map(Broker::secure_address)
            .collect();
        addresses.join(",")
    }

    /// Returns the file of the authority that who comes over TLS must trust.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join("authority.pem")
    }

    /// Returns the broker with this id; ids are 1, 2, 3, as in the cluster's metadata.
    ///
    /// # Panics
    ///
    /// When there is no such broker.
    pub fn broker(&self, id: i32) -> &Broker {
        let found = self.brokers.iter().find(|broker| broker.id == id);
        found.unwrap_or_else(|| panic!("there is no broker {id}"))
    }

    /// Returns all brokers, in the order of their ids.
    pub fn brokers(&self) -> &[Broker] {
        &self.brokers
    }

    /// Kills a broker, as `kill -9` does. Its folder stays.
    pub fn kill(&mut self, id: i32) {
        self.broker_mut(id).process = None; // dropping is killing
    }

    /// Kills all brokers at once.
    pub fn kill_all(&mut self) {
        for broker in &mut self.brokers {
            broker.process = None;
        }
    }

    /// Stops a broker gracefully: it hands over what it leads, then ends.
    ///
    /// # Errors
    ///
    /// When it still runs after a minute, which is also what a frozen one does.
    pub fn stop(&mut self, id: i32) -> Result<()> {
        let broker = self.broker_mut(id);
        if let Some(process) = &mut broker.process {
            process.stop(STOP_LIMIT)?;
            broker.process = None;
        }
        Ok(())
    }

    /// Stops all brokers gracefully.
    ///
    /// # Errors
    ///
    /// When one still runs after a minute.
    pub fn stop_all(&mut self) -> Result<()> {
        // All are asked first: the last of three, alone, would wait in vain for somebody to hand over to.
        let processes = self.brokers.iter_mut().filter_map(|b| b.process.as_mut());
        processes.for_each(Process::terminate);
        (1..=self.brokers.len()).try_for_each(|id| self.stop(i32::try_from(id)?))
    }

    /// Freezes a broker: connections stay open, nothing is answered.
    pub fn pause(&mut self, id: i32) {
        let broker = self.broker_mut(id);
        if let Some(process) = &mut broker.process {
            process.pause();
            broker.paused = true;
        }
    }

    /// Lets a frozen broker go on.
    pub fn resume(&mut self, id: i32) {
        let broker = self.broker_mut(id);
        if let Some(process) = &mut broker.process {
            process.resume();
            broker.paused = false;
        }
    }

    /// Starts a killed or stopped broker again, on its folder and port, and waits until the cluster knows it.
    ///
    /// When less than a majority would run, one more is not enough: use [`restart_all`](Self::restart_all) then.
    ///
    /// # Errors
    ///
    /// When it is not ready in time, with the tail of its log.
    pub fn restart(&mut self, id: i32) -> Result<()> {
        self.launch(id)?;
        self.await_ready()
    }

    /// Starts every broker that does not run, and waits until all know each other.
    ///
    /// # Errors
    ///
    /// When one is not ready in time, with the tail of its log.
    pub fn restart_all(&mut self) -> Result<()> {
        (1..=self.brokers.len()).try_for_each(|id| self.launch(i32::try_from(id)?))?;
        self.await_ready()
    }

    /// Lets a broker start and stop once and keeps the classes it loaded, ready to be mapped into memory: a start then
    /// costs 1.2 s of processor time instead of 2.3 s. A Java that can't read the archive does without.
    pub(crate) fn learn_classes(servers: &Servers) -> Result<()> {
        let archive = servers.kafka_classes();
        let part = archive.with_extension("part");
        let mut kafka = Self::prepare(servers, &Options::default())?;
        kafka.flag("-XX:ArchiveClassesAtExit", &part);
        kafka.restart_all()?;
        kafka.stop(1)?;
        fs::rename(part, archive).context("moving the archive of classes into place")
    }

    /// Gives every broker its seat and its folder; none runs yet.
    fn prepare(servers: &Servers, options: &Options) -> Result<Self> {
        ensure!(
            matches!(options.brokers, 1 | 3),
            "a cluster has 1 or 3 brokers, not {}",
            options.brokers
        );
        let home = Home::open(options.folder.as_deref(), "waymark-kafka-")?;
        let kafka = Self {
            brokers: broker::seats(options, home.path())?,
            home,
            jars: servers.kafka_jars().to_owned(),
            flags: options.size.flags(),
            login: options.login.clone(),
        };
        kafka.format()?;
        Ok(kafka)
    }

    fn flag(&mut self, name: &str, path: &Path) {
        self.flags.push(format!("{name}={}", path.display()));
    }

    fn broker_mut(&mut self, id: i32) -> &mut Broker {
        let found = self.brokers.iter_mut().find(|broker| broker.id == id);
        found.unwrap_or_else(|| panic!("there is no broker {id}"))
    }

    /// Prepares the folders of brokers that have never run. Brokers of one cluster carry one cluster id.
    fn format(&self) -> Result<()> {
        let cluster_id = cluster_id();
        let format = |broker: &Broker| {
            broker.format(
                self.java(),
                &cluster_id,
                self.login.as_ref(),
                self.home.litter(),
            )
        };
        thread::scope(|scope| {
            let new = self.brokers.iter().filter(|broker| !broker.is_formatted());
            let tasks: Vec<_> = new.map(|broker| scope.spawn(|| format(broker))).collect();
            tasks
                .into_iter()
                .try_for_each(|task| task.join().expect("formatting does not panic"))
        })
    }

    fn launch(&mut self, id: i32) -> Result<()> {
        let java = self.java();
        let litter = self.home.litter().map(Path::to_owned);
        self.broker_mut(id).launch(java, litter.as_deref())
    }

    fn java(&self) -> Command {
        let mut command = Command::new("java");
        command
            .args(&self.flags)
            .arg("-XX:-UsePerfData") // a file in the common temporary folder that nobody reads
            .arg("-cp")
            .arg(self.jars.join("*"));
        command
    }

    /// Waits until every broker that runs names every broker that runs. Frozen ones are not asked for.
    fn await_ready(&mut self) -> Result<()> {
        let awake = |broker: &&mut Broker| broker.process.is_some() && !broker.paused;
        let ids: BTreeSet<_> = self
            .brokers
            .iter_mut()
            .filter(awake)
            .map(|b| b.id)
            .collect();
        self.brokers
            .iter_mut()
            .filter(awake)
            .try_for_each(|broker| broker.await_ready(&ids))
    }
}

/// Makes a new id in Kafka's form: 16 bytes in base64 for URLs, whose last of 22 digits carries four zero bits.
fn cluster_id() -> String {
    let chance = RandomState::new();
    let id = format!("{:016x}{:016x}", chance.hash_one(1), chance.hash_one(2));
    format!("{}A", &id[..21])
}
