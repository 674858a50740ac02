//! What `waymark run` tells systemd, over a real socket: ready when it is, alive while it is, stopping when it is told.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tempfile::TempDir;
use waymark_testkit::{Kafka, Process, servers_or_skip, until};

use crate::deployment::{Deployment, LONG};
use crate::support::FAREWELL;

/// The socket that systemd would listen at.
struct Systemd {
    socket: UnixDatagram,
    folder: TempDir,
    heard: Vec<String>,
}

impl Systemd {
    fn listen() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        Self {
            socket,
            folder,
            heard: Vec::new(),
        }
    }

    fn start(&self, deployment: &Deployment) -> Process {
        let mut command = deployment.command(&["run", "--set", "workers.threads=1"]);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        command.env("WATCHDOG_USEC", "1000000");
        deployment.spawn("service", &command)
    }

    /// Takes in what has been said meanwhile.
    fn listen_on(&mut self) {
        let mut bytes = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut bytes) {
            let said = String::from_utf8_lossy(&bytes[..length]).into_owned();
            self.heard.extend(said.lines().map(str::to_owned));
        }
    }

    fn count(&self, word: &str) -> usize {
        self.heard.iter().filter(|said| *said == word).count()
    }

    fn wait_for(&mut self, word: &str, limit: Duration) -> bool {
        let heard = until(limit, || {
            self.listen_on();
            (self.count(word) > 0).then_some(())
        });
        heard.is_some()
    }
}

#[test]
fn systemd_is_told_when_the_process_is_ready_alive_and_stopping() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut deployment =
        Deployment::create(&servers, "notified", &Kafka::shared(&servers).bootstrap());
    deployment.redis.kill();
    let mut systemd = Systemd::listen();
    let mut service = systemd.start(&deployment);

    // Its store is away: it lives and works on its start, and says so.
    assert!(
        systemd.wait_for("EXTEND_TIMEOUT_USEC=120000000", LONG),
        "{}",
        service.tail()
    );
    assert!(
        !systemd.wait_for("READY=1", Duration::from_secs(3)),
        "{:?}",
        systemd.heard
    );
    assert!(systemd.count("WATCHDOG=1") > 1, "{:?}", systemd.heard);

    deployment.redis.restart().unwrap();
    assert!(
        systemd.wait_for("READY=1", LONG),
        "{:?} {}",
        systemd.heard,
        service.tail()
    );
    let all = "STATUS=2 of 2 workers joined; shards: 7 running";
    assert!(systemd.wait_for(all, LONG), "{:?}", systemd.heard);
    let (alive, more_time) = (systemd.count("WATCHDOG=1"), systemd.heard.len());
    std::thread::sleep(Duration::from_secs(2));
    systemd.listen_on();
    assert!(
        systemd.count("WATCHDOG=1") > alive + 2,
        "{:?}",
        systemd.heard
    );
    assert!(
        !systemd.heard[more_time..]
            .iter()
            .any(|it| it.starts_with("EXTEND"))
    );

    service.terminate();
    assert!(
        systemd.wait_for("STOPPING=1", FAREWELL),
        "{:?}",
        systemd.heard
    );
    assert_eq!(service.wait(FAREWELL).unwrap().code(), Some(0));
    systemd.listen_on();
    assert_eq!(
        (systemd.count("READY=1"), systemd.count("STOPPING=1")),
        (1, 1)
    );
}

#[test]
fn a_systemd_that_does_not_read_holds_no_farewell_up() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = Deployment::create(&servers, "unheard", &Kafka::shared(&servers).bootstrap());
    let systemd = Systemd::listen();
    let chatter = UnixDatagram::unbound().unwrap();
    chatter.set_nonblocking(true).unwrap();
    let socket = systemd.folder.path().join("notify");
    while chatter.send_to(b"STATUS=chatter", &socket).is_ok() {}
    let mut service = systemd.start(&deployment);
    service.wait_to_say("the group has decided", LONG).unwrap();
    let ended = service.stop(FAREWELL).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", service.tail());
}
