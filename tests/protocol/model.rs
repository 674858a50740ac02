//! The whole as one state, and everything that may happen next.

use std::ops::Add;

use stateright::{Model, Property};
use waymark::protocol::Offset;

use crate::invariants;
use crate::kafka::{Group, Kafka, Markers, Shard, Transaction, Transactional};
use crate::store::{Call, Store};
use crate::worker::{Line, Network, Slot, Worker};

/// How large the world is, how much goes wrong in it, and which rule is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub(crate) shards: usize,
    /// Records in the source of each shard.
    pub(crate) records: usize,
    pub(crate) faults: Faults,
    pub(crate) without: Option<Rule>,
}

/// How often each thing may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// A process dies.
    pub(crate) crashes: u8,
    /// The group takes the shards from a worker, which may not know it yet, and gives them to any.
    pub(crate) rebalances: u8,
    /// A worker recovers shards without having heard that they were taken from it.
    pub(crate) deaf: u8,
    /// The coordinator aborts a transaction that took too long.
    pub(crate) timeouts: u8,
    /// Kafka's answer comes late or never.
    pub(crate) doubts: u8,
    /// The store's answer never comes.
    pub(crate) lost_calls: u8,
    /// The store is dumped, and rolled back to the dump; without a dump it is emptied.
    pub(crate) dumps: u8,
    pub(crate) rollbacks: u8,
}

/// Rules whose removal must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    CompareAndSet,
    CheckOnLoad,
    WaitForLastStable,
    Recycle,
    CapturedMetadata,
    FlushAfterCommit,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) kafka: Kafka,
    pub(crate) stores: Vec<Store>,
    pub(crate) dump: Vec<Store>,
    pub(crate) workers: [Worker; 2],
    /// Requests to Kafka that are still under way.
    pub(crate) late: Vec<Late>,
    /// Calls to the store that are still under way.
    pub(crate) calls: Vec<Call>,
    pub(crate) faults: Faults,
    pub(crate) random: u8,
}

/// A request, or a copy of one, that its sender no longer waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    Commit {
        slot: Slot,
        epoch: u8,
    },
    Offsets {
        slot: Slot,
        epoch: u8,
        captured: Option<u8>,
        positions: Vec<(usize, Offset)>,
    },
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Crash(Slot),
    Start(Slot),
    Poll(Slot),
    Init(Slot),
    Read(Slot),
    Decide(Slot),
    Copy(Slot, Network),
    Load(Slot),
    /// An idle shard looks at the checkpoint and sees another one.
    Look(Slot),
    Produce(Slot),
    Send(Slot, Network),
    Commit(Slot, Network),
    Flush(Slot, usize, Network),
    /// Forbidden: before the outcome is known.
    FlushEarly(Slot, usize),
    Halt(Slot),
    Rebalance(Slot),
    TimeOut(Slot),
    Mark(Slot, Markers),
    /// A late request reaches Kafka.
    Arrive(usize),
    /// A late call reaches the store.
    Run(usize),
    Dump,
    RollBack,
}

impl Faults {
    pub(crate) const NONE: Self = Self {
        crashes: 0,
        rebalances: 0,
        deaf: 0,
        timeouts: 0,
        doubts: 0,
        lost_calls: 0,
        dumps: 0,
        rollbacks: 0,
    };
}

/// Several faults in one world.
impl Add for Faults {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            crashes: self.crashes + other.crashes,
            rebalances: self.rebalances + other.rebalances,
            deaf: self.deaf + other.deaf,
            timeouts: self.timeouts + other.timeouts,
            doubts: self.doubts + other.doubts,
            lost_calls: self.lost_calls + other.lost_calls,
            dumps: self.dumps + other.dumps,
            rollbacks: self.rollbacks + other.rollbacks,
        }
    }
}

impl Protocol {
    pub(crate) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let kafka = Kafka {
            shards: vec![Shard::default(); self.shards],
            transactions: [Transactional::default(), Transactional::default()],
            group: Group {
                generation: 1,
                owner: 0,
            },
        };
        vec![State {
            kafka,
            stores: vec![Store::default(); self.shards],
            dump: vec![Store::default(); self.shards],
            workers: [Worker::new(self.shards), Worker::new(self.shards)],
            late: Vec::new(),
            calls: Vec::new(),
            faults: self.faults,
            random: 0,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for slot in [0, 1] {
            self.actions_of(slot, state, actions);
        }
        state.actions_around(actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        state.act(action, self)?;
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties()
    }
}

impl Protocol {
    /// What a worker may do at its line.
    fn actions_of(&self, slot: Slot, state: &State, actions: &mut Vec<Action>) {
        use Network::{Lost, Quick, Slow};
        let worker = &state.workers[slot];
        let faults = &state.faults;
        if faults.crashes > 0 && worker.line != Line::Down {
            actions.push(Action::Crash(slot));
        }
        if worker.line.polls() && worker.generation != state.kafka.group.generation {
            actions.push(Action::Poll(slot));
        }
        match &worker.line {
            Line::Down => actions.push(Action::Start(slot)),
            Line::Idle | Line::Halted(_) => {}
            Line::Init => actions.push(Action::Init(slot)),
            Line::Waiting { .. } => actions.push(Action::Read(slot)),
            Line::Reading { .. } => actions.push(Action::Decide(slot)),
            Line::Copying => {
                actions.push(Action::Copy(slot, Quick));
                if faults.lost_calls > 0 {
                    actions.push(Action::Copy(slot, Lost));
                }
            }
            Line::Running => {
                actions.push(Action::Load(slot));
                for (shard, memory) in worker.shards.iter().enumerate() {
                    if memory.to_flush(shard).is_some() {
                        actions.push(Action::Flush(slot, shard, Quick));
                        if faults.lost_calls > 0 {
                            actions.push(Action::Flush(slot, shard, Lost));
                        }
                    }
                }
                if (0..self.shards).any(|shard| !state.store_is_ours(slot, shard)) {
                    actions.push(Action::Look(slot));
                }
            }
            Line::Producing => actions.push(Action::Produce(slot)),
            Line::Sending => {
                actions.push(Action::Send(slot, Quick));
                if faults.doubts > 0 {
                    actions.push(Action::Send(slot, Slow));
                }
            }
            Line::Committing { .. } => {
                actions.push(Action::Commit(slot, Quick));
                if faults.doubts > 0 {
                    actions.extend([Slow, Lost].map(|network| Action::Commit(slot, network)));
                }
                if !self.keeps(Rule::FlushAfterCommit) {
                    actions.extend((0..self.shards).map(|shard| Action::FlushEarly(slot, shard)));
                }
            }
            Line::Halting(_) => actions.push(Action::Halt(slot)),
        }
    }
}

impl State {
    /// What may happen outside of the workers.
    fn actions_around(&self, actions: &mut Vec<Action>) {
        for slot in [0, 1] {
            if self.faults.rebalances > 0 {
                actions.push(Action::Rebalance(slot));
            }
            match self.kafka.transactions[slot].state {
                Transaction::Ongoing if self.faults.timeouts > 0 => {
                    actions.push(Action::TimeOut(slot));
                }
                Transaction::None | Transaction::Ongoing => {}
                Transaction::Ended {
                    in_logs, in_group, ..
                } => {
                    if !in_logs {
                        actions.push(Action::Mark(slot, Markers::Logs));
                    }
                    if !in_group {
                        actions.push(Action::Mark(slot, Markers::Group));
                    }
                }
            }
        }
        actions.extend((0..self.late.len()).map(Action::Arrive));
        actions.extend((0..self.calls.len()).map(Action::Run));
        if self.faults.dumps > 0 {
            actions.push(Action::Dump);
        }
        if self.faults.rollbacks > 0 {
            actions.push(Action::RollBack);
        }
    }

    /// Lets it happen; `None` if nothing changes.
    fn act(&mut self, action: Action, model: &Protocol) -> Option<()> {
        match action {
            Action::Crash(slot) => {
                self.faults.crashes -= 1;
                self.workers[slot].die();
            }
            Action::Start(slot) => self.workers[slot].start(),
            Action::Poll(slot) => self.poll(slot)?,
            Action::Init(slot) => self.init(slot)?,
            Action::Read(slot) => self.read(slot, model)?,
            Action::Decide(slot) => self.decide(slot, model)?,
            Action::Copy(slot, network) => {
                self.spend_call(network);
                let call = self.next_chunk(slot)?;
                self.call(slot, call, network, model);
            }
            Action::Load(slot) => self.load(slot, model)?,
            Action::Look(slot) => self.recover(slot),
            Action::Produce(slot) => self.produce(slot)?,
            Action::Send(slot, network) => {
                self.spend_doubt(network);
                self.send(slot, network, model)?;
            }
            Action::Commit(slot, network) => {
                self.spend_doubt(network);
                self.commit(slot, network, model)?;
            }
            Action::Flush(slot, shard, network) => {
                self.spend_call(network);
                let call = self.workers[slot].shards[shard].to_flush(shard)?;
                self.call(slot, call, network, model);
            }
            Action::FlushEarly(slot, shard) => {
                self.flush_early(slot, shard, model)?;
            }
            Action::Halt(slot) => {
                let Line::Halting(code) = self.workers[slot].line else {
                    return None;
                };
                if self.poll(slot).is_none() {
                    self.workers[slot].line = Line::Halted(code);
                }
            }
            Action::Rebalance(owner) => {
                self.faults.rebalances -= 1;
                let generation = self.kafka.group.generation + 1;
                self.kafka.group = Group { generation, owner };
            }
            Action::TimeOut(slot) => {
                self.faults.timeouts -= 1;
                self.kafka.abort(slot);
            }
            Action::Mark(slot, markers) => self.kafka.mark(slot, markers),
            Action::Arrive(index) => self.arrive(index),
            Action::Run(index) => {
                let call = self.calls.remove(index);
                self.run(&call, model);
            }
            Action::Dump => {
                self.faults.dumps -= 1;
                self.dump.clone_from(&self.stores);
            }
            Action::RollBack => {
                self.faults.rollbacks -= 1;
                self.stores.clone_from(&self.dump);
            }
        }
        Some(())
    }

    /// Nobody waits for the answer of a late request.
    fn arrive(&mut self, index: usize) {
        let _answer = match self.late.remove(index) {
            Late::Commit { slot, epoch } => self.kafka.commit(slot, epoch),
            Late::Offsets {
                slot,
                epoch,
                captured,
                positions,
            } => self.kafka.send_offsets(slot, epoch, captured, &positions),
        };
    }

    fn spend_doubt(&mut self, network: Network) {
        self.faults.doubts -= u8::from(network != Network::Quick);
    }

    fn spend_call(&mut self, network: Network) {
        self.faults.lost_calls -= u8::from(network != Network::Quick);
    }
}
