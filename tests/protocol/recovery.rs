//! Chapter 4 of the protocol: from a rebalance to a running shard.
//!
//! Where something is decided, the functions that ship are asked: `rules`, `decide`, the changes of a `Checkpoint`.

use std::time::Duration;

use waymark::protocol::{
    Checkpoint, CopyId, Found, FoundProgress, Halt, Identity, Lineage, Offset, Progress, RandomIds,
    Range, Retention, Ruling, Step, StepEnd, StoredCheckpoint, decide, rules,
};
use waymark_engine::event::Timestamp;

use crate::kafka::{Fate, Shard, StepRecord, offset};
use crate::model::{Protocol, Rule, State};
use crate::store::{Answer, Call};
use crate::worker::{Line, Memory, Network, Reading, Slot, at, id, step_end};

/// Rule T is not modelled: nothing is ever too old.
const YOUNG: Retention = Retention {
    now: Timestamp::MIN,
    delete_retention: Duration::from_hours(168),
};

impl State {
    /// A rebalance callback inside poll: capture the metadata, note the shards, forget everything else.
    pub(crate) fn poll(&mut self, slot: Slot) -> Option<()> {
        let group = self.kafka.group;
        let worker = &mut self.workers[slot];
        if worker.generation == group.generation {
            return None;
        }
        worker.generation = group.generation;
        worker.attempted.clear();
        if group.owner != slot {
            worker.forget(Line::Idle);
        } else if worker.producer.is_some() {
            self.recover(slot);
        } else {
            worker.forget(Line::Init);
        }
        Some(())
    }

    /// 4.2
    pub(crate) fn init(&mut self, slot: Slot) -> Option<()> {
        let before = self.kafka.transactions[slot].state;
        match self.kafka.init(slot) {
            Ok(epoch) => {
                self.workers[slot].producer = Some(epoch);
                self.recover(slot);
                Some(())
            }
            Err(_) => (self.kafka.transactions[slot].state != before).then_some(()),
        }
    }

    /// 4.3, from which every recovery begins, also one for the store's sake: markers of our own last step may be on their
    /// way, and a reader would miss it. Asks for the high watermarks.
    pub(crate) fn recover(&mut self, slot: Slot) {
        let shards = self.kafka.shards.iter();
        let high_watermarks = shards.map(Shard::high_watermark).collect();
        self.workers[slot].forget(Line::Waiting { high_watermarks });
    }

    /// 4.3, then the first half of 4.4: committed offsets, which wait until they are stable, and checkpoints.
    pub(crate) fn read(&mut self, slot: Slot, model: &Protocol) -> Option<()> {
        let Line::Waiting { high_watermarks } = &self.workers[slot].line else {
            return None;
        };
        let waits = self
            .kafka
            .shards
            .iter()
            .zip(high_watermarks)
            .any(|(shard, high)| {
                model.keeps(Rule::WaitForLastStable)
                    && !rules::may_recover(shard.last_stable(), *high)
            });
        let stable = (0..model.shards).all(|shard| self.kafka.is_stable(shard));
        if waits || !stable {
            return None;
        }
        if self.workers[slot].generation != self.kafka.group.generation {
            self.faults.deaf = self.faults.deaf.checked_sub(1)?;
        }
        let committed = self.kafka.shards.iter().map(|shard| shard.committed);
        let checkpoints = self.stores.iter().map(|store| store.checkpoint);
        let found = committed.zip(checkpoints).collect();
        self.workers[slot].line = Line::Reading { found };
        Some(())
    }

    /// The second half of 4.4: the changelogs, then rule 10 and the table.
    pub(crate) fn decide(&mut self, slot: Slot, model: &Protocol) -> Option<()> {
        let Line::Reading { found } = &self.workers[slot].line else {
            return None;
        };
        let found = found.clone();
        self.workers[slot].line = match self.rule(slot, &found, model) {
            Ok(line) => line,
            Err(halt) => Line::Halting(halt.code()),
        };
        self.run_if_copied(slot);
        Some(())
    }

    /// Rule 10 comes first: what it finds would also look like moved offsets, whose cure is another.
    fn rule(&mut self, slot: Slot, found: &[Reading], model: &Protocol) -> Result<Line, Halt> {
        let lasts: Vec<_> = (0..model.shards)
            .map(|shard| self.last_step(shard))
            .collect();
        let step = |last: &Option<(StepRecord, _)>| last.map_or(Step(0), |(record, _)| record.step);
        let recovered = lasts
            .iter()
            .enumerate()
            .map(|(shard, last)| (id(shard), step(last)));
        let attempted = std::mem::take(&mut self.workers[slot].attempted);
        rules::not_torn(&attempted, &recovered.collect::<Vec<_>>())?;
        let mut line = Line::Copying;
        for (shard, last) in lasts.into_iter().enumerate() {
            let (committed, checkpoint) = found[shard];
            let found = self.found(shard, last, committed, checkpoint, model);
            let ruling = decide(&us(shard, model), &found, &YOUNG)?;
            let first_step = (ruling == Ruling::Begin).then(|| (self.first_step(slot), None));
            if first_step.is_some() {
                line = Line::Producing;
            }
            self.workers[slot].shards[shard] = Memory {
                last,
                checkpoint,
                copy_anew: ruling == Ruling::NewCopy,
                in_flight: first_step,
                ..Memory::default()
            };
        }
        Ok(line)
    }

    fn last_step(&self, shard: usize) -> Option<(StepRecord, StepEnd)> {
        let (at, record) = self.kafka.shards[shard].read().next_back()?;
        Some((*record, step_end(record, at)))
    }

    fn found(
        &self,
        shard: usize,
        last: Option<(StepRecord, StepEnd)>,
        committed: Option<Offset>,
        checkpoint: Option<Checkpoint>,
        model: &Protocol,
    ) -> Found {
        let progress = last.map(|(step, end)| FoundProgress {
            record: Ok(progress(&step, &us(shard, model))),
            offset: end.offset,
            appended_at: end.appended_at,
        });
        Found {
            progress,
            changelog: self.kafka.shards[shard].range(),
            committed,
            source: Range {
                start: Offset(0),
                end: offset(model.records),
            },
            checkpoint: checkpoint.map_or(StoredCheckpoint::Absent, StoredCheckpoint::Present),
        }
    }

    /// An empty step with a new lineage.
    fn first_step(&mut self, slot: Slot) -> StepRecord {
        StepRecord {
            slot,
            lineage: Lineage::new(&mut Count(&mut self.random)),
            step: Step(1),
            from: Offset(0),
            position: Offset(0),
            change: None,
            fate: Fate::Open,
        }
    }

    /// 4.7
    fn run_if_copied(&mut self, slot: Slot) {
        let worker = &mut self.workers[slot];
        if worker.line == Line::Copying && worker.shards.iter().all(Memory::is_copied) {
            worker.line = Line::Running;
        }
    }

    /// 4.5: the next chunk of the first shard that needs one; a chunk holds one step here.
    pub(crate) fn next_chunk(&mut self, slot: Slot) -> Option<Call> {
        let shards = &self.workers[slot].shards;
        let shard = shards.iter().position(|memory| !memory.is_copied())?;
        let memory = shards[shard].clone();
        let (last, end) = memory.last?;
        if memory.copy_anew {
            let copy = CopyId::new(&mut Count(&mut self.random));
            let next = Checkpoint::begin_copy(last.lineage, copy, at(Offset(0)));
            return Some(Call {
                shard,
                expected: memory.checkpoint,
                next,
                puts: [None; 2],
            });
        }
        let from = memory.checkpoint?;
        let (offset, record) = self.kafka.shards[shard]
            .read()
            .find(|(offset, _)| *offset >= from.position)?;
        let mut puts = [None; 2];
        if let Some((key, value)) = record.change {
            puts[key] = Some(value);
        }
        let next = if offset == end.offset {
            from.complete(&end)
        } else {
            from.chunk(offset.next())
        };
        Some(Call {
            shard,
            expected: Some(from),
            next,
            puts,
        })
    }

    /// A flush or a chunk, and what its answer does to the worker (5.12: no blind retry).
    pub(crate) fn call(&mut self, slot: Slot, call: Call, network: Network, model: &Protocol) {
        if network == Network::Lost {
            self.calls.push(call);
            self.recover(slot);
            return;
        }
        if self.run(&call, model) == Answer::Refused {
            self.recover(slot);
            return;
        }
        let memory = &mut self.workers[slot].shards[call.shard];
        memory.checkpoint = Some(call.next);
        memory.copy_anew = false;
        memory.unflushed = [None; 2];
        self.run_if_copied(slot);
    }

    /// A call reaches the store.
    pub(crate) fn run(&mut self, call: &Call, model: &Protocol) -> Answer {
        let store = &mut self.stores[call.shard];
        if model.keeps(Rule::CompareAndSet) {
            return store.flush(call);
        }
        store.write(call);
        Answer::Done
    }
}

fn us(shard: usize, model: &Protocol) -> Identity {
    Identity {
        group: "loans.customer".to_owned(),
        shard: id(shard),
        partitions: u32::try_from(model.shards).expect("one or two"),
    }
}

fn progress(step: &StepRecord, us: &Identity) -> Progress {
    let mut progress = Progress::begin(step.lineage, &us.group, us.shard, us.partitions, Offset(0));
    progress.step = step.step;
    progress.position = step.position;
    progress
}

/// Identities by counting.
struct Count<'a>(&'a mut u8);

impl RandomIds for Count<'_> {
    fn bits(&mut self) -> u128 {
        *self.0 += 1;
        u128::from(*self.0) << 64
    }
}
