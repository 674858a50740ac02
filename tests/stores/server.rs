//! A Redis of a test's own: on a free port, in a folder of its own, gone with its handle. Without `redis-server` the test
//! fails; it does not pass in silence.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use waymark::store::{RedisSettings, RedisStore};

pub(crate) const GROUP: &str = "lending.customer";

pub(crate) struct Server {
    process: Child,
    settings: Vec<String>,
    pub(crate) port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts a server with these settings of `redis.conf`, each `name value`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let folder = TempDir::new().expect("a temporary folder");
        let settings: Vec<_> = settings.iter().map(|it| format!("--{it}")).collect();
        let process = run(port, &folder, &settings);
        let mut server = Self {
            process,
            settings,
            port,
            folder,
        };
        server.wait();
        server
    }

    /// Kills it as `kill -9` does, and starts it anew over the same folder.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.process = run(self.port, &self.folder, &self.settings);
        self.wait();
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    pub(crate) fn settings(&self) -> RedisSettings {
        RedisSettings::plain("127.0.0.1", self.port)
    }

    pub(crate) fn store(&self) -> RedisStore {
        store(self.settings())
    }

    /// A connection behind the store's back.
    pub(crate) fn connection(&self) -> redis::Connection {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port));
        client
            .and_then(|it| it.get_connection())
            .expect("it takes connections")
    }

    /// Does something behind the store's back: `server.tell("SET key value")`.
    pub(crate) fn tell(&self, command: &str) {
        let mut words = command.split(' ');
        let mut call = redis::cmd(words.next().expect("a command"));
        words.for_each(|word| {
            call.arg(word);
        });
        call.exec(&mut self.connection())
            .unwrap_or_else(|error| panic!("{command}: {error}"));
    }

    fn wait(&mut self) {
        for _ in 0..500 {
            assert!(
                self.process.try_wait().expect("its status").is_none(),
                "redis-server ended"
            );
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        panic!("redis-server does not answer");
    }
}

pub(crate) fn store(settings: RedisSettings) -> RedisStore {
    RedisStore::new(GROUP, Box::new(move || Ok(settings.clone())))
}

fn run(port: u16, folder: &TempDir, settings: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--enable-debug-command",
        "yes",
    ]);
    command
        .arg("--port")
        .arg(port.to_string())
        .arg("--dir")
        .arg(folder.path());
    command.args(settings.iter().flat_map(|it| it.split(' ')));
    let command = command.stdout(Stdio::null()).stdin(Stdio::null());
    command
        .spawn()
        .expect("this test needs redis-server on the path")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
