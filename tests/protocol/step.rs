//! Chapter 5 of the protocol: one step, from loading to the flush.

use std::time::Duration;

use waymark::protocol::{Step, rules};

use crate::kafka::{Fate, Refusal, StepRecord, offset};
use crate::model::{Late, Protocol, Rule, State};
use crate::store::Answer;
use crate::worker::{Line, Memory, Network, Slot};

/// `retry.backoff.ms`
const BACKOFF: Duration = Duration::from_secs(1);

impl State {
    /// 5.1 to 5.4: takes the next record of each shard, loads its state, applies it.
    pub(crate) fn load(&mut self, slot: Slot, model: &Protocol) -> Option<()> {
        let mut any = false;
        for shard in 0..model.shards {
            let memory = &self.workers[slot].shards[shard];
            let from = memory.position();
            if from >= offset(model.records) {
                continue;
            }
            let index = usize::try_from(from.0).expect("offsets rise from 0");
            let key = index % 2;
            let Some(state) = self.state_of(slot, shard, key, model) else {
                self.recover(slot);
                return Some(());
            };
            let last = memory.last.expect("a running shard has a step").0;
            let step = StepRecord {
                slot,
                step: last.step.next(),
                from,
                position: from.next(),
                change: Some((key, state | 1 << index)),
                fate: Fate::Open,
                ..last
            };
            self.workers[slot].shards[shard].in_flight = Some((step, None));
            any = true;
        }
        self.workers[slot].line = Line::Producing;
        any.then_some(())
    }

    /// A state from memory or from the store, if the store is still ours.
    fn state_of(&self, slot: Slot, shard: usize, key: usize, model: &Protocol) -> Option<u8> {
        let memory = &self.workers[slot].shards[shard];
        if let Some(unflushed) = memory.unflushed[key] {
            return Some(unflushed);
        }
        let ours = !model.keeps(Rule::CheckOnLoad) || self.store_is_ours(slot, shard);
        ours.then_some(self.stores[shard].values[key])
    }

    /// What each load asks, and an idle shard every second.
    pub(crate) fn store_is_ours(&self, slot: Slot, shard: usize) -> bool {
        let expected = self.workers[slot].shards[shard].checkpoint;
        let expected = expected.expect("a running shard has a checkpoint");
        rules::load_is_ours(&expected, self.stores[shard].bytes().as_deref())
    }

    /// 5.5 and 5.6: the next shard's records, acknowledged.
    pub(crate) fn produce(&mut self, slot: Slot) -> Option<()> {
        let epoch = self.workers[slot].epoch();
        let shards = &self.workers[slot].shards;
        let open = |memory: &Memory| matches!(memory.in_flight, Some((_, None)));
        let shard = shards.iter().position(open)?;
        let (record, _) = shards[shard].in_flight?;
        match self.kafka.produce(shard, record, epoch) {
            Ok(landed) => {
                let worker = &mut self.workers[slot];
                worker.shards[shard].in_flight = Some((record, Some(landed)));
                if !worker.shards.iter().any(open) {
                    worker.line = Line::Sending;
                }
            }
            Err(Refusal::Fenced) => self.workers[slot].recycle(),
            Err(Refusal::Busy) => return None,
        }
        Some(())
    }

    /// 5.7: the fence.
    pub(crate) fn send(&mut self, slot: Slot, network: Network, model: &Protocol) -> Option<()> {
        let worker = &self.workers[slot];
        let epoch = worker.epoch();
        let captured = model
            .keeps(Rule::CapturedMetadata)
            .then_some(worker.generation);
        let steps = worker.shards.iter().enumerate();
        let positions: Vec<_> = steps
            .filter_map(|(shard, memory)| Some((shard, memory.in_flight?.0.position)))
            .collect();
        match self.kafka.send_offsets(slot, epoch, captured, &positions) {
            Ok(()) => {
                let send_took = took(network);
                self.workers[slot].line = Line::Committing { send_took };
                if network == Network::Slow {
                    self.late.push(Late::Offsets {
                        slot,
                        epoch,
                        captured,
                        positions,
                    });
                }
            }
            Err(Refusal::Fenced) => self.workers[slot].recycle(),
            Err(Refusal::Busy) => return None,
        }
        Some(())
    }

    /// 5.8 to 5.10.
    pub(crate) fn commit(&mut self, slot: Slot, network: Network, model: &Protocol) -> Option<()> {
        let Line::Committing { send_took } = self.workers[slot].line else {
            return None;
        };
        let epoch = self.workers[slot].epoch();
        if network != Network::Quick {
            self.late.push(Late::Commit { slot, epoch });
        }
        let succeeded = network != Network::Lost && self.kafka.commit(slot, epoch).is_ok();
        let clear = !model.keeps(Rule::Recycle)
            || rules::commit_is_clear(send_took, took(network), BACKOFF);
        if succeeded && clear {
            self.advance(slot);
        } else {
            self.workers[slot].recycle();
        }
        Some(())
    }

    /// 5.9. After a first step the shard is recovered: the table finds that the store needs a copy.
    fn advance(&mut self, slot: Slot) {
        let mut begun = false;
        for memory in &mut self.workers[slot].shards {
            if let Some((record, Some(landed))) = memory.in_flight {
                begun |= record.step == Step(1);
                memory.stands_at(record, landed);
            }
        }
        self.workers[slot].line = Line::Running;
        if begun {
            self.recover(slot);
        }
    }

    /// The forbidden flush of a step whose outcome is not known.
    pub(crate) fn flush_early(&mut self, slot: Slot, shard: usize, model: &Protocol) -> Option<()> {
        let call = self.workers[slot].shards[shard].ahead().to_flush(shard)?;
        if self.run(&call, model) == Answer::Done {
            let memory = &mut self.workers[slot].shards[shard];
            memory.checkpoint = Some(call.next);
        }
        Some(())
    }
}

fn took(network: Network) -> Duration {
    match network {
        Network::Quick => Duration::from_millis(5),
        Network::Slow | Network::Lost => BACKOFF,
    }
}
