//! The gate of the customer stage: which events may move the clock, and which come too late.

use std::borrow::Borrow;

use crate::event::{Event, Kind, Reason, Rejection, Timestamp};
use crate::journey::Journey;
use crate::stage::{Derived, Outcome, Processor, Shard, Table};

use super::Rules;

/// The rules themselves, or one copy of them that several shards share.
impl<P> Shard<P>
where
    P: Borrow<Rules> + Processor<Input = Event, State = Journey>,
{
    /// Takes one event from start to finish and returns how it ended.
    ///
    /// `not_after` is the latest time an event may claim: its append time plus the allowed skew, or what a replay sets. One
    /// from the year 9999 is set aside and moves nothing.
    pub fn take(
        &mut self,
        table: &mut Table<Journey>,
        event: &Event,
        not_after: Timestamp,
        derived: &mut Derived,
    ) -> Outcome {
        if event.occurred_at > not_after {
            // `not_after` may be the time of day, and a dead letter must read the same in every run: so it isn't told.
            let detail = format!(
                "occurred_at {} is ahead of the latest time allowed",
                event.occurred_at
            );
            return Outcome::DeadLettered(Rejection::new(Reason::TimeAhead, detail));
        }
        self.advance(table, event.occurred_at, derived);
        if self.is_late(event) {
            return Outcome::Late;
        }
        match &event.customer {
            Some(customer) if event.kind() != Kind::FeedHeartbeat => {
                self.apply(table, customer.as_str(), event, derived)
            }
            // A heartbeat of a feed concerns no customer: it has moved the clock, and that is all.
            Some(_) | None => Outcome::Applied,
        }
    }

    /// An erasure is never late: to be forgotten does not lapse.
    fn is_late(&self, event: &Event) -> bool {
        if event.kind() == Kind::CustomerErased {
            return false;
        }
        let rules: &Rules = self.processor().borrow();
        let allowed = rules.definition().feeds.allowed_lateness(&event.source);
        self.stream_time()
            .is_some_and(|now| event.occurred_at + allowed < now)
    }
}
