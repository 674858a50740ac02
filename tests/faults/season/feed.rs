//! Tells the season day by day, as slowly as a test likes, and keeps clocks from running ahead meanwhile.
//!
//! A deployment that has read all there is ticks towards the present: what happened long ago and came later would be late.
//! So the topic always holds more than may be read: the next day is there before this one is committed.
//!
//! ```text
//!   day 1  ├─ committed ─┤
//!   day 2                ├─ sent ──────── committed ─┤
//!   day 3                                 ├─ sent ─────── ...   not to be read yet: no ticks
//! ```

use std::collections::VecDeque;
use std::mem;

use rdkafka::producer::{BaseProducer, Producer as _};

use super::history;
use crate::client::Plain;
use crate::deployment::{Deployment, LONG};

/// A feed of days.
pub(super) struct Feed {
    topic: String,
    days: VecDeque<Vec<String>>,
    sent: i64,
    /// Has sent the last of them, which may not be read yet.
    ahead: BaseProducer,
    /// Has sent the one before it.
    done: BaseProducer,
}

impl Feed {
    /// Sends the first day, which nobody may read yet.
    pub(super) fn begin(deployment: &Deployment, days: &[Vec<String>]) -> Self {
        let client = deployment.client();
        let [ahead, done] =
            ["even", "odd"].map(|it| client.transactional(&format!("{}-{it}", deployment.name)));
        let mut feed = Self {
            topic: deployment.topic("events"),
            days: days.to_vec().into(),
            sent: 0,
            ahead,
            done,
        };
        feed.send_on();
        feed
    }

    /// Lets one more day be read.
    pub(super) fn go_on(&mut self) {
        assert!(!self.is_over(), "there are no more days");
        self.send_on();
        self.done.commit_transaction(LONG).unwrap();
    }

    /// Lets all the rest be read.
    pub(super) fn go_on_to_the_end(&mut self) {
        while !self.is_over() {
            self.go_on();
        }
    }

    /// Holds nothing back any more: clocks may run ahead.
    pub(super) fn let_go(self) {
        self.ahead.abort_transaction(LONG).unwrap();
    }

    /// Returns how many days may be read.
    pub(super) fn told(&self) -> i64 {
        self.sent - 1
    }

    fn is_over(&self) -> bool {
        self.told() == history::DAYS
    }

    /// Sends a day, which begins in every shard, even if it is the one behind the last.
    fn send_on(&mut self) {
        mem::swap(&mut self.ahead, &mut self.done);
        self.ahead.begin_transaction().unwrap();
        let morning = history::morning(self.sent);
        let day = self.days.pop_front().unwrap_or_default();
        for line in [morning].iter().chain(&day) {
            for record in Plain::of(line) {
                record.send(&self.ahead, &self.topic);
            }
        }
        self.ahead.flush(LONG).unwrap();
        self.sent += 1;
    }
}
