//! The `server.properties` of a broker: small, local, and quick where the defaults make a test wait.

use std::fmt::Write as _;
use std::path::Path;

/// What the settings of one broker depend on.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    /// Id of this broker.
    pub(super) id: i32,
    /// Id, port for clients and port for the quorum of every broker, this one included.
    pub(super) all: &'a [(i32, u16, u16)],
    /// The port for those who come over TLS with a login, and the file of key and certificate.
    pub(super) secure: Option<(u16, &'a Path)>,
    /// Where it keeps its logs (Kafka's word for data).
    pub(super) data: &'a Path,
    /// What the test wants otherwise; it has the last word.
    pub(super) extra: &'a [(String, String)],
}

/// Times and sizes, the same for every cluster. Each shortens a wait that a test would sit through.
const QUICK: &str = "\
auto.create.topics.enable=false
# A killed broker is given up, and may come back, after this long; default 9 s.
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
# A new group starts at once; sessions of consumers may be short.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# How long an open transaction of a dead worker outlives its timeout; default 10 s.
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
# Few partitions in the internal topics, little memory for the cleaner, few threads.
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
background.threads=2
";

const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/// Writes the settings of one broker, which is a controller as well. Listens on 127.0.0.1 only.
pub(super) fn server_properties(seat: &Seat<'_>) -> String {
    let Seat {
        id,
        all,
        secure,
        data,
        extra,
    } = seat;
    let (_, client_port, quorum_port) = all
        .iter()
        .find(|(other, ..)| other == id)
        .expect("a broker is one of all brokers");
    let voters: Vec<_> = all
        .iter()
        .map(|(id, _, quorum_port)| format!("{id}@127.0.0.1:{quorum_port}"))
        .collect();
    let replicas = all.len().min(3);
    let in_sync = if replicas == 3 { 2 } else { 1 };
    let mut text = format!(
        "\
process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{client_port},CONTROLLER://127.0.0.1:{quorum_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{client_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
{QUICK}",
        voters = voters.join(","),
        data = data.display(),
    );
    if let Some((port, keystore)) = secure {
        let keystore = keystore.display();
        let plain = format!("127.0.0.1:{client_port}");
        // The last of two equal names counts.
        write!(
            text,
            "\
listeners=PLAINTEXT://{plain},SECURE://127.0.0.1:{port},CONTROLLER://127.0.0.1:{quorum_port}
advertised.listeners=PLAINTEXT://{plain},SECURE://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config={SCRAM}
"
        )
        .expect("a string takes everything");
    }
    for (name, value) in *extra {
        writeln!(text, "{name}={value}").expect("a string takes everything"); // the last of two equal names counts
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(all: &[(i32, u16, u16)], extra: &[(String, String)]) -> String {
        server_properties(&Seat {
            id: 1,
            all,
            secure: None,
            data: Path::new("data"),
            extra,
        })
    }

    #[test]
    fn three_brokers_keep_three_copies_and_go_on_with_two() {
        let text = settings(&[(1, 11, 12), (2, 21, 22), (3, 31, 32)], &[]);
        assert!(
            text.contains(
                "controller.quorum.voters=1@127.0.0.1:12,2@127.0.0.1:22,3@127.0.0.1:32\n"
            )
        );
        assert!(text.contains("\ntransaction.state.log.replication.factor=3\n"));
        assert!(text.contains("\nmin.insync.replicas=2\n"));
    }

    #[test]
    fn the_test_has_the_last_word() {
        let extra = [("num.io.threads".to_owned(), "9".to_owned())];
        let text = settings(&[(1, 11, 12)], &extra);
        assert!(text.find("num.io.threads=9").unwrap() > text.find("num.io.threads=4").unwrap());
    }
}
