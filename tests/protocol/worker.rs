//! A worker: its line, and what it knows. The lines themselves are in `recovery` and `step`.

use std::time::Duration;

use waymark::protocol::{Checkpoint, CopyStatus, Offset, ShardId, Step, StepEnd};
use waymark_engine::event::Timestamp;

use crate::kafka::StepRecord;
use crate::store::Call;

/// Number of a worker and of its `transactional.id`.
pub(crate) type Slot = usize;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Worker {
    pub(crate) line: Line,
    /// Captured in the last rebalance callback; 0 before the first.
    pub(crate) generation: u8,
    /// Epoch of the producer, if there is one that may be used.
    pub(crate) producer: Option<u8>,
    /// Steps of the transaction whose outcome the last producer did not learn.
    pub(crate) attempted: Vec<(ShardId, Step)>,
    pub(crate) shards: Vec<Memory>,
}

/// A committed offset, and what the store says.
pub(crate) type Reading = (Option<Offset>, Option<Checkpoint>);

/// The next thing a worker does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Line {
    /// The process is dead.
    Down,
    /// Polls, has no shard.
    Idle,
    /// 4.2, 5.10: makes a producer.
    Init,
    /// 4.3: waits for what was open when the shards became ours.
    Waiting {
        high_watermarks: Vec<Offset>,
    },
    /// 4.4: has read committed offsets and checkpoints, reads the changelogs next.
    Reading {
        found: Vec<Reading>,
    },
    /// 4.5: copies.
    Copying,
    /// 5.1: collects.
    Running,
    /// 5.5
    Producing,
    /// 5.7
    Sending,
    /// 5.8
    Committing {
        send_took: Duration,
    },
    /// Polls once more before it halts.
    Halting(&'static str),
    Halted(&'static str),
}

/// What a worker knows of a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Memory {
    /// The last committed step; none before the first.
    pub(crate) last: Option<(StepRecord, StepEnd)>,
    /// What the store must say.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// The table demands a new copy, which is not begun.
    pub(crate) copy_anew: bool,
    pub(crate) unflushed: [Option<u8>; 2],
    /// The step being made, and where its progress record landed.
    pub(crate) in_flight: Option<(StepRecord, Option<Offset>)>,
}

/// How the answer to a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    /// At once.
    Quick,
    /// The request was carried out; its answer came so late that a copy was sent, which is still under way.
    Slow,
    /// No answer; the request itself is still under way.
    Lost,
}

impl Line {
    /// Whether the consumer is polled here, so that a rebalance is noticed.
    pub(crate) fn polls(&self) -> bool {
        match self {
            Line::Idle
            | Line::Waiting { .. }
            | Line::Copying
            | Line::Running
            | Line::Halting(_)
            | Line::Halted(_) => true,
            Line::Down
            | Line::Init
            | Line::Reading { .. }
            | Line::Producing
            | Line::Sending
            | Line::Committing { .. } => false,
        }
    }
}

impl Worker {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            line: Line::Idle,
            generation: 0,
            producer: None,
            attempted: Vec::new(),
            shards: vec![Memory::default(); shards],
        }
    }

    /// Forgets every shard and begins with one line.
    pub(crate) fn forget(&mut self, line: Line) {
        self.shards.fill(Memory::default());
        self.line = line;
    }

    pub(crate) fn die(&mut self) {
        *self = Self {
            line: Line::Down,
            ..Self::new(self.shards.len())
        };
    }

    /// The process starts again, as the same static member.
    pub(crate) fn start(&mut self) {
        self.line = Line::Idle;
    }

    /// 5.10: drops the producer. The next one has a new epoch, so what is under way is refused.
    pub(crate) fn recycle(&mut self) {
        let steps = self.shards.iter().enumerate();
        self.attempted = steps
            .filter_map(|(shard, memory)| Some((id(shard), memory.in_flight?.0.step)))
            .collect();
        self.producer = None;
        self.forget(Line::Init);
    }

    /// The epoch that a line of the transaction uses.
    pub(crate) fn epoch(&self) -> u8 {
        self.producer.expect("a transaction has a producer")
    }
}

impl Memory {
    pub(crate) fn position(&self) -> Offset {
        self.last.map_or(Offset(0), |(step, _)| step.position)
    }

    /// Whether the store is at the end of the changelog, as far as we know.
    pub(crate) fn is_copied(&self) -> bool {
        let end = self.last.map(|(_, end)| end.position());
        self.checkpoint.is_some_and(|checkpoint| {
            let complete = checkpoint.status == CopyStatus::Complete;
            !self.copy_anew && complete && Some(checkpoint.position) == end
        })
    }

    /// 5.11: the committed values that the store has not got.
    pub(crate) fn to_flush(&self, shard: usize) -> Option<Call> {
        let (expected, (_, end)) = (self.checkpoint?, self.last?);
        (expected.position < end.position()).then(|| Call {
            shard,
            expected: Some(expected),
            next: expected.after_flush(&end),
            puts: self.unflushed,
        })
    }

    /// What would be known if the step in flight were committed.
    pub(crate) fn ahead(&self) -> Self {
        let mut ahead = self.clone();
        if let Some((record, Some(landed))) = self.in_flight {
            ahead.stands_at(record, landed);
        }
        ahead
    }

    /// 5.9: the step is committed.
    pub(crate) fn stands_at(&mut self, record: StepRecord, landed: Offset) {
        if let Some((key, value)) = record.change {
            self.unflushed[key] = Some(value);
        }
        self.last = Some((record, step_end(&record, landed)));
        self.in_flight = None;
    }
}

pub(crate) fn id(shard: usize) -> ShardId {
    ShardId(i32::try_from(shard).expect("one or two"))
}

pub(crate) fn step_end(record: &StepRecord, landed: Offset) -> StepEnd {
    StepEnd {
        step: record.step,
        offset: landed,
        appended_at: at(landed),
    }
}

/// Broker time, which nothing here depends on: it goes on with the offset.
pub(crate) fn at(offset: Offset) -> Timestamp {
    Timestamp::MIN + Duration::from_secs(offset.0.unsigned_abs())
}
