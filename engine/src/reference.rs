//! Both stages in one thread: what a replay runs, and what any other way of running must agree with.
//!
//! After each event the cohort stage catches up with the clock of the customer stage and takes its deltas. So what comes
//! out depends on the events and their order alone, not on how a run is cut into steps.

use crate::cohort::{Cohort, Cohorts, SeriesSummary};
use crate::derived::Delta;
use crate::event::{Day, Event, Timestamp};
use crate::journey::Journey;
use crate::rules::Rules;
use crate::stage::{Derived, Outcome, Shard, Table};

/// One shard of the customer stage and one of the cohort stage behind it.
#[derive(Debug)]
pub struct Reference {
    customers: Shard<Rules>,
    cohorts: Option<CohortShard>,
}

/// The cohort stage with all its states: cohorts are few.
#[derive(Debug)]
struct CohortShard {
    shard: Shard<Cohorts>,
    table: Table<Cohort>,
    /// Deltas of cohorts beyond the number that the definition allows, or of series beyond what a cohort keeps.
    refused: u64,
}

impl Reference {
    /// Both stages at their beginning.
    pub fn new(rules: Rules) -> Self {
        let cohorts = Cohorts::of(rules.definition()).map(|processor| CohortShard {
            shard: Shard::new(processor, None),
            table: Table::new(),
            refused: 0,
        });
        Self {
            customers: Shard::new(rules, None),
            cohorts,
        }
    }

    /// Returns stream time, `None` before the first event.
    pub fn stream_time(&self) -> Option<Timestamp> {
        self.customers.stream_time()
    }

    /// Returns the rules of the customer stage.
    pub fn rules(&self) -> &Rules {
        self.customers.processor()
    }

    /// Takes one event through both stages; see [`Shard::take`].
    pub fn take(
        &mut self,
        table: &mut Table<Journey>,
        event: &Event,
        not_after: Timestamp,
        derived: &mut Derived,
    ) -> Outcome {
        let outcome = self.customers.take(table, event, not_after, derived);
        self.catch_up(derived);
        outcome
    }

    /// Moves the clock of both stages to `to` and fires what falls due.
    pub fn advance(&mut self, table: &mut Table<Journey>, to: Timestamp, derived: &mut Derived) {
        self.customers.advance(table, to, derived);
        self.catch_up(derived);
    }

    /// Returns what is known of each series of each cohort today, by cohort.
    pub fn scores(&self) -> Vec<SeriesSummary> {
        let (Some(cohorts), Some(now)) = (&self.cohorts, self.stream_time()) else {
            return Vec::new();
        };
        let processor = cohorts.shard.processor();
        let today = Day::of(now, &processor.zone);
        let states = cohorts.table.states().into_iter();
        states
            .flat_map(|(key, cohort)| processor.summary(key, cohort, today))
            .collect()
    }

    /// Returns how many deltas were refused because the definition allows no further cohort.
    pub fn refused_deltas(&self) -> u64 {
        self.cohorts.as_ref().map_or(0, |cohorts| cohorts.refused)
    }

    fn catch_up(&mut self, derived: &mut Derived) {
        let deltas = std::mem::take(&mut derived.deltas);
        if let (Some(cohorts), Some(now)) = (&mut self.cohorts, self.customers.stream_time()) {
            cohorts.catch_up(now, &deltas, derived);
        }
    }
}

impl CohortShard {
    fn catch_up(&mut self, now: Timestamp, deltas: &[Delta], derived: &mut Derived) {
        if deltas.is_empty() && !self.table.rings(now) {
            return;
        }
        self.shard.advance(&mut self.table, now, derived);
        for delta in deltas {
            let key = delta.cohort.key();
            let taken = self.has_room_for(key, delta)
                && self.shard.apply(&mut self.table, key, delta, derived) == Outcome::Applied;
            self.refused += u64::from(!taken);
        }
    }

    /// Returns whether a cohort is known, or may become known.
    fn has_room_for(&self, key: &str, delta: &Delta) -> bool {
        let dimension = delta.cohort.dimension();
        let known = || self.table.count(&format!("{dimension}="));
        self.table.contains(key)
            || self
                .shard
                .processor()
                .values_max(dimension)
                .is_some_and(|max| known() < max as usize)
    }
}
