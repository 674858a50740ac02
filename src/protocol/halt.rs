//! Why a shard stops and waits for a person: each reason has a name that is the same everywhere.
//!
//! [`Halt::code`] is the field in the log, the label of the metric, and the heading in the runbook. The message tells the
//! facts and what an operator can do. A halted shard changes nothing: what it found stays as evidence.

use std::fmt::Write;

use super::{Lineage, Offset, Range, ShardId, Step};

/// Why a shard must not go on by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Row 2: the shard has worked before, but its changelog does not know it.
    #[error(
        "the changelog (offsets {log}) holds no progress record, but {} that this shard has worked before: \
         restore the topic, or reset the deployment as the runbook tells",
        witnesses(*.committed, *.checkpoint)
    )]
    ChangelogMissing {
        /// The group's committed offset of the source.
        committed: Option<Offset>,
        /// Whether the store has a checkpoint of the shard.
        checkpoint: bool,
        /// What the changelog's partition holds.
        log: Range,
    },
    /// Row 3: somebody else writes into the changelog.
    #[error(
        "the changelog is not this shard's: {fact}: see whether group, topic and partition count are those of this deployment"
    )]
    ForeignChangelog {
        /// What was found, and what should have been.
        fact: String,
    },
    /// Row 3: a newer release has worked on the shard.
    #[error(
        "the progress record has format {found}, this release knows {known}: run the release that wrote it"
    )]
    NewerFormat {
        /// Format of the record.
        found: u32,
        /// Newest format of this release.
        known: u32,
    },
    /// Row 4: somebody moved the group's offsets by hand.
    #[error(
        "the group's committed offset is {committed}, the changelog says {position}: `waymark shard adopt` goes on from \
         {position}; nothing goes on from {committed}, for the states are those at {position}"
    )]
    OffsetsMoved {
        /// C, the group's committed offset.
        committed: Offset,
        /// V of the last progress record.
        position: Offset,
    },
    /// Row 6: records that were not read yet are gone from the source, or it was created anew.
    #[error(
        "the next record to read is {position}, but the source holds offsets {source_log}: restore the topic with its \
         offsets, or reset the deployment as the runbook tells; nothing skips the gap"
    )]
    SourceGap {
        /// V of the last progress record.
        position: Offset,
        /// What the source's partition holds.
        source_log: Range,
    },
    /// Row 7: the store's states may be another deployment's.
    #[error(
        "the store's checkpoint has lineage {found}, the changelog {ours}: give this deployment a Redis or a \
         `redis.database` of its own, or delete the checkpoint if nobody needs those states"
    )]
    ForeignStore {
        /// Lineage in the store.
        found: Lineage,
        /// Lineage in the changelog.
        ours: Lineage,
    },
    /// Row 8: Kafka has lost committed records.
    #[error(
        "the store is at position {position} of the changelog, which ends at {end}: Kafka lost committed records; keep \
         both as evidence and restore the brokers' data"
    )]
    ChangelogBehindStore {
        /// Position of the checkpoint.
        position: Offset,
        /// Where the last step of the changelog ends.
        end: Offset,
    },
    /// Rows 10 and 11: the store must be copied from records that are gone.
    #[error(
        "the store must be copied from offset {needed} of the changelog, which begins at {start}: its oldest records were \
         deleted; restore the topic, or the store from a younger dump"
    )]
    ChangelogTruncated {
        /// Where the copy would have to begin.
        needed: Offset,
        /// Where the log begins.
        start: Offset,
    },
    /// Line 10 of chapter 5: a transaction took effect on some of its shards only.
    #[error(
        "one transaction holds for some shards only ({}): keep the topics as evidence; no shard of it may go on",
        torn(.shards)
    )]
    TornTransaction {
        /// Shards of the transaction, the step each tried, and the step each was recovered at.
        shards: Vec<(ShardId, Step, Step)>,
    },
    /// Chapter 6: keys are not where murmur2 puts them.
    #[error(
        "{wrong} of the last {received} records belong to another partition: let the producers use the default (murmur2) \
         partitioner of Java clients and key by customer"
    )]
    WrongPartitioner {
        /// Records of customers of other shards.
        wrong: u64,
        /// Records looked at.
        received: u64,
    },
    /// Chapter 5: a step can't be decided, and setting records aside does not help.
    #[error(
        "step {step} cannot be decided, and a timer is to blame, not a record: {cause}: run a release or a definition that can"
    )]
    PoisonTimer {
        /// The step that was tried.
        step: Step,
        /// Why it can't be decided.
        cause: String,
    },
    /// Chapter 3: a setting that the protocol needs is no longer as it was at the start.
    #[error("{setting} is {found}, must be {demanded}: {why}; set it right, then restart")]
    SettingChanged {
        /// Whose setting, and its name: `topic loans.customer.changelog: cleanup.policy`, `redis: maxmemory-policy`.
        setting: String,
        /// What it must be.
        demanded: String,
        /// What it is.
        found: String,
        /// What would go wrong, and what it follows if it wasn't changed itself.
        why: String,
    },
}

impl Halt {
    /// Every code, for metrics that show a zero before anything happened.
    pub const CODES: [&'static str; 12] = [
        "CHANGELOG_MISSING",
        "FOREIGN_CHANGELOG",
        "NEWER_FORMAT",
        "OFFSETS_MOVED",
        "SOURCE_GAP",
        "FOREIGN_STORE",
        "CHANGELOG_BEHIND_STORE",
        "CHANGELOG_TRUNCATED",
        "TORN_TRANSACTION",
        "WRONG_PARTITIONER",
        "POISON_TIMER",
        "SETTING_CHANGED",
    ];

    /// Returns whether it rests on where the changelog ends, as far as a read of it tells: a leader that was elected a moment
    /// ago may not know yet how far the one before it had come.
    pub fn may_be_hasty(&self) -> bool {
        matches!(
            self,
            Halt::ChangelogMissing { .. }
                | Halt::OffsetsMoved { .. }
                | Halt::ChangelogBehindStore { .. }
                | Halt::TornTransaction { .. }
        )
    }

    /// Returns whether an earlier look has found the same, the changelog no longer and no shorter. What others write
    /// meanwhile does not count: offsets that somebody commits, a checkpoint.
    pub fn is_again(&self, earlier: &Self) -> bool {
        use Halt::{ChangelogBehindStore, ChangelogMissing, OffsetsMoved, TornTransaction};
        match (self, earlier) {
            (ChangelogMissing { .. }, ChangelogMissing { .. }) => true,
            (
                OffsetsMoved { position, .. },
                OffsetsMoved {
                    position: before, ..
                },
            ) => position == before,
            (ChangelogBehindStore { end, .. }, ChangelogBehindStore { end: before, .. }) => {
                end == before
            }
            (TornTransaction { shards }, TornTransaction { shards: before }) => shards == before,
            _ => false,
        }
    }

    /// Returns the name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Halt::ChangelogMissing { .. } => "CHANGELOG_MISSING",
            Halt::ForeignChangelog { .. } => "FOREIGN_CHANGELOG",
            Halt::NewerFormat { .. } => "NEWER_FORMAT",
            Halt::OffsetsMoved { .. } => "OFFSETS_MOVED",
            Halt::SourceGap { .. } => "SOURCE_GAP",
            Halt::ForeignStore { .. } => "FOREIGN_STORE",
            Halt::ChangelogBehindStore { .. } => "CHANGELOG_BEHIND_STORE",
            Halt::ChangelogTruncated { .. } => "CHANGELOG_TRUNCATED",
            Halt::TornTransaction { .. } => "TORN_TRANSACTION",
            Halt::WrongPartitioner { .. } => "WRONG_PARTITIONER",
            Halt::PoisonTimer { .. } => "POISON_TIMER",
            Halt::SettingChanged { .. } => "SETTING_CHANGED",
        }
    }
}

fn witnesses(committed: Option<Offset>, checkpoint: bool) -> String {
    match (committed, checkpoint) {
        (Some(committed), true) => {
            format!("the group's committed offset {committed} and the store's checkpoint show")
        }
        (Some(committed), false) => format!("the group's committed offset {committed} shows"),
        (None, true) => "the store's checkpoint shows".to_owned(),
        (None, false) => "a log that was cut shows".to_owned(),
    }
}

fn torn(shards: &[(ShardId, Step, Step)]) -> String {
    let mut text = String::new();
    for (shard, tried, found) in shards {
        let comma = if text.is_empty() { "" } else { ", " };
        write!(text, "{comma}shard {shard} tried {tried} and is at {found}")
            .expect("texts take every write");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::RandomIds;

    struct Count(u128);

    impl RandomIds for Count {
        fn bits(&mut self) -> u128 {
            self.0 += 1;
            self.0
        }
    }

    #[test]
    fn a_second_look_finds_the_same_whatever_others_write_meanwhile() {
        let moved = |position, committed| Halt::OffsetsMoved {
            committed: Offset(committed),
            position: Offset(position),
        };
        assert!(moved(7, 12).is_again(&moved(7, 11)), "somebody commits on");
        assert!(!moved(8, 11).is_again(&moved(7, 11)), "it was read further");
        let behind = |position, end| Halt::ChangelogBehindStore {
            position: Offset(position),
            end: Offset(end),
        };
        assert!(behind(10, 7).is_again(&behind(9, 7)), "somebody flushes");
        assert!(!behind(9, 8).is_again(&behind(9, 7)), "it was read further");
        for (number, halt) in one_of_each().iter().enumerate() {
            let again = one_of_each();
            let again = again.iter().enumerate().filter(|(_, it)| halt.is_again(it));
            let own = again.map(|(number, _)| number).collect::<Vec<_>>();
            let expected = halt.may_be_hasty().then_some(number);
            assert_eq!(own, expected.into_iter().collect::<Vec<_>>(), "{halt}");
        }
    }

    fn one_of_each() -> Vec<Halt> {
        let mut count = Count(0);
        let log = Range {
            start: Offset(4),
            end: Offset(9),
        };
        vec![
            Halt::ChangelogMissing {
                committed: Some(Offset(812)),
                checkpoint: true,
                log,
            },
            Halt::ForeignChangelog {
                fact: "its group is a, ours is b".to_owned(),
            },
            Halt::NewerFormat { found: 2, known: 1 },
            Halt::OffsetsMoved {
                committed: Offset(10),
                position: Offset(812),
            },
            Halt::SourceGap {
                position: Offset(3),
                source_log: log,
            },
            Halt::ForeignStore {
                found: Lineage::new(&mut count),
                ours: Lineage::new(&mut count),
            },
            Halt::ChangelogBehindStore {
                position: Offset(12),
                end: Offset(9),
            },
            Halt::ChangelogTruncated {
                needed: Offset(0),
                start: Offset(4),
            },
            Halt::TornTransaction {
                shards: vec![
                    (ShardId(1), Step(7), Step(7)),
                    (ShardId(2), Step(4), Step(3)),
                ],
            },
            Halt::WrongPartitioner {
                wrong: 101,
                received: 10_000,
            },
            Halt::PoisonTimer {
                step: Step(7),
                cause: "deciding a step crashed: index out of bounds".to_owned(),
            },
            Halt::SettingChanged {
                setting: "topic loans.customer.changelog: cleanup.policy".to_owned(),
                demanded: "compact".to_owned(),
                found: "compact,delete".to_owned(),
                why: "a deleted state reads as a new customer".to_owned(),
            },
        ]
    }

    #[test]
    fn every_halt_has_its_code_in_the_list() {
        let codes: Vec<_> = one_of_each().iter().map(Halt::code).collect();
        assert_eq!(codes, Halt::CODES);
    }

    #[test]
    fn moved_offsets_show_both_and_name_the_command() {
        let text = one_of_each()[3].to_string();
        assert!(
            text.contains("10") && text.contains("812") && text.contains("waymark shard adopt"),
            "{text}"
        );
    }

    #[test]
    fn messages_name_the_facts() {
        let told: Vec<_> = one_of_each().iter().map(Halt::to_string).collect();
        assert!(told[0].starts_with("the changelog (offsets 4 to 9) holds no progress record, but the group's committed offset 812 and the store's checkpoint show"), "{}", told[0]);
        assert!(
            told[8].contains("shard 1 tried 7 and is at 7, shard 2 tried 4 and is at 3"),
            "{}",
            told[8]
        );
    }
}
