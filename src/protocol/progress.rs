//! The last record of a step in the changelog: where the shard stands once the step is committed.
//!
//! Keys of the changelog: a progress record has the single byte 0, a change record the byte 1 and then the entity's key.
//! So progress keeps its place in a compacted log, and no customer can be taken for it. The value is JSON: `kcat` shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use waymark_engine::definition::Edition;
use waymark_engine::event::{Text, Timestamp};
use waymark_engine::stage::Books;

use super::{Lineage, Offset, ShardId, Step, Upstreams};

/// Key of every progress record.
pub const PROGRESS_KEY: &[u8] = &[0];
/// First byte of the key of a change record; the entity's key follows.
pub const CHANGE_KEY: u8 = 1;

/// Where a shard stands after a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Version of this record.
    format: u32,
    /// Identity of the shard's history.
    pub lineage: Lineage,
    /// The consumer group of the stage: whose changelog this is.
    pub group: String,
    /// The shard.
    pub shard: ShardId,
    /// How many partitions the stage has. Keys would land elsewhere with another number.
    pub partitions: u32,
    /// Number of the step.
    pub step: Step,
    /// V: the next record of the source to read.
    pub position: Offset,
    /// Where the source was read from when the history began.
    pub began_at: Offset,
    /// Where stream time stands; absent before the first event.
    pub stream_time: Option<Timestamp>,
    /// Until when ticks rest after an outage, by the wall clock; absent if they need not. Steps are made meanwhile, so
    /// the age of this record tells nobody of the outage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticks_rest_until: Option<Timestamp>,
    /// The number of the last record on each partition of `deltas`.
    pub channels: Vec<u64>,
    /// What it has heard of the stage before.
    #[serde(default, skip_serializing_if = "Upstreams::is_empty")]
    pub upstreams: Upstreams,
    /// How many cohorts there are of each dimension.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cohorts: BTreeMap<Text, u32>,
    /// How the records of the shard ended, from its beginning.
    pub books: Books,
    /// Fingerprint of the definition in force.
    rules: Text,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules_version: Option<Text>,
}

/// Where a committed step ends in the changelog: its progress record, as the broker took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StepEnd {
    /// Number of the step.
    pub step: Step,
    /// Offset of the progress record.
    pub offset: Offset,
    /// When the broker appended it.
    pub appended_at: Timestamp,
}

/// Why the value of a progress record is not one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProgressError {
    /// Not the JSON we write.
    #[error("the progress record cannot be read")]
    Unreadable(#[source] Arc<serde_json::Error>),
    /// Written by a newer release.
    #[error("the progress record has format {0}, this release knows {known}", known = Progress::FORMAT)]
    Newer(u32),
}

impl Progress {
    /// The format that this release writes and reads.
    pub const FORMAT: u32 = 1;

    /// A shard before its first step.
    pub fn begin(
        lineage: Lineage,
        group: &str,
        shard: ShardId,
        partitions: u32,
        began_at: Offset,
    ) -> Self {
        Self {
            format: Self::FORMAT,
            lineage,
            group: group.to_owned(),
            shard,
            partitions,
            step: Step::default(),
            position: began_at,
            began_at,
            stream_time: None,
            ticks_rest_until: None,
            channels: Vec::new(),
            upstreams: Upstreams::default(),
            cohorts: BTreeMap::new(),
            books: Books::default(),
            rules: Text::from(""),
            rules_version: None,
        }
    }

    /// Records by which definition a step was made.
    pub fn made_by(&mut self, edition: &Edition) {
        self.rules.clone_from(&edition.fingerprint);
        self.rules_version = Some(edition.version.clone());
    }

    /// Returns by which definition the step was made; none before the first step, and in records that name no version.
    pub fn edition(&self) -> Option<Edition> {
        Some(Edition {
            version: self.rules_version.clone()?,
            fingerprint: self.rules.clone(),
        })
    }

    /// Returns the value of the record.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and short texts always serialise")
    }

    /// Reads the value of a record.
    ///
    /// # Errors
    /// [`ProgressError`] if it is damaged or newer than this release.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProgressError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
        if head.format > Self::FORMAT {
            return Err(ProgressError::Newer(head.format));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }
}

impl StepEnd {
    /// Returns the position of a store that has the step: the place after its last record. The protocol calls it End.
    pub fn position(&self) -> Offset {
        self.offset.next()
    }
}

fn unreadable(error: serde_json::Error) -> ProgressError {
    ProgressError::Unreadable(Arc::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl crate::protocol::RandomIds for One {
        fn bits(&mut self) -> u128 {
            1
        }
    }

    /// As written by the first build that wrote any.
    const PLAIN: &str = r#"{"format":1,"lineage":"00000000000000000000000000000001","group":"g","shard":0,"partitions":1,"step":0,"position":7,"began_at":7,"stream_time":null,"channels":[],"books":BOOKS,"rules":""}"#;

    fn plain() -> String {
        let books = serde_json::to_string(&Books::default()).expect("numbers");
        PLAIN.replace("BOOKS", &books)
    }

    fn progress() -> Progress {
        Progress::begin(Lineage::new(&mut One), "g", ShardId(0), 1, Offset(7))
    }

    #[test]
    fn what_a_record_need_not_say_it_does_not_say() {
        let written = String::from_utf8(progress().encode()).expect("JSON");
        assert_eq!(written, plain());
        let read = Progress::decode(written.as_bytes()).expect("ours");
        assert_eq!(read, progress());
    }

    #[test]
    fn a_record_says_until_when_ticks_rest() {
        let until = Timestamp::from_millis(1_767_225_600_000).expect("a time");
        let resting = Progress {
            ticks_rest_until: Some(until),
            ..progress()
        };
        let written = String::from_utf8(resting.encode()).expect("JSON");
        let says = r#""ticks_rest_until":"2026-01-01T00:00:00.000Z""#;
        assert!(written.contains(says), "{written}");
        assert_eq!(Progress::decode(written.as_bytes()).ok(), Some(resting));
    }

    #[test]
    fn a_record_says_which_definition_decided() {
        let edition = Edition {
            version: "2026.1".into(),
            fingerprint: "0123456789abcdef".into(),
        };
        let mut made = progress();
        assert_eq!(made.edition(), None);
        made.made_by(&edition);
        let written = String::from_utf8(made.encode()).expect("JSON");
        let says = r#""rules":"0123456789abcdef","rules_version":"2026.1""#;
        assert!(written.contains(says), "{written}");
        let read = Progress::decode(written.as_bytes()).expect("ours");
        assert_eq!(read.edition(), Some(edition));
    }

    #[test]
    fn what_a_release_does_not_know_of_a_record_it_passes_over() {
        let more = plain().replacen('{', r#"{"of_later_releases":1,"#, 1);
        assert_eq!(Progress::decode(more.as_bytes()).ok(), Some(progress()));
    }
}
