//! Replies that wait until their hours close, in the order of detection.
//!
//! A backlog can make tens of thousands wait, and each step reads and writes all that wait in the cohorts it counts for. So
//! those that were read stay in one piece, as they came; only those that are added are sorted in.

use std::collections::{BTreeSet, VecDeque};
use std::iter;

use super::watch::Reply;

/// How many replies of a series wait for their hours to close, 15 B each as stored. They are those of the lead that the
/// fastest shard upstream has; beyond, the slowest one stands still, and replies count in windows and waves alone.
const REPLIES_MAX: usize = 1 << 18;

/// A set of replies.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// Those that were read, in order.
    read: VecDeque<Reply>,
    /// Invariant: none of these was read.
    added: BTreeSet<Reply>,
}

impl Waiting {
    /// Adds a reply, if there is room.
    pub(super) fn add(&mut self, reply: Reply) {
        if self.len() < REPLIES_MAX && self.read.binary_search(&reply).is_err() {
            self.added.insert(reply);
        }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.read.len() + self.added.len()
    }

    /// Returns the first.
    pub(super) fn first(&self) -> Option<&Reply> {
        let firsts = [self.read.front(), self.added.first()];
        firsts.into_iter().flatten().min()
    }

    /// Takes the first away.
    pub(super) fn pop_first(&mut self) -> Option<Reply> {
        match (self.read.front(), self.added.first()) {
            (Some(read), Some(added)) if added < read => self.added.pop_first(),
            (Some(_), _) => self.read.pop_front(),
            (None, _) => self.added.pop_first(),
        }
    }

    /// Returns all in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Reply> {
        let mut read = self.read.iter().peekable();
        let mut added = self.added.iter().peekable();
        iter::from_fn(move || match (read.peek(), added.peek()) {
            (Some(one), Some(other)) if other < one => added.next(),
            (Some(_), _) => read.next(),
            (None, _) => added.next(),
        })
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// Those that were read, in whatever order.
impl FromIterator<Reply> for Waiting {
    fn from_iter<I: IntoIterator<Item = Reply>>(replies: I) -> Self {
        let mut replies: Vec<_> = replies.into_iter().collect();
        if !replies.is_sorted_by(|one, next| one < next) {
            replies.sort_unstable();
            replies.dedup();
        }
        Self {
            read: replies.into(),
            added: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::derived::Category;
    use crate::event::{EventHash, Timestamp};

    /// Few enough to meet again.
    fn replies() -> impl Strategy<Value = Vec<Reply>> {
        let reply = (0..20_i64, 0..3_u8).prop_map(|(minute, hash)| Reply {
            occurred_at: Timestamp::from_millis(minute * 60_000).unwrap(),
            event_hash: EventHash([hash; 8]),
            category: Category::Passive,
        });
        vec(reply, 0..60)
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_what_was_read_and_added(read in replies(), added in replies(), pops in 0..40_usize) {
            let mut model: BTreeSet<_> = read.iter().chain(&added).copied().collect();
            let mut waiting: Waiting = read.into_iter().collect();
            for reply in added {
                waiting.add(reply);
            }
            for _ in 0..pops {
                prop_assert_eq!(waiting.first(), model.first());
                prop_assert_eq!(waiting.pop_first(), model.pop_first());
            }
            prop_assert_eq!(waiting.len(), model.len());
            prop_assert!(waiting.iter().eq(&model));
            prop_assert_eq!(waiting, model.into_iter().collect());
        }
    }
}
