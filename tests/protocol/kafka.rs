//! A small Kafka: for each shard a changelog and a committed offset, one group, one transaction coordinator.
//!
//! It keeps what the protocol leans on: epochs, the fence on offsets, the last stable offset, markers that come later than
//! the answer to a commit. An offset is an index: a step's change and its progress record are one entry here, for one
//! transaction holds both; a transaction's marker takes an offset of its own.

use waymark::protocol::{Lineage, Offset, Range, Step};

use crate::worker::Slot;

/// Keys of a shard's customers; a record at offset r is about key r % 2.
pub(crate) type Values = [u8; 2];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Kafka {
    pub(crate) shards: Vec<Shard>,
    pub(crate) transactions: [Transactional; 2],
    pub(crate) group: Group,
}

/// What Kafka keeps for a shard, beside the source, which never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Shard {
    pub(crate) changelog: Vec<Entry>,
    /// C: the group's committed offset.
    pub(crate) committed: Option<Offset>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Entry {
    Step(StepRecord),
    Marker,
}

/// The progress record of a step, with the one change that the step made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StepRecord {
    pub(crate) slot: Slot,
    pub(crate) lineage: Lineage,
    pub(crate) step: Step,
    /// V before and after.
    pub(crate) from: Offset,
    pub(crate) position: Offset,
    /// A key and its whole new state: the set of records applied to it.
    pub(crate) change: Option<(usize, u8)>,
    pub(crate) fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    Open,
    Committed,
    Aborted,
}

/// What the coordinator knows of a `transactional.id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Transactional {
    pub(crate) epoch: u8,
    pub(crate) state: Transaction,
    /// Offsets sent, by shard, which count when the transaction is committed.
    pub(crate) pending: Vec<(usize, Offset)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Transaction {
    #[default]
    None,
    Ongoing,
    /// Decided, the answer is on its way; the markers come later, in the changelogs and in the group's offsets.
    Ended {
        fate: Fate,
        in_logs: bool,
        in_group: bool,
    },
}

/// Which markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Markers {
    Logs,
    Group,
}

/// The shards move together; a rebalance raises the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Group {
    pub(crate) generation: u8,
    pub(crate) owner: Slot,
}

/// Why a request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another epoch or another generation.
    Fenced,
    /// `CONCURRENT_TRANSACTIONS`: the client asks again by itself.
    Busy,
}

impl Kafka {
    /// `init_transactions`: ends what the slot left open, then gives out a new epoch.
    pub(crate) fn init(&mut self, slot: Slot) -> Result<u8, Refusal> {
        match self.transactions[slot].state {
            Transaction::None => {
                self.transactions[slot].epoch += 1;
                Ok(self.transactions[slot].epoch)
            }
            Transaction::Ongoing => {
                self.abort(slot);
                Err(Refusal::Busy)
            }
            Transaction::Ended { .. } => Err(Refusal::Busy),
        }
    }

    /// The coordinator's abort, by `init_transactions` or by timeout. The new epoch fences the producer.
    pub(crate) fn abort(&mut self, slot: Slot) {
        self.transactions[slot].epoch += 1;
        self.transactions[slot].end(Fate::Aborted);
    }

    pub(crate) fn produce(
        &mut self,
        shard: usize,
        record: StepRecord,
        epoch: u8,
    ) -> Result<Offset, Refusal> {
        self.transactions[record.slot].join(epoch)?;
        let log = &mut self.shards[shard].changelog;
        log.push(Entry::Step(record));
        Ok(offset(log.len() - 1))
    }

    /// The fence: the group checks the generation, if there is one to check.
    pub(crate) fn send_offsets(
        &mut self,
        slot: Slot,
        epoch: u8,
        generation: Option<u8>,
        positions: &[(usize, Offset)],
    ) -> Result<(), Refusal> {
        self.transactions[slot].join(epoch)?;
        if generation.is_some_and(|generation| generation != self.group.generation) {
            return Err(Refusal::Fenced);
        }
        let pending = &mut self.transactions[slot].pending;
        pending.retain(|(of, _)| positions.iter().all(|(shard, _)| shard != of));
        pending.extend(positions);
        pending.sort_unstable();
        Ok(())
    }

    /// `EndTxn`. A repeated one finds its transaction ended and is answered well, or ends the next one of its epoch.
    pub(crate) fn commit(&mut self, slot: Slot, epoch: u8) -> Result<(), Refusal> {
        let transactional = &mut self.transactions[slot];
        if transactional.epoch != epoch {
            return Err(Refusal::Fenced);
        }
        if transactional.state == Transaction::Ongoing {
            transactional.end(Fate::Committed);
        }
        Ok(())
    }

    /// Writes one kind of markers of an ended transaction; the last ones make room for the next transaction.
    pub(crate) fn mark(&mut self, slot: Slot, markers: Markers) {
        let Transaction::Ended {
            fate,
            in_logs,
            in_group,
        } = self.transactions[slot].state
        else {
            return;
        };
        match markers {
            Markers::Logs => self
                .shards
                .iter_mut()
                .for_each(|shard| shard.mark(slot, fate)),
            Markers::Group => {
                for (shard, position) in std::mem::take(&mut self.transactions[slot].pending) {
                    if fate == Fate::Committed {
                        self.shards[shard].committed = Some(position);
                    }
                }
            }
        }
        let in_logs = in_logs || markers == Markers::Logs;
        let in_group = in_group || markers == Markers::Group;
        self.transactions[slot].state = if in_logs && in_group {
            Transaction::None
        } else {
            Transaction::Ended {
                fate,
                in_logs,
                in_group,
            }
        };
    }

    /// Whether the committed offset can be read; a `read_committed` reader waits for pending ones.
    pub(crate) fn is_stable(&self, shard: usize) -> bool {
        let waits = |of: &Transactional| of.pending.iter().any(|(pending, _)| *pending == shard);
        !self.transactions.iter().any(waits)
    }

    /// Steps that are committed, those included whose markers are still to come.
    pub(crate) fn decided(&self, shard: usize) -> impl Iterator<Item = (Offset, &StepRecord)> {
        let committed = |record: &StepRecord| match record.fate {
            Fate::Committed => true,
            Fate::Aborted => false,
            Fate::Open => self.transactions[record.slot].is_committed(),
        };
        self.shards[shard]
            .steps()
            .filter(move |(_, record)| committed(record))
    }

    pub(crate) fn quiet(&self) -> bool {
        let none = |of: &Transactional| of.state == Transaction::None;
        self.transactions.iter().all(none)
    }
}

impl Transactional {
    fn join(&mut self, epoch: u8) -> Result<(), Refusal> {
        if self.epoch != epoch {
            return Err(Refusal::Fenced);
        }
        if let Transaction::Ended { .. } = self.state {
            return Err(Refusal::Busy);
        }
        self.state = Transaction::Ongoing;
        Ok(())
    }

    fn end(&mut self, fate: Fate) {
        self.state = Transaction::Ended {
            fate,
            in_logs: false,
            in_group: false,
        };
    }

    fn is_committed(&self) -> bool {
        matches!(
            self.state,
            Transaction::Ended {
                fate: Fate::Committed,
                ..
            }
        )
    }
}

impl Shard {
    pub(crate) fn high_watermark(&self) -> Offset {
        offset(self.changelog.len())
    }

    pub(crate) fn last_stable(&self) -> Offset {
        let open = self.steps().find(|(_, record)| record.fate == Fate::Open);
        open.map_or(self.high_watermark(), |(at, _)| at)
    }

    pub(crate) fn range(&self) -> Range {
        Range {
            start: Offset(0),
            end: self.high_watermark(),
        }
    }

    /// What a `read_committed` reader sees.
    pub(crate) fn read(&self) -> impl DoubleEndedIterator<Item = (Offset, &StepRecord)> {
        let last_stable = self.last_stable();
        self.steps()
            .filter(move |(at, record)| record.fate == Fate::Committed && *at < last_stable)
    }

    fn steps(&self) -> impl DoubleEndedIterator<Item = (Offset, &StepRecord)> {
        let entries = self.changelog.iter().enumerate();
        entries.filter_map(|(index, entry)| match entry {
            Entry::Step(record) => Some((offset(index), record)),
            Entry::Marker => None,
        })
    }

    fn mark(&mut self, slot: Slot, outcome: Fate) {
        let mut touched = false;
        for entry in &mut self.changelog {
            if let Entry::Step(record) = entry
                && record.slot == slot
                && record.fate == Fate::Open
            {
                record.fate = outcome;
                touched = true;
            }
        }
        if touched {
            self.changelog.push(Entry::Marker);
        }
    }
}

pub(crate) fn offset(index: usize) -> Offset {
    Offset(i64::try_from(index).expect("logs of the model are short"))
}
