//! A child process that dies with its owner, whose words are kept and whose life is in the test's hands.
//!
//! Dropping a [`Process`] kills it. For the owner that dies without dropping, each process has a watchdog, a small shell
//! that reads from a pipe whose other end only the owner holds:
//!
//! ```text
//! owner ──pipe──► watchdog      a line: the owner has seen the process end, nothing to do
//!    └──────────► process       end of file: the owner is gone; kill the process, remove its folder
//! ```
//!
//! The process leads a group of its own, so Ctrl-C in a terminal reaches its owner alone.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clock::until;

/// Becomes the process itself (`exec`), after leaving the watchdog behind. `$$` is the process in both.
const BEGIN: &str = r#"
litter=$1
shift
exec 3<&0 </dev/null
{
    read -r _ <&3 && exit
    kill -9 $$
    [ -z "$litter" ] || { sleep 0.2; rm -rf "$litter"; }
} >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// How much of a log is shown when something goes wrong.
const TAIL_LINES: usize = 30;

/// A running or ended child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// Its end tells the watchdog that we are gone.
    lifeline: ChildStdin,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Process {
    /// Spawns `command` and keeps what it says in `folder`, in `<name>.stdout` and `<name>.stderr`.
    ///
    /// Program, arguments, environment and working directory are taken over; standard input is empty. `env_clear` can't be
    /// seen from outside and has no effect.
    ///
    /// # Errors
    ///
    /// When the files can't be written or there is no `sh`. A program that does not exist ends with status 127.
    pub fn spawn(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        Self::spawn_in(name, command, folder, None)
    }

    /// As [`spawn`](Self::spawn); if the owner dies, `litter` is removed as well.
    pub(crate) fn spawn_in(
        name: &str,
        command: &Command,
        folder: &Path,
        litter: Option<&Path>,
    ) -> Result<Self> {
        let stdout = folder.join(format!("{name}.stdout"));
        let stderr = folder.join(format!("{name}.stderr"));
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("creating {}", path.display()))
        };
        let mut child = guarded(command, litter)
            .stdin(Stdio::piped())
            .stdout(create(&stdout)?)
            .stderr(create(&stderr)?)
            .spawn()
            .with_context(|| format!("starting {name} through sh"))?;
        let lifeline = child.stdin.take().expect("its standard input is a pipe");
        Ok(Self {
            name: name.to_owned(),
            child,
            lifeline,
            stdout,
            stderr,
        })
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns how it ended, or `None` while it runs (or is paused).
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let status = self
            .child
            .try_wait()
            .expect("our own child can be waited for");
        if status.is_some() {
            self.release_watchdog();
        }
        status
    }

    /// Waits for its end for at most `limit`; `None` when it still runs then.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        until(limit, || self.ended())
    }

    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) -> ExitStatus {
        self.child.kill().expect("our own child can be killed");
        let status = self.child.wait().expect("our own child can be waited for");
        self.release_watchdog();
        status
    }

    /// Asks it to end (SIGTERM) and returns without waiting.
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    ///
    /// When it still runs after `limit`, with the tail of its logs.
    pub fn stop(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.terminate();
        match self.wait(limit) {
            Some(status) => Ok(status),
            None => bail!(
                "{} still runs {limit:?} after SIGTERM{}",
                self.name,
                self.tail()
            ),
        }
    }

    /// Freezes it (SIGSTOP): it keeps its connections and answers nothing.
    pub fn pause(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`pause`](Self::pause) (SIGCONT).
    pub fn resume(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    /// Returns everything it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// Returns everything it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until it has written `text` to either output.
    ///
    /// # Errors
    ///
    /// When it ends first or `limit` passes, with the tail of its logs.
    pub fn wait_to_say(&mut self, text: &str, limit: Duration) -> Result<()> {
        let said = until(limit, || {
            let ended = self.ended(); // asked first: what it said before its end is there by then
            let said = self.stdout().contains(text) || self.stderr().contains(text);
            if said { Some(Ok(())) } else { ended.map(Err) }
        });
        match said {
            Some(Ok(())) => Ok(()),
            Some(Err(status)) => bail!(
                "{} ended ({status}) before it said {text:?}{}",
                self.name,
                self.tail()
            ),
            None => bail!(
                "{} did not say {text:?} in {limit:?}{}",
                self.name,
                self.tail()
            ),
        }
    }

    /// Returns the last lines of both outputs, to be shown with an error.
    pub fn tail(&self) -> String {
        let tail_of = |path: &Path| {
            let text = text(path);
            let lines: Vec<_> = text.lines().collect();
            let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
            format!("\n--- end of {}\n{}", path.display(), last.join("\n"))
        };
        tail_of(&self.stdout) + &tail_of(&self.stderr)
    }

    fn signal(&mut self, signal: Signal) {
        // Asked first: the number of a child that has been waited for may belong to a stranger.
        if self.ended().is_none() {
            let id = i32::try_from(self.id()).expect("process ids are positive i32");
            kill(Pid::from_raw(id), signal).expect("our own child takes signals");
        }
    }

    /// Sends the watchdog home, lest it kill a stranger who got the same process id.
    fn release_watchdog(&mut self) {
        self.lifeline.write_all(b"ended\n").ok(); // fails when it has gone already
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The same command, to be run beside its watchdog.
fn guarded(command: &Command, litter: Option<&Path>) -> Command {
    let mut guarded = Command::new("sh");
    guarded
        .args(["-c", BEGIN, "sh"])
        .arg(litter.unwrap_or(Path::new("")))
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0);
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(key, value),
            None => guarded.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        guarded.current_dir(folder);
    }
    guarded
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
