//! The cohort stage: what the customer stage tells of single replies, and of its clocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::Message;
use waymark_engine::cohort::{Cohort, Cohorts};
use waymark_engine::definition::Shift;
use waymark_engine::derived::Delta;
use waymark_engine::event::{EventHash, Reason, Rejection, Text, Timestamp};
use waymark_engine::stage::{Derived, Outcome, Shard, Table};

use super::{Item, Schemas, Stage, Stored, Strays, Unreadable};
use crate::protocol::{Heard, Progress, ShardId, Told, Upstreams, What};
use crate::registry::RegistryError;

/// The cohort stage of a definition.
pub(crate) struct CohortStage {
    pub(crate) cohorts: Arc<Cohorts>,
    /// What the stage before may have written with.
    pub(crate) schemas: Schemas,
    /// Shards of the customer stage.
    pub(crate) upstream_shards: u32,
}

/// What was told, and by whom.
type News = Told<'static>;

/// What has been heard, and how many cohorts there are.
#[derive(Debug, Clone)]
pub(crate) struct Ear {
    upstreams: Upstreams,
    cohorts: BTreeMap<Text, u32>,
    missing: u64,
}

impl Stage for CohortStage {
    const NAME: &'static str = "cohort";
    const HAS_OWN_CLOCK: bool = false;
    const STATE_TELLS_DUE: bool = false;
    type Input = News;
    type State = Cohort;
    type Processor = Cohorts;
    type Gate = Ear;

    fn processor(&self) -> &Arc<Cohorts> {
        &self.cohorts
    }

    fn decode(&self, record: &impl Message) -> Result<Result<News, Rejection>, RegistryError> {
        self.schemas.decode_told(record)
    }

    fn key(told: &News) -> Option<&str> {
        match &told.what {
            What::Delta(delta) => Some(delta.cohort.key()),
            What::Clock { .. } => None,
        }
    }

    fn event(told: &News) -> Option<EventHash> {
        match &told.what {
            What::Delta(delta) => Some(delta.event_hash),
            What::Clock { .. } => None,
        }
    }

    fn alert_kinds(&self) -> Vec<Text> {
        let shift = self.cohorts.nps.shift.iter();
        shift.map(|_| Shift::KIND.into()).collect()
    }

    fn gate(&self, progress: &Progress) -> Ear {
        let upstreams = match &progress.upstreams {
            begun if begun.is_empty() => Upstreams::new(self.upstream_shards),
            known => known.clone(),
        };
        Ear {
            upstreams,
            cohorts: progress.cohorts.clone(),
            missing: 0,
        }
    }

    /// Only clocks move it, and only the one that holds the others up.
    fn reaches(&self, ear: &Ear, item: &Item<News>) -> Option<Timestamp> {
        let Ok(Told {
            upstream_shard,
            number,
            what: What::Clock { stream_time, .. },
        }) = &item.decoded
        else {
            return None;
        };
        let heard = ear.upstreams.listen(*upstream_shard, *number);
        if matches!(heard, Heard::Before | Heard::Stranger) || item.condemned.is_some() {
            return None;
        }
        ear.upstreams
            .stream_time_with(*upstream_shard, *stream_time)
    }

    fn pass(&self, ear: &mut Ear, item: &Item<News>) {
        if let Ok(told) = &item.decoded {
            ear.hear(told);
        }
    }

    fn take(
        &self,
        ear: &mut Ear,
        engine: &mut Shard<Arc<Cohorts>>,
        table: &mut Table<Cohort>,
        item: &Item<News>,
        derived: &mut Derived,
    ) -> Outcome {
        let told = match &item.decoded {
            Ok(told) => told,
            Err(rejection) => return Outcome::DeadLettered(rejection.clone()),
        };
        match ear.hear(told) {
            Heard::Before => return Outcome::Duplicate,
            Heard::Stranger => return stranger(told.upstream_shard),
            Heard::Next => {}
            Heard::Behind(missing) => ear.missing += missing,
        }
        if let Some(rejection) = &item.condemned {
            return Outcome::DeadLettered(rejection.clone());
        }
        match &told.what {
            What::Delta(delta) => self.count(ear, engine, table, delta, derived),
            What::Clock { .. } => {
                if let Some(at) = ear.upstreams.stream_time() {
                    engine.advance(table, at, derived);
                }
                Outcome::Applied
            }
        }
    }

    fn leave(&self, ear: Ear, progress: &mut Progress) -> Strays {
        progress.upstreams = ear.upstreams;
        progress.cohorts = ear.cohorts;
        Strays {
            misplaced: 0,
            missing: ear.missing,
        }
    }

    fn encode(cohort: &Cohort) -> Vec<u8> {
        cohort.encode()
    }

    fn read(&self, key: &str, bytes: &[u8]) -> Result<Stored<Cohort>, Unreadable> {
        let cohort = Cohort::decode(bytes)?;
        Ok(Stored {
            due: self.cohorts.due(key, &cohort),
            state: cohort,
        })
    }

    fn due_of(&self, key: &str, bytes: &[u8]) -> Result<Option<Timestamp>, Unreadable> {
        Ok(self.read(key, bytes)?.due)
    }
}

impl CohortStage {
    fn count(
        &self,
        ear: &mut Ear,
        engine: &mut Shard<Arc<Cohorts>>,
        table: &mut Table<Cohort>,
        delta: &Delta,
        derived: &mut Derived,
    ) -> Outcome {
        let key = delta.cohort.key();
        if table.has_state(key) {
            return engine.apply(table, key, delta, derived);
        }
        let dimension = delta.cohort.dimension();
        let known = ear.cohorts.get(dimension).copied().unwrap_or_default();
        if self
            .cohorts
            .values_max(dimension)
            .is_some_and(|max| known >= max)
        {
            return no_room(dimension, known);
        }
        let outcome = engine.apply(table, key, delta, derived);
        if table.has_state(key) {
            ear.cohorts.insert(dimension.into(), known + 1);
        }
        outcome
    }
}

impl Ear {
    /// Takes down a number, and with it a clock.
    fn hear(&mut self, told: &Told<'_>) -> Heard {
        let heard = self.upstreams.hear(told.upstream_shard, told.number);
        let is_new = matches!(heard, Heard::Next | Heard::Behind(_));
        if let (true, What::Clock { stream_time, .. }) = (is_new, &told.what) {
            self.upstreams.set_clock(told.upstream_shard, *stream_time);
        }
        heard
    }
}

fn stranger(shard: ShardId) -> Outcome {
    let detail = format!("there is no shard {shard} in the stage before");
    Outcome::DeadLettered(Rejection::new(Reason::WrongShard, detail))
}

fn no_room(dimension: &str, known: u32) -> Outcome {
    let detail =
        format!("there are {known} cohorts of dimension {dimension} in this shard already");
    Outcome::DeadLettered(Rejection::new(Reason::LimitExceeded, detail))
}
