//! An invented bank's lending customers, as a stream of events: seeded, believable, as long as you like.
//!
//! ```text
//! agenda ─► customer acts ─► Fact ─► Event ─► delivery: late, twice, broken ─► Arrival
//!   ▲            │ plans the next acts
//!   └────────────┘
//! ```
//!
//! | chapter     | what it holds                                                        |
//! | ----------- | -------------------------------------------------------------------- |
//! | `world`     | the agenda: who acts next, and when                                  |
//! | `customer`  | who they are, how they feel, what they have open                     |
//! | `lending`   | an application from submission to disbursement, stalls included      |
//! | `service`   | enquiries, complaints, meetings                                      |
//! | `survey`    | NPS and CSAT, with scores that depend on how it went                 |
//! | `routine`   | log-ins, page views, repayments                                      |
//! | `hours`     | the working week                                                     |
//! | `fact`      | what a customer's life adds to an event                              |
//! | `line`      | an event as a line of JSON that people like to read                  |
//! | `delivery`  | the way to us: disorder, duplicates, broken records                  |
//! | `arrival`   | a record as it reaches us, whole or broken, as JSON or Avro          |
//! | `chance`    | seeded chance in whole numbers                                       |
//!
//! The same options give the same bytes on any machine: chance is ChaCha with whole numbers only, time is an argument,
//! and nothing is iterated in hash order. Memory grows with the customers, never with the events. Knows no files, no
//! definition and no rules; stage names and limits are those of the shipped default.

mod arrival;
mod chance;
mod customer;
mod delivery;
mod fact;
mod hours;
mod lending;
mod line;
mod routine;
mod service;
mod survey;
#[cfg(test)]
mod tests;
mod world;

use std::time::Duration;

use waymark_engine::event::Timestamp;

use delivery::Delivery;
use hours::HOUR;
use world::World;

pub use arrival::Arrival;
pub use chance::{Share, ShareError};

/// Days of one customer's life to one event, on average: what turns a number of events into a span of time.
///
/// Measured over a year of a thousand customers; a quarter is some 22 events of each.
pub const DAYS_PER_EVENT: u64 = 4;

/// What to invent.
#[derive(Debug, Clone)]
pub struct Options {
    /// Another seed, another history.
    pub seed: u64,
    /// How many customers there are.
    pub customers: u32,
    /// After how many facts to stop; duplicates and broken records come on top.
    pub events: u64,
    /// When the history begins.
    pub start: Timestamp,
    /// The longest way of a record from its feed to us. Notes of branches, an offline feed, take up to
    /// [`OFFLINE_DELAY_MAX`] whenever this is not zero.
    pub disorder: Duration,
    /// Share of facts that are sent twice.
    pub duplicates: Share,
    /// Share of facts beside which a broken record is sent.
    pub bad: Share,
}

impl Options {
    /// The same options, but with a history that has just ended at `end`.
    ///
    /// When a history ends follows from everything in it, chance included, so a few are lived through and the one that
    /// ends last is taken: within the hour before if much happens, within a day or a weekend if little does.
    #[must_use]
    pub fn ending_at(mut self, end: Timestamp) -> Self {
        const TRIES: u32 = 6;
        const WEEK: Duration = Duration::from_hours(7 * 24);
        self.start = end - self.span();
        let mut best: Option<(Timestamp, Timestamp)> = None;
        for _ in 0..TRIES {
            let last = self.last_fact();
            if last <= end {
                best = best.max(Some((last, self.start)));
                if end.since(last) < HOUR {
                    break;
                }
            }
            self.start = self.start + end.since(last) - last.since(end);
        }
        if let Some((_, start)) = best {
            self.start = start;
        }
        while self.last_fact() > end {
            self.start = self.start - WEEK; // a week earlier everything happens just so, a week earlier
        }
        self
    }

    /// About how long the history takes.
    fn span(&self) -> Duration {
        let days = self.events.saturating_mul(DAYS_PER_EVENT) / u64::from(self.customers.max(1));
        Duration::from_hours(days.saturating_mul(24))
    }

    fn last_fact(&self) -> Timestamp {
        let mut world = World::new(self);
        let facts = (0..self.events).map_while(|_| world.next_event());
        facts.last().map_or(self.start, |event| event.occurred_at)
    }
}

/// The longest way of a record of the offline feed.
pub const OFFLINE_DELAY_MAX: Duration = Duration::from_hours(72);

/// A history under way: an iterator over its records in the order of their arrival.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    delivery: Delivery,
    facts_left: u64,
}

impl Simulation {
    /// Begins a history.
    pub fn new(options: &Options) -> Self {
        Self {
            world: World::new(options),
            delivery: Delivery::new(options),
            facts_left: options.events,
        }
    }

    /// Returns how many facts are still to come.
    pub fn facts_left(&self) -> u64 {
        self.facts_left
    }
}

impl Iterator for Simulation {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            if let Some(arrival) = self.delivery.arrived() {
                return Some(arrival);
            }
            if self.facts_left == 0 {
                return self.delivery.last();
            }
            let Some(event) = self.world.next_event() else {
                self.facts_left = 0; // nobody there, nothing happens
                continue;
            };
            self.facts_left -= 1;
            self.delivery.send(event);
        }
    }
}
