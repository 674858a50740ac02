//! Arrival: from the order in which things happened to the order in which records reach us.
//!
//! A record waits here until nothing that still may come can arrive before it. What waits is bounded by the rate of facts
//! and the longest way, hence by the number of customers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use waymark_engine::event::{Event, Timestamp};

use super::chance::{Chance, Share};
use super::fact::OFFLINE_FEED;
use super::hours::HOUR;
use super::{OFFLINE_DELAY_MAX, Options, line};

/// The longest text that a broken record carries, in bytes: far more than anybody takes.
const LONG_TEXT_BYTES: usize = 200_000;

/// The ways from the feeds to us.
#[derive(Debug)]
pub(super) struct Delivery {
    waiting: BinaryHeap<Reverse<Parcel>>,
    sent: u64,
    /// When the newest fact happened: nothing that still comes arrives earlier.
    now: Timestamp,
    chance: Chance,
    disorder: Duration,
    duplicates: Share,
    bad: Share,
}

/// Equal arrivals keep the order in which they were sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Parcel {
    arrives_at: Timestamp,
    number: u64,
    line: String,
}

impl Delivery {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            waiting: BinaryHeap::new(),
            sent: 0,
            now: options.start,
            chance: Chance::new(options.seed, 1),
            disorder: options.disorder,
            duplicates: options.duplicates,
            bad: options.bad,
        }
    }

    /// Puts a fact on its way, once or twice, and now and then something broken beside it.
    pub(super) fn send(&mut self, event: &Event) {
        self.now = event.occurred_at;
        let line = line::write(event);
        if self.chance.happens(self.duplicates) {
            self.post(event, line.clone());
        }
        if self.chance.happens(self.bad) {
            let broken = self.broken(event, &line);
            self.post(event, broken);
        }
        self.post(event, line);
    }

    /// Hands over a record that nothing can overtake any more.
    pub(super) fn arrived(&mut self) -> Option<String> {
        let Reverse(next) = self.waiting.peek()?;
        if next.arrives_at <= self.now {
            self.last()
        } else {
            None
        }
    }

    /// Hands over the next record when no more will be sent.
    pub(super) fn last(&mut self) -> Option<String> {
        self.waiting.pop().map(|Reverse(parcel)| parcel.line)
    }

    fn post(&mut self, event: &Event, line: String) {
        self.sent += 1;
        let arrives_at = event.occurred_at + self.delay(event.source.as_str() == OFFLINE_FEED);
        self.waiting.push(Reverse(Parcel {
            arrives_at,
            number: self.sent,
            line,
        }));
    }

    /// Most records come at once, some after a while, few after the longest time.
    fn delay(&mut self, is_offline: bool) -> Duration {
        if self.disorder.is_zero() {
            return Duration::ZERO;
        }
        if is_offline {
            return self.chance.time(2 * HOUR..OFFLINE_DELAY_MAX);
        }
        match self.chance.below(100) {
            0..70 => Duration::ZERO,
            70..95 => self.chance.time(Duration::ZERO..self.disorder / 10),
            _ => self.chance.time(self.disorder / 10..self.disorder),
        }
    }

    /// A record beside an event that is wrong in exactly one way.
    fn broken(&mut self, event: &Event, line: &str) -> String {
        let id = format!("{}-broken", event.id);
        let customer = event
            .customer
            .as_ref()
            .map_or("", |customer| customer.as_str());
        let at = event.occurred_at.to_string();
        let record = |id: &str, at: &str, body: &str| {
            format!(
                r#"{{"event_id":"{id}","customer_id":"{customer}","occurred_at":"{at}","source":"web","channel":"web","actor":{{"type":"customer"}},"body":{body}}}"#
            )
        };
        let page = r#"{"type":"digital.page_viewed","page":"/accounts"}"#;
        match self.chance.below(6) {
            0 => line
                .chars()
                .take(1 + self.chance.index(line.len() - 1))
                .collect(),
            1 => record(&id, &at, r#"{"type":"digital.page_viewed"}"#),
            2 => record(&id, &at, r#"{"type":"digital.teleported"}"#),
            3 => record(&id, "2199-01-01T00:00:00.000Z", page),
            4 => record("", &at, page),
            _ => {
                let page = "x".repeat(LONG_TEXT_BYTES);
                let body = format!(r#"{{"type":"digital.page_viewed","page":"{page}"}}"#);
                record(&id, &at, &body)
            }
        }
    }
}
