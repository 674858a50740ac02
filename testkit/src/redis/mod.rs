//! A Redis server that can be killed, stopped, frozen and brought back, with or without its data.
//!
//! It listens on 127.0.0.1 alone and keeps its port and folder through restarts. Nothing is written to disk unless the
//! options ask for it: without `append_only` or a `save` line a killed Redis comes back empty.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::home::Home;
use crate::ports::Port;
use crate::process::Process;
use crate::servers::{RedisProgram, Servers};
use crate::tls::Certificates;

pub use crate::tls::Transport;

/// Starts and stops take milliseconds; loading much data and a loaded machine take longer.
const LIMIT: Duration = Duration::from_mins(1);

/// What kind of Redis to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Who may come in.
    pub login: Login,
    /// What the wire carries.
    pub transport: Transport,
    /// Keeps a log of all writes, flushed once a second: a killed Redis comes back with its data.
    pub append_only: bool,
    /// Bytes after which writes are refused; no limit if `None`.
    pub memory_bytes_max: Option<u64>,
    /// Lines of `redis.conf` that replace or add to the kit's own: `("save", "1 1")`.
    pub settings: Vec<(String, String)>,
    /// Port; a free one if `None`.
    pub port: Option<u16>,
    /// Where to keep data over the life of the handle; a temporary folder if `None`.
    pub folder: Option<PathBuf>,
}

/// Who may come in.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// Everybody.
    #[default]
    Open,
    /// Whoever knows the password (`requirepass`).
    Password(String),
    /// One user of the access control list, who may do everything; the default user is off.
    User {
        /// Name of the user.
        name: String,
        /// Password of the user.
        password: String,
    },
}

/// A Redis server; it dies with its handle.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>, // before `home`: it dies before its folder goes
    port: Port,
    login: Login,
    certificates: Option<Certificates>,
    program: RedisProgram,
    starts: u32,
    home: Home,
}

impl Redis {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time, with the tail of its log.
    pub fn start(servers: &Servers, options: &Options) -> Result<Self> {
        let home = Home::open(options.folder.as_deref(), "waymark-redis-")?;
        let port = options.port.map_or_else(Port::claim, Port::chosen)?;
        let certificates = match options.transport {
            Transport::Plain => None,
            Transport::Tls => Some(Certificates::in_folder(home.path())?),
        };
        let settings = redis_conf(options, port.number(), certificates.as_ref());
        let file = home.path().join("redis.conf");
        fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))?;
        let mut redis = Self {
            process: None,
            port,
            login: options.login.clone(),
            certificates,
            program: servers.redis().clone(),
            starts: 0,
            home,
        };
        fs::create_dir_all(redis.data()).context("creating the data folder of Redis")?;
        redis.restart()?;
        Ok(redis)
    }

    /// Returns `redis://…`, or `rediss://…` over TLS, with name and password where they are needed.
    pub fn url(&self) -> String {
        let scheme = match self.certificates {
            None => "redis",
            Some(_) => "rediss",
        };
        let login = match &self.login {
            Login::Open => String::new(),
            Login::Password(password) => format!("default:{password}@"), // redis-cli takes no empty name
            Login::User { name, password } => format!("{name}:{password}@"),
        };
        format!("{scheme}://{login}127.0.0.1:{}", self.port())
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

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self) {
        self.process = None; // dropping is killing
    }

    /// Stops it gracefully; it saves first what it is told to save.
    ///
    /// # Errors
    ///
    /// When it still runs after a minute, which is also what a frozen one does.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process {
            process.stop(LIMIT)?;
            self.process = None;
        }
        Ok(())
    }

    /// Freezes it: connections stay open, nothing is answered.
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

    /// Starts it again after a kill or stop, on its folder and port, and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// When it ends or is not ready in time, with the tail of its log.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        self.starts += 1;
        let mut command = self.program.server();
        command.arg(self.home.path().join("redis.conf"));
        command.current_dir(self.data());
        let name = format!("start-{}", self.starts);
        let mut process = Process::spawn_in(&name, &command, self.home.path(), self.home.litter())?;
        process.wait_to_say("Ready to accept connections", LIMIT)?; // said after the data is loaded
        self.process = Some(process);
        Ok(())
    }

    /// Starts it again as [`restart`](Self::restart) does, after losing whatever it had on disk.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart), and when the data can't be removed.
    pub fn restart_empty(&mut self) -> Result<()> {
        self.kill();
        fs::remove_dir_all(self.data())
            .and_then(|()| fs::create_dir_all(self.data()))
            .context("emptying the data folder of Redis")?;
        self.restart()
    }

    /// Asks it something through `redis-cli` and returns the answer without its last line break.
    ///
    /// # Errors
    ///
    /// When `redis-cli` is not there, can't connect or reports an error.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        self.ask_at(&self.url(), words)
    }

    /// Asks as [`ask`](Self::ask) does, but as whom and over what `url` says.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn ask_at(&self, url: &str, words: &[&str]) -> Result<String> {
        let mut command = self.program.cli();
        command.args(["-e", "--no-auth-warning", "-u", url]); // `-e`: a refusal is a failure of the command
        if let Some(authority) = self.authority() {
            command.arg("--cacert").arg(authority);
        }
        let output = command.args(words).output().context("running redis-cli")?;
        let told = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "redis-cli {words:?}: {told}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(told.trim_end().to_owned())
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
}

/// Writes the settings: local, and nothing on disk that was not asked for.
fn redis_conf(options: &Options, port: u16, certificates: Option<&Certificates>) -> String {
    let mut lines = vec!["bind 127.0.0.1".to_owned(), "save \"\"".to_owned()];
    match certificates {
        None => lines.push(format!("port {port}")),
        Some(files) => lines.extend([
            "port 0".to_owned(),
            format!("tls-port {port}"),
            format!("tls-cert-file \"{}\"", files.server.display()),
            format!("tls-key-file \"{}\"", files.key.display()),
            format!("tls-ca-cert-file \"{}\"", files.authority.display()),
            "tls-auth-clients no".to_owned(),
        ]),
    }
    match &options.login {
        Login::Open => {}
        Login::Password(password) => lines.push(format!("requirepass {password}")),
        Login::User { name, password } => lines.extend([
            format!("user {name} on >{password} ~* &* +@all"),
            "user default off".to_owned(),
        ]),
    }
    if options.append_only {
        lines.push("appendonly yes".to_owned());
    }
    if let Some(bytes) = options.memory_bytes_max {
        lines.push(format!("maxmemory {bytes}"));
    }
    let mut text = lines.join("\n") + "\n";
    for (name, value) in &options.settings {
        writeln!(text, "{name} {value}").expect("a string takes everything");
    }
    text
}
