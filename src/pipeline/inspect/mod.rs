//! Looks at a deployment from outside, while it runs or stands still: reads, and with one exception changes nothing.
//!
//! | chapter    | what it shows or does                                                      |
//! | ---------- | -------------------------------------------------------------------------- |
//! | `shard`    | where a shard stands, and what a worker would do with it                   |
//! | `customer` | what is known of one customer                                              |
//! | `cohort`   | what is known of one cohort                                                |
//! | `alert`    | every transition of one alert, and the events that it rests on             |
//! | `stored`   | a stored state, and where it was read                                      |
//! | `adopt`    | the exception: moves the group's offset to where the changelog stands      |

mod adopt;
mod alert;
mod cohort;
mod customer;
mod shard;
mod stored;

use std::ops::ControlFlow;

use rdkafka::error::KafkaError;

use crate::changelog::{self, ChangelogReader};
use crate::clock;
use crate::config::{self, Assumption, Config, StageName};
use crate::kafka::{ClientError, GroupOffsets, PartitionReader, ReadError, Watermarks, patiently};
use crate::pipeline::live::{LiveError, Topics};
use crate::protocol::{
    Found, Halt, Identity, Retention, Ruling, ShardId, StoredCheckpoint, decide,
};
use crate::registry::RegistryError;
use crate::store::{RedisSettings, RedisStore, Store, StoreError};

pub use adopt::{AdoptError, Adoption};
pub use alert::{AlertReport, Coordinates, EvidenceView, Transition, alert};
pub use cohort::CohortReport;
pub use customer::{
    ApplicationView, CustomerReport, EpisodeView, JourneyView, ReplyView, StatedView, TimelineView,
    WaitingView,
};
pub use shard::{ShardReport, StoreReport};
pub use stored::{From, Place};

/// Looks at a shard that moves meanwhile, before we take what we found for what there is.
const LOOKS: u32 = 5;

/// A look at one stage of a deployment.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Inspector {
    group: String,
    source_topic: String,
    changelog_topic: String,
    partitions: u32,
    retention: std::time::Duration,
    /// How long a worker that has gone still counts as a member.
    session: std::time::Duration,
    watermarks: Watermarks,
    changelog: ChangelogReader,
    source: PartitionReader,
    offsets: GroupOffsets,
    /// None if states are kept where nobody can look.
    store: Option<RedisStore>,
}

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// There is no such shard.
    #[error("there is no shard {shard}: the source has {partitions} partitions")]
    NoShard {
        /// Which one was asked for.
        shard: ShardId,
        /// How many there are.
        partitions: u32,
    },
    /// There is no such customer, as far as its name goes.
    #[error("that is no customer id")]
    NoCustomer(#[source] waymark_engine::event::IdError),
    /// The definition keeps no score of cohorts.
    #[error("the definition keeps no score of cohorts")]
    NoScores,
    /// A stored state can't be read.
    #[error("the state cannot be read")]
    State(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A topic is missing, or the brokers can't be asked.
    #[error(transparent)]
    Topics(#[from] LiveError),
    /// A setting of a client is wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A broker does not answer.
    #[error("kafka does not answer")]
    Kafka(#[from] KafkaError),
    /// The source can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The changelog can't be read.
    #[error(transparent)]
    Changelog(#[from] changelog::ReadError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What an alert says can't be read for want of its schema.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Inspector {
    /// Opens the handles; they belong to no group.
    ///
    /// # Errors
    /// [`InspectError`] if a topic is missing, a setting is wrong or the brokers do not answer.
    pub fn open(config: &Config, stage: StageName) -> Result<Self, InspectError> {
        let topics = Topics::learn(config, &[stage].into())?;
        let (kafka, deployment) = (&config.kafka, &config.deployment);
        let group = deployment.group(stage.as_str());
        let changelog_topic = deployment.changelog(stage.as_str());
        let source_topic = match stage {
            StageName::Customer => deployment.events(),
            StageName::Cohort => deployment.deltas(),
        };
        Ok(Self {
            partitions: topics.get(&source_topic).partitions,
            retention: topics.get(&changelog_topic).delete_retention,
            session: kafka.session_timeout(),
            watermarks: Watermarks::open(kafka)?,
            changelog: ChangelogReader::open(kafka, &group, &changelog_topic)?,
            source: PartitionReader::open(kafka, &group, &source_topic)?,
            offsets: GroupOffsets::open(kafka, &group, &source_topic)?,
            store: store(config, &group),
            group,
            source_topic,
            changelog_topic,
        })
    }

    /// Returns all shards.
    pub fn shards(&self) -> Vec<ShardId> {
        let partitions = i32::try_from(self.partitions).expect("Kafka numbers them in 31 bits");
        (0..partitions).map(ShardId).collect()
    }

    fn known(&self, shard: ShardId) -> Result<(), InspectError> {
        let partitions = self.partitions;
        let there = u32::try_from(shard.0).is_ok_and(|number| number < partitions);
        there
            .then_some(())
            .ok_or(InspectError::NoShard { shard, partitions })
    }

    /// Returns what a worker that takes the shard over now would find, and do.
    ///
    /// A shard may make steps while we look, and then nothing fits: a halt counts only if it is found twice at one step.
    fn look(&mut self, shard: ShardId) -> Result<(Found, Result<Ruling, Halt>), InspectError> {
        self.known(shard)?;
        let identity = Identity {
            group: self.group.clone(),
            shard,
            partitions: self.partitions,
        };
        let mut seen = None;
        for _ in 1..LOOKS {
            let (found, ruling) = self.look_once(&identity)?;
            let step = found.progress.as_ref().map(|progress| progress.offset);
            if ruling.is_ok() || seen == Some(step) {
                return Ok((found, ruling));
            }
            seen = Some(step);
        }
        self.look_once(&identity)
    }

    fn look_once(
        &mut self,
        identity: &Identity,
    ) -> Result<(Found, Result<Ruling, Halt>), InspectError> {
        let shard = identity.shard;
        let bytes = match &mut self.store {
            Some(store) => store.open(shard)?,
            None => None,
        };
        let committed = self.offsets.committed(&[shard])?;
        let changelog = patiently(|| self.watermarks.range(&self.changelog_topic, shard))?;
        let mut go_on = || ControlFlow::Continue(());
        let settled = patiently(|| self.watermarks.settled(&self.changelog_topic, shard))?;
        let progress = self.changelog.last_progress(shard, settled, &mut go_on)?;
        let found = Found {
            progress,
            changelog,
            committed: committed.get(&shard).copied(),
            source: patiently(|| self.watermarks.range(&self.source_topic, shard))?,
            checkpoint: StoredCheckpoint::read(bytes.as_deref()),
        };
        let retention = Retention {
            now: clock::now(),
            delete_retention: self.retention,
        };
        let ruling = decide(identity, &found, &retention);
        Ok((found, ruling))
    }
}

fn store(config: &Config, group: &str) -> Option<RedisStore> {
    let config::Store::Redis(redis) = &config.store else {
        return None;
    };
    let redis = redis.clone();
    let trusted = config.assume.contains(&Assumption::RedisNoeviction);
    let access = move || RedisSettings::of(&redis, trusted);
    Some(RedisStore::onlooker(group, Box::new(access)))
}
