//! The customer stage: events of customers, each at home in one shard.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Message;
use waymark_engine::definition::TurnedDetractor;
use waymark_engine::event::{
    CustomerId, Decoded, Event, EventHash, Kind, Reason, Rejection, Text, Timestamp,
};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Outcome, Shard, Table};

use super::moves::{self, Move};
use super::written::Schemas;
use super::{Item, Stage, Stored, Strays, Unreadable};
use crate::failpoint;
use crate::kafka::partition_of;
use crate::protocol::{Progress, ShardId};
use crate::registry::RegistryError;

/// The customer stage of a definition.
pub(crate) struct CustomerStage {
    pub(crate) rules: Arc<Rules>,
    /// What Avro events may be written with.
    pub(crate) schemas: Schemas,
    /// How far ahead of its append time an event may be.
    pub(crate) max_skew: Duration,
}

/// Who is at home in a shard, and how many came who are not.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    shard: ShardId,
    partitions: u32,
    misplaced: u64,
}

impl Stage for CustomerStage {
    const NAME: &'static str = "customer";
    const HAS_OWN_CLOCK: bool = true;
    const STATE_TELLS_DUE: bool = true;
    type Input = Decoded;
    type State = Journey;
    type Processor = Rules;
    type Gate = Home;

    fn processor(&self) -> &Arc<Rules> {
        &self.rules
    }

    fn decode(&self, record: &impl Message) -> Result<Result<Decoded, Rejection>, RegistryError> {
        self.schemas.decode(record)
    }

    fn key(input: &Decoded) -> Option<&str> {
        match input {
            Decoded::Event(event) => customer_of(event),
            Decoded::Ignored { .. } => None,
        }
    }

    fn event(input: &Decoded) -> Option<EventHash> {
        match input {
            Decoded::Event(event) => Some(event.hash),
            Decoded::Ignored { .. } => None,
        }
    }

    fn alert_kinds(&self) -> Vec<Text> {
        let definition = self.rules.definition();
        let rules = definition.rules.iter().map(|rule| rule.raise.kind.clone());
        let turned = definition
            .nps
            .as_ref()
            .and_then(|nps| nps.turned_detractor.as_ref());
        let turned = turned.map(|_| Text::from(TurnedDetractor::KIND));
        rules.chain(turned).collect()
    }

    fn moves(&self) -> Vec<Move> {
        moves::moves(self.rules.definition())
    }

    fn move_of(&self, input: &Decoded) -> Option<Move> {
        match input {
            Decoded::Event(event) => moves::move_of(self.rules.definition(), event),
            Decoded::Ignored { .. } => None,
        }
    }

    fn gate(&self, progress: &Progress) -> Home {
        Home {
            shard: progress.shard,
            partitions: progress.partitions,
            misplaced: 0,
        }
    }

    /// The event must not be ahead of time, and belong here.
    fn reaches(&self, home: &Home, item: &Item<Decoded>) -> Option<Timestamp> {
        let Ok(Decoded::Event(event)) = &item.decoded else {
            return None;
        };
        if item.condemned.is_some() {
            return None;
        }
        let in_time = event.occurred_at <= item.appended_at + self.max_skew;
        (in_time && home.elsewhere(event).is_none()).then_some(event.occurred_at)
    }

    fn pass(&self, _: &mut Home, _: &Item<Decoded>) {}

    fn take(
        &self,
        home: &mut Home,
        engine: &mut Shard<Arc<Rules>>,
        table: &mut Table<Journey>,
        item: &Item<Decoded>,
        derived: &mut Derived,
    ) -> Outcome {
        if let Some(rejection) = &item.condemned {
            return Outcome::DeadLettered(rejection.clone());
        }
        let event = match &item.decoded {
            Ok(Decoded::Event(event)) => event,
            Ok(Decoded::Ignored { .. }) => return Outcome::Ignored,
            Err(rejection) => return Outcome::DeadLettered(rejection.clone()),
        };
        if let Some(elsewhere) = home.elsewhere(event) {
            home.misplaced += 1;
            return Outcome::DeadLettered(home.rejection(elsewhere));
        }
        failpoint::over(customer_of(event).unwrap_or_default());
        engine.take(table, event, item.appended_at + self.max_skew, derived)
    }

    fn leave(&self, home: Home, _: &mut Progress) -> Strays {
        Strays {
            misplaced: home.misplaced,
            missing: 0,
        }
    }

    fn encode(journey: &Journey) -> Vec<u8> {
        journey.encode()
    }

    fn read(&self, _: &str, bytes: &[u8]) -> Result<Stored<Journey>, Unreadable> {
        let journey = Journey::decode(bytes)?;
        Ok(Stored {
            due: journey.due,
            state: journey,
        })
    }

    fn due_of(&self, _: &str, bytes: &[u8]) -> Result<Option<Timestamp>, Unreadable> {
        Ok(Journey::due_of(bytes)?)
    }
}

fn customer_of(event: &Event) -> Option<&str> {
    event.customer.as_ref().map(CustomerId::as_str)
}

impl Home {
    /// Returns the partition of a customer who is not at home here: Java clients would put the key there. Heartbeats
    /// concern a feed and go everywhere.
    fn elsewhere(&self, event: &Event) -> Option<i32> {
        let home = partition_of(customer_of(event)?.as_bytes(), self.partitions);
        (home != self.shard.0 && event.kind() != Kind::FeedHeartbeat).then_some(home)
    }

    fn rejection(&self, home: i32) -> Rejection {
        let shard = self.shard;
        let detail = format!(
            "the customer belongs to partition {home} and the record came from partition {shard}"
        );
        Rejection::new(Reason::WrongShard, detail)
    }
}
