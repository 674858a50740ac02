//! Replies that wait until their hours close, in the order of detection.
//!
//! A backlog can make tens of thousands wait, and each step reads and writes all that wait in the cohorts it counts for. So
//! those that were read stay in one piece, as they came. Those that are added lie in a heap beside them, for most are added
//! long before anybody asks for their order; whoever takes one away or lists all passes over what is there twice.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::watch::Reply;

/// A set of replies.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    /// Those that were read, in order.
    read: VecDeque<Reply>,
    /// Some may be there more than once, or among those that were read.
    added: BinaryHeap<Reverse<Reply>>,
}

impl Waiting {
    /// Adds a reply.
    pub(super) fn add(&mut self, reply: Reply) {
        self.added.push(Reverse(reply));
    }

    /// Returns how many there are at most: some may be counted twice until they are gathered.
    pub(super) fn len_at_most(&self) -> usize {
        self.read.len() + self.added.len()
    }

    /// Makes what was added one piece with what was read.
    pub(super) fn gather(&mut self) {
        if !self.added.is_empty() {
            self.read = self.in_order().into();
            self.added.clear();
        }
    }

    /// Returns the first.
    pub(super) fn first(&self) -> Option<&Reply> {
        let added = self.added.peek().map(|Reverse(reply)| reply);
        self.read.front().into_iter().chain(added).min()
    }

    /// Takes the first away.
    pub(super) fn pop_first(&mut self) -> Option<Reply> {
        let first = *self.first()?;
        if self.read.front() == Some(&first) {
            self.read.pop_front();
        }
        while self.added.peek() == Some(&Reverse(first)) {
            self.added.pop();
        }
        Some(first)
    }

    /// Returns all in order.
    pub(super) fn in_order(&self) -> Vec<Reply> {
        let added = self.added.iter().map(|Reverse(reply)| reply);
        in_order(self.read.iter().chain(added).copied())
    }
}

fn in_order(replies: impl Iterator<Item = Reply>) -> Vec<Reply> {
    let mut replies: Vec<_> = replies.collect();
    if !replies.is_sorted_by(|one, next| one < next) {
        replies.sort(); // faster than an unstable one where what was read comes first, in order
        replies.dedup();
    }
    replies
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.in_order() == other.in_order()
    }
}

/// Those that were read, in whatever order.
impl FromIterator<Reply> for Waiting {
    fn from_iter<I: IntoIterator<Item = Reply>>(replies: I) -> Self {
        Self {
            read: in_order(replies.into_iter()).into(),
            added: BinaryHeap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            prop_assert!(waiting.in_order().iter().eq(&model));
            prop_assert_eq!(waiting, model.into_iter().collect());
        }
    }
}
