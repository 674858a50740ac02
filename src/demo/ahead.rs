//! How far the teller may be ahead of the workers.
//!
//! The mock broker keeps the last 5 MiB of a partition, read or not. What waits is counted in bytes, partition by
//! partition, because a log may hold records of 1 MiB; and a record leads to others (a journey, alerts, deltas) that
//! must have room in partitions of their own until they are read. Knows neither clients nor clocks.

use std::collections::{BTreeMap, VecDeque};

use super::told::Taken;

/// Bytes that may wait in one partition: a twentieth of what the mock keeps, for a journey may be ten times as large as
/// the event that changes it. A larger record goes alone.
const BYTES_MAX: usize = 256 << 10;
/// Deltas that may wait for the cohorts' stage, in all partitions: some hundred bytes each.
const DELTAS_MAX: u64 = 8_000;
/// What a record takes besides its key and value, at most.
const FRAME_BYTES: usize = 100;

/// What was sent and is not known to be taken.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    partitions: BTreeMap<i32, Waiting>,
    deltas: u64,
}

/// The records of a partition, by their size, oldest first.
#[derive(Debug, Default)]
struct Waiting {
    sizes: VecDeque<usize>,
    bytes: usize,
    taken: u64,
}

impl Ahead {
    /// Returns whether a partition has room for one more record.
    pub(super) fn has_room(&self, partition: i32, bytes: usize) -> bool {
        let waits = self.partitions.get(&partition).map_or(0, |it| it.bytes);
        let fits = waits == 0 || waits + FRAME_BYTES + bytes <= BYTES_MAX;
        fits && self.deltas < DELTAS_MAX
    }

    /// Notes a record that is sent.
    pub(super) fn send(&mut self, partition: i32, bytes: usize) {
        let waiting = self.partitions.entry(partition).or_default();
        waiting.bytes += FRAME_BYTES + bytes;
        waiting.sizes.push_back(FRAME_BYTES + bytes);
    }

    /// Forgets what was taken.
    pub(super) fn settle(&mut self, taken: &Taken) {
        self.deltas = taken.deltas_waiting;
        for (partition, records) in &taken.by_partition {
            let waiting = self.partitions.entry(*partition).or_default();
            while waiting.taken < *records {
                waiting.taken += 1;
                waiting.bytes -= waiting.sizes.pop_front().unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn taken(partition: i32, records: u64, deltas_waiting: u64) -> Taken {
        Taken {
            by_partition: [(partition, records)].into(),
            deltas_waiting,
        }
    }

    #[test]
    fn a_large_record_goes_alone_and_other_partitions_do_not_wait_for_it() {
        let mut ahead = Ahead::default();
        assert!(ahead.has_room(1, MIB));
        ahead.send(1, MIB);
        assert!(!ahead.has_room(1, 1) && ahead.has_room(0, 1));
        ahead.settle(&taken(1, 1, 0));
        assert!(ahead.has_room(1, MIB));
    }

    #[test]
    fn records_fill_a_partition_by_their_bytes_until_some_are_taken() {
        let mut ahead = Ahead::default();
        let mut sent = 0;
        while ahead.has_room(0, 900) {
            ahead.send(0, 900);
            sent += 1;
        }
        assert_eq!(sent, 262, "of a thousand bytes each, frames included");
        ahead.settle(&taken(0, 2, 0));
        assert!(ahead.has_room(0, 1_900) && !ahead.has_room(0, 2_900));
    }

    #[test]
    fn deltas_that_nobody_takes_hold_everything_back() {
        let mut ahead = Ahead::default();
        ahead.settle(&taken(0, 0, DELTAS_MAX));
        assert!(!ahead.has_room(0, 1));
        ahead.settle(&taken(0, 0, DELTAS_MAX - 1));
        assert!(ahead.has_room(0, 1));
    }
}
