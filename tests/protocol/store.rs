//! A store that keeps the contract's laws: one atomic unit of checkpoint and values, changed by compare-and-set alone.
//!
//! It may be rolled back as a whole (L3), emptied, and a call whose answer was lost may run late (L4).

use waymark::protocol::Checkpoint;

use crate::kafka::Values;

/// What the store holds for a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Store {
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Values of the checkpoint's copy.
    pub(crate) values: Values,
}

/// A flush, a chunk of a copy, or the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Call {
    pub(crate) shard: usize,
    pub(crate) expected: Option<Checkpoint>,
    pub(crate) next: Checkpoint,
    pub(crate) puts: [Option<u8>; 2],
}

/// How a store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Refused,
}

impl Store {
    /// L2: all or nothing, and only if the checkpoint is the expected one, byte for byte.
    pub(crate) fn flush(&mut self, call: &Call) -> Answer {
        let found = self.bytes();
        let matches = match &call.expected {
            Some(expected) => expected.is(found.as_deref()),
            None => found.is_none(),
        };
        if matches {
            self.write(call);
            return Answer::Done;
        }
        Answer::Refused
    }

    /// What a flush does once it may. Keys of another copy are other keys.
    pub(crate) fn write(&mut self, call: &Call) {
        if self
            .checkpoint
            .is_none_or(|checkpoint| checkpoint.copy != call.next.copy)
        {
            self.values = Values::default();
        }
        for (value, put) in self.values.iter_mut().zip(call.puts) {
            *value = put.unwrap_or(*value);
        }
        self.checkpoint = Some(call.next);
    }

    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        self.checkpoint.map(|checkpoint| checkpoint.encode())
    }
}
