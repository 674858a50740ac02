//! What is known of librdkafka's properties: our defaults, those that are ours alone, those with bounds, those that are secret.

/// What consumers are given unless a setting says otherwise.
pub(super) const CONSUMER_DEFAULTS: &[(&str, &str)] = &[
    ("fetch.max.bytes", "1048576"),
    ("heartbeat.interval.ms", "2000"),
    ("max.poll.interval.ms", "120000"),
    ("queued.max.messages.kbytes", "4096"),
    ("session.timeout.ms", "8000"),
];

/// What producers are given unless a setting says otherwise. What we publish is much alike: lz4 makes a third of it, and no more
/// work for us, for there is less to send.
pub(super) const PRODUCER_DEFAULTS: &[(&str, &str)] = &[
    ("compression.type", "lz4"),
    ("message.max.bytes", "16777216"),
    ("message.timeout.ms", "10000"),
    ("transaction.timeout.ms", "12000"),
];

const OFFSETS: &str = "positions move only inside transactions";
const MEMBER: &str = "it is made of the deployment, the stage and the worker's slot";
const EAGER: &str = "every assignment starts from nothing, by the classic protocol";
const ORDER: &str =
    "a transaction stands or falls as one, in order and acknowledged by all replicas";
const BACKOFF: &str = "it is the yardstick that tells a clear success from a doubtful one";

/// Properties that the delivery protocol sets itself, with the reason.
pub(super) const OWNED: &[(&str, &str)] = &[
    ("isolation.level", "aborted input must never be read"),
    ("enable.auto.commit", OFFSETS),
    ("auto.commit.enable", OFFSETS),
    ("auto.commit.interval.ms", OFFSETS),
    ("enable.auto.offset.store", OFFSETS),
    (
        "auto.offset.reset",
        "a missing position must halt, never skip",
    ),
    ("group.id", MEMBER),
    ("group.instance.id", MEMBER),
    ("transactional.id", MEMBER),
    ("group.protocol", EAGER),
    ("group.remote.assignor", EAGER),
    ("partition.assignment.strategy", EAGER),
    ("enable.partition.eof", "recovery relies on it"),
    ("acks", ORDER),
    ("request.required.acks", ORDER),
    ("enable.idempotence", ORDER),
    ("enable.gapless.guarantee", ORDER),
    ("max.in.flight", ORDER),
    ("max.in.flight.requests.per.connection", ORDER),
    ("retries", ORDER),
    ("message.send.max.retries", ORDER),
    ("retry.backoff.ms", BACKOFF),
    ("retry.backoff.max.ms", BACKOFF),
    ("partitioner", "keys land where Java's clients put them"),
    ("metadata.broker.list", "write bootstrap.servers"),
    ("delivery.timeout.ms", "write message.timeout.ms"),
];

/// Properties that may be set within bounds, with the reason.
pub(super) const BOUNDED: &[(&str, u64, u64, &str)] = &[
    (
        "session.timeout.ms",
        6_000,
        10_000,
        "shorter, and brokers refuse it; longer, and a dead worker's customers wait",
    ),
    (
        "transaction.timeout.ms",
        10_000,
        15_000,
        "a dead worker blocks takeover and readers this long",
    ),
    (
        "max.poll.interval.ms",
        45_000,
        900_000,
        "three times the longest step, lest slow steps be taken for dead workers",
    ),
    (
        "message.max.bytes",
        12_587_008,
        1_000_000_000,
        "the largest state must fit, or its shard stands",
    ),
];

/// Kerberos wants libraries of the system, and a binary that runs everywhere has none.
pub(super) const NO_KERBEROS: &str = "Kerberos (GSSAPI) is not built in: log in by SCRAM-SHA-512, SCRAM-SHA-256, PLAIN or OAUTHBEARER, or by a certificate";

/// Names worth proposing to whoever mistyped one.
pub(super) const WELL_KNOWN: &[&str] = &[
    "allow.auto.create.topics",
    "batch.size",
    "bootstrap.servers",
    "broker.address.family",
    "check.crcs",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "debug",
    "enable.sasl.oauthbearer.unsecure.jwt",
    "enable.ssl.certificate.verification",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.max.age.ms",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.cipher.suites",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "statistics.interval.ms",
    "transaction.timeout.ms",
];

/// Returns whether the value of a property must never be printed.
pub(super) fn is_secret(property: &str) -> bool {
    [
        "password",
        "secret",
        "token",
        "passphrase",
        "headers",
        "key.pem",
        "oauthbearer.config",
    ]
    .iter()
    .any(|end| property.ends_with(end))
}
