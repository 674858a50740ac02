//! What the teller and those who listen tell each other while a story is told.
//!
//! Numbers and flags only: nobody waits for anybody here. Whoever ends, be it by a panic, lowers no flag behind it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What the teller and those who listen tell each other.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Records sent, the heartbeats of the end included.
    pub(crate) sent: AtomicU64,
    /// Of them, heartbeats of the end; none where a story breaks off.
    pub(crate) heartbeats: AtomicU64,
    /// What the workers have taken, as far as it was heard.
    taken: Mutex<Taken>,
    /// Whether those who listen have had enough: the story ends where it is.
    pub(crate) enough: AtomicBool,
    /// Whether nothing more will be sent.
    pub(crate) over: AtomicBool,
}

/// What the workers have taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Records of each partition.
    pub(crate) by_partition: BTreeMap<i32, u64>,
    /// Deltas that the customers' stage has published and the cohorts' stage has not taken.
    pub(crate) deltas_waiting: u64,
}

/// Raises a flag when it is dropped: others who wait for the flag are let go by a panic too.
#[derive(Debug)]
pub(crate) struct AtEnd<'f>(pub(crate) &'f AtomicBool);

impl Told {
    /// Says what was heard.
    pub(crate) fn hear(&self, taken: Taken) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = taken;
    }

    /// Returns what was heard.
    pub(super) fn taken(&self) -> Taken {
        let taken = self.taken.lock();
        taken.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_panic_raises_the_flag_that_others_wait_for() {
        let over = AtomicBool::new(false);
        let ended = thread::scope(|scope| {
            let teller = scope.spawn(|| {
                let _over = AtEnd(&over);
                panic!("as it might happen");
            });
            teller.join()
        });
        assert!(ended.is_err() && over.into_inner());
    }
}
