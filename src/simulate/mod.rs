//! An invented bank's lending customers, as a stream of event lines: seeded, believable, as long as you like.
//!
//! ```text
//! agenda ─► customer acts ─► Fact ─► Event ─► line ─► delivery: late, twice, broken ─► next()
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
//! | `delivery`  | arrival: disorder, duplicates, broken records                        |
//! | `chance`    | seeded chance in whole numbers                                       |
//!
//! The same options give the same bytes on any machine: chance is ChaCha with whole numbers only, time is an argument,
//! and nothing is iterated in hash order. Memory grows with the customers, never with the events. Knows no files, no
//! definition and no rules; stage names and limits are those of the shipped default.

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
use world::World;

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

/// The longest way of a record of the offline feed.
pub const OFFLINE_DELAY_MAX: Duration = Duration::from_hours(72);

/// A history under way: an iterator over its lines in the order of their arrival, without line ends.
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
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.delivery.arrived() {
                return Some(line);
            }
            if self.facts_left == 0 {
                return self.delivery.last();
            }
            let Some(event) = self.world.next_event() else {
                self.facts_left = 0; // nobody there, nothing happens
                continue;
            };
            self.facts_left -= 1;
            self.delivery.send(&event);
        }
    }
}
