//! The table of topics: what each must be like and why, as delivery and `waymark verify` rest on it.

use std::fmt::Display;
use std::time::Duration;

use waymark_engine::event::RECORD_BYTES_MAX;

use crate::config::{Assurance, Deployment};

/// What a topic must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// Whether the number of partitions must be just that.
    pub partitions_why: Option<&'static str>,
    /// On how many brokers.
    pub replication: u32,
    /// Settings, by name.
    pub settings: Vec<WantedSetting>,
}

/// One setting of a topic, as it is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedSetting {
    /// Kafka's name of it.
    pub name: &'static str,
    /// Its value in a new topic.
    pub value: String,
    /// What else would do.
    pub rule: Rule,
    /// What would go wrong otherwise.
    pub why: &'static str,
}

/// What a value that is there is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// No other value will do.
    Exactly,
    /// This number or a greater one; -1 is without limit.
    AtLeast(i64),
    /// It is a proposal; whoever has set another had reasons.
    Proposal,
}

/// What the topics are made to measure for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Partitions of `events`, and of everything that must have as many.
    pub partitions: u32,
    /// Partitions of `deltas`: shards of the cohort stage.
    pub cohort_partitions: u32,
    /// On how many brokers each topic stands.
    pub replication: u32,
    /// How long `events` are kept, in milliseconds; -1 is for ever.
    pub retention_ms: i64,
    /// The largest record of `events`, in bytes.
    pub record_bytes: i64,
}

const DAY_MS: i64 = 86_400_000;

/// What a record set aside carries besides its bytes, and a state besides itself.
const HEADERS_BYTES: i64 = 65_536;

/// The largest journey, and room for what stands around it.
const JOURNEY_BYTES: i64 = (1 << 20) + 4_096;
/// The same of a cohort: it holds the replies of the lead that the fastest shard upstream has over the slowest.
const COHORT_BYTES: i64 = 12 * (1 << 20) + 4_096;

impl Shape {
    /// What a new deployment gets: 12 partitions, a week of events, brokers as the assurance has it.
    pub fn new(assurance: Assurance) -> Self {
        Self {
            partitions: 12,
            cohort_partitions: 4,
            replication: match assurance {
                Assurance::Production => 3,
                Assurance::SingleBroker | Assurance::Demo => 1,
            },
            retention_ms: 7 * DAY_MS,
            record_bytes: i64::try_from(RECORD_BYTES_MAX).unwrap_or(i64::MAX),
        }
    }

    /// Keeps events this long.
    #[must_use]
    pub fn keeping(mut self, retention: Duration) -> Self {
        self.retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        self
    }
}

impl WantedTopic {
    /// Returns what a new topic gets for a setting, if anything is said of it.
    pub fn value(&self, setting: &str) -> Option<&str> {
        let mut settings = self.settings.iter();
        let found = settings.find(|it| it.name == setting)?;
        Some(&found.value)
    }
}

/// Returns what every topic of a deployment must be like.
pub fn wanted(deployment: &Deployment, shape: &Shape) -> Vec<WantedTopic> {
    let topic = |name, partitions, settings: Vec<WantedSetting>| WantedTopic {
        name,
        partitions,
        partitions_why: None,
        replication: shape.replication,
        settings: durability(shape).into_iter().chain(settings).collect(),
    };
    let mut topics = vec![
        topic(deployment.events(), shape.partitions, events(shape)),
        topic(deployment.alerts(), shape.partitions, alerts(shape)),
        topic(deployment.scores(), shape.cohort_partitions, scores()),
        topic(deployment.deltas(), shape.cohort_partitions, deltas(shape)),
        topic(deployment.dead_letter(), shape.partitions, set_aside(shape)),
        topic(deployment.late(), shape.partitions, set_aside(shape)),
    ];
    // The stages, and as many partitions as the topic has that each one reads.
    let stages = [
        ("customer", shape.partitions, JOURNEY_BYTES),
        ("cohort", shape.cohort_partitions, COHORT_BYTES),
    ];
    topics.extend(stages.map(|(stage, partitions, state_bytes)| WantedTopic {
        partitions_why: Some(
            "a shard is a partition of the source and the same one of the changelog",
        ),
        ..topic(
            deployment.changelog(stage),
            partitions,
            changelog(state_bytes),
        )
    }));
    topics
}

fn durability(shape: &Shape) -> Vec<WantedSetting> {
    let copies = i64::from(shape.replication.saturating_sub(1).max(1));
    vec![
        at_least(
            "min.insync.replicas",
            copies,
            "an acknowledged record must survive the loss of a broker",
        ),
        exactly(
            "unclean.leader.election.enable",
            "false",
            "a stale replica must not become the truth",
        ),
    ]
}

fn events(shape: &Shape) -> Vec<WantedSetting> {
    vec![
        exactly(
            "cleanup.policy",
            "delete",
            "a compacted source has hidden skips",
        ),
        exactly(
            "message.timestamp.type",
            "LogAppendTime",
            "event times are judged by the broker's clock",
        ),
        proposal(
            "retention.ms",
            shape.retention_ms,
            "how long an outage may last before events are lost",
        ),
        proposal(
            "max.message.bytes",
            shape.record_bytes,
            "larger records are set aside",
        ),
    ]
}

fn alerts(shape: &Shape) -> Vec<WantedSetting> {
    vec![
        proposal(
            "cleanup.policy",
            "compact,delete",
            "the last word on each episode stays for a year",
        ),
        proposal(
            "retention.ms",
            365 * DAY_MS,
            "how long subscribers can look back",
        ),
        WantedSetting {
            rule: at_least_or_forever(shape.retention_ms),
            ..proposal(
                "min.compaction.lag.ms",
                forever_if_negative(shape.retention_ms), // it knows no -1
                "`waymark verify` compares every transition since the oldest event, so raise this \
                 before `retention.ms` of `events`",
            )
        },
    ]
}

fn scores() -> Vec<WantedSetting> {
    vec![exactly(
        "cleanup.policy",
        "compact",
        "the last word on each window stays",
    )]
}

fn deltas(shape: &Shape) -> Vec<WantedSetting> {
    vec![
        exactly(
            "cleanup.policy",
            "delete",
            "deltas are numbered: a compacted one would be missed",
        ),
        WantedSetting {
            rule: at_least_or_forever(shape.retention_ms),
            ..proposal(
                "retention.ms",
                shape.retention_ms,
                "`waymark verify` needs every tick since the oldest event, so raise this before \
                 `retention.ms` of `events`",
            )
        },
    ]
}

fn set_aside(shape: &Shape) -> Vec<WantedSetting> {
    vec![
        exactly(
            "cleanup.policy",
            "delete",
            "two records of one customer must both stay",
        ),
        proposal(
            "retention.ms",
            30 * DAY_MS,
            "how long people have to look into it",
        ),
        at_least(
            "max.message.bytes",
            shape.record_bytes.saturating_add(HEADERS_BYTES),
            "a record is set aside whole, with headers around it, so raise this before \
             `max.message.bytes` of `events`",
        ),
    ]
}

fn changelog(state_bytes: i64) -> Vec<WantedSetting> {
    vec![
        exactly(
            "cleanup.policy",
            "compact",
            "a deleted state reads as a new customer",
        ),
        exactly(
            "message.timestamp.type",
            "LogAppendTime",
            "how far the store may lag is judged by the broker's clock",
        ),
        at_least(
            "delete.retention.ms",
            7 * DAY_MS,
            "a store that lags longer would miss deletions and is copied anew",
        ),
        at_least(
            "max.message.bytes",
            state_bytes,
            "the largest state must fit",
        ),
        proposal(
            "max.compaction.lag.ms",
            7 * DAY_MS,
            "how soon an erased customer leaves the log",
        ),
    ]
}

fn exactly(name: &'static str, value: &str, why: &'static str) -> WantedSetting {
    let (value, rule) = (value.to_owned(), Rule::Exactly);
    WantedSetting {
        name,
        value,
        rule,
        why,
    }
}

fn at_least(name: &'static str, number: i64, why: &'static str) -> WantedSetting {
    let (value, rule) = (number.to_string(), Rule::AtLeast(number));
    WantedSetting {
        name,
        value,
        rule,
        why,
    }
}

fn proposal(name: &'static str, value: impl Display, why: &'static str) -> WantedSetting {
    let (value, rule) = (value.to_string(), Rule::Proposal);
    WantedSetting {
        name,
        value,
        rule,
        why,
    }
}

/// Where events are kept for ever, nothing shorter will do.
fn at_least_or_forever(number: i64) -> Rule {
    Rule::AtLeast(forever_if_negative(number))
}

fn forever_if_negative(number: i64) -> i64 {
    if number < 0 { i64::MAX } else { number }
}
