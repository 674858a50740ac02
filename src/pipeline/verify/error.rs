//! Why a deployment can't be verified: what would have to be compared is not there, or is not ours to compare.

use rdkafka::error::KafkaError;
use waymark_engine::definition::Edition;

use crate::changelog;
use crate::kafka::{ClientError, ReadError};
use crate::protocol::{Offset, Range, ShardId};
use crate::registry::RegistryError;
use crate::store::StoreError;

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A topic is missing.
    #[error("topic {0} does not exist")]
    NoTopic(String),
    /// The definition is not the one that the deployment ran with.
    #[error(
        "OTHER_RULES: shard {shard} last ran by {used}, the definition given is {given}: name the definition that was in \
         force", used = used.as_ref().map_or_else(|| "one that it does not name".to_owned(), ToString::to_string)
    )]
    OtherRules {
        /// The shard.
        shard: ShardId,
        /// By its last progress record.
        used: Option<Edition>,
        /// The definition given.
        given: Edition,
    },
    /// The changelog belongs to somebody else, or to another release.
    #[error("FOREIGN_CHANGELOG: shard {shard}: {fact}")]
    Foreign {
        /// The shard.
        shard: ShardId,
        /// What was found.
        fact: String,
    },
    /// The source no longer holds what the shard has read.
    #[error(
        "SOURCE_CUT: shard {shard} has read offsets {began_at} to {position} of {topic}, which holds {log}: what is gone \
         can't be run again"
    )]
    SourceCut {
        /// The shard.
        shard: ShardId,
        /// The source.
        topic: String,
        /// Where the shard began.
        began_at: Offset,
        /// Where it stands.
        position: Offset,
        /// What the source holds.
        log: Range,
    },
    /// An output no longer reaches back to the first step.
    #[error(
        "OUTPUT_CUT: partition {partition} of {topic} holds offsets {log}: what was published before is gone and can't be \
         compared"
    )]
    OutputCut {
        /// The output.
        topic: String,
        /// Its partition.
        partition: ShardId,
        /// What it holds.
        log: Range,
    },
    /// There is nothing that could be held against the changelog.
    #[error("`store: memory` is gone with its process: there is no store to compare")]
    NoStore,
    /// Readers of committed records can't reach the end.
    #[error(
        "OPEN_TRANSACTION: a transaction on partition {partition} of {topic} has not ended, waited {waited:?}"
    )]
    OpenTransaction {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: ShardId,
        /// How long.
        waited: std::time::Duration,
    },
    /// A setting of a client is wrong.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A broker does not answer.
    #[error("{topic} can't be asked about")]
    Ask {
        /// About what.
        topic: String,
        /// What the client says.
        source: KafkaError,
    },
    /// A topic can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A changelog can't be read.
    #[error(transparent)]
    Changelog(#[from] changelog::ReadError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A schema that records were written with can't be asked for.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
