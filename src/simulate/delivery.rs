//! Arrival: from the order in which things happened to the order in which records reach us.
//!
//! A record waits here until nothing that still may come can arrive before it. What waits is bounded by the rate of facts
//! and the longest way, hence by the number of customers.

use std::collections::BTreeMap;
use std::time::Duration;

use waymark_engine::event::{Event, Timestamp};

use super::arrival::{Arrival, Damage};
use super::chance::{Chance, Share};
use super::fact::OFFLINE_FEED;
use super::hours::HOUR;
use super::{OFFLINE_DELAY_MAX, Options};

/// The ways from the feeds to us.
#[derive(Debug)]
pub(super) struct Delivery {
    /// By the time of arrival; equal ones keep the order in which they were sent.
    waiting: BTreeMap<(Timestamp, u64), Arrival>,
    sent: u64,
    /// When the newest fact happened: nothing that still comes arrives earlier.
    now: Timestamp,
    chance: Chance,
    disorder: Duration,
    duplicates: Share,
    bad: Share,
}

impl Delivery {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            waiting: BTreeMap::new(),
            sent: 0,
            now: options.start,
            chance: Chance::new(options.seed, 1),
            disorder: options.disorder,
            duplicates: options.duplicates,
            bad: options.bad,
        }
    }

    /// Puts a fact on its way, once or twice, and now and then something broken beside it.
    pub(super) fn send(&mut self, event: Event) {
        self.now = event.occurred_at;
        if self.chance.happens(self.duplicates) {
            self.post(Arrival::whole(event.clone()));
        }
        if self.chance.happens(self.bad) {
            let damage = Damage::any(&event, &mut self.chance);
            self.post(Arrival::broken(event.clone(), damage));
        }
        self.post(Arrival::whole(event));
    }

    /// Hands over a record that nothing can overtake any more.
    pub(super) fn arrived(&mut self) -> Option<Arrival> {
        let ((arrives_at, _), _) = self.waiting.first_key_value()?;
        if *arrives_at <= self.now {
            self.last()
        } else {
            None
        }
    }

    /// Hands over the next record when no more will be sent.
    pub(super) fn last(&mut self) -> Option<Arrival> {
        self.waiting.pop_first().map(|(_, arrival)| arrival)
    }

    fn post(&mut self, arrival: Arrival) {
        self.sent += 1;
        let is_offline = arrival.event.source.as_str() == OFFLINE_FEED;
        let arrives_at = arrival.event.occurred_at + self.delay(is_offline);
        self.waiting.insert((arrives_at, self.sent), arrival);
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
}
