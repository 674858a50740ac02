//! The cohort stage: what the customer stage tells of single replies, and of its clocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::Message;
use waymark_engine::cohort::{Cohort, Cohorts};
use waymark_engine::definition::Shift;
use waymark_engine::derived::Delta;
use waymark_engine::event::{EventHash, Reason, Rejection, Text, Timestamp};
use waymark_engine::stage::{Derived, Outcome, Shard, Table};

use super::{Foreseen, Item, Schemas, Stage, Stored, Strays, Unreadable};
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
#[derive(Debug, Clone)]
pub(crate) struct News {
    told: Told<'static>,
    /// Name of the cohort that a delta concerns.
    cohort: Option<Text>,
}

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
    type Input = News;
    type State = Cohort;
    type Processor = Cohorts;
    type Gate = Ear;

    fn processor(&self) -> &Arc<Cohorts> {
        &self.cohorts
    }

    fn decode(&self, record: &impl Message) -> Result<Result<News, Rejection>, RegistryError> {
        Ok(self.schemas.decode_told(record)?.map(News::of))
    }

    fn key(news: &News) -> Option<&str> {
        news.cohort.as_deref()
    }

    fn event(news: &News) -> Option<EventHash> {
        match &news.told.what {
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

    fn foresee<'i>(&self, ear: &Ear, item: &'i Item<News>) -> Option<Foreseen<'i>> {
        let news = item.decoded.as_ref().ok()?;
        if item.condemned.is_some() {
            return None;
        }
        let Told {
            upstream_shard,
            number,
            what,
        } = &news.told;
        match ear.upstreams.listen(*upstream_shard, *number) {
            Heard::Before | Heard::Stranger => return None,
            Heard::Next | Heard::Behind(_) => {}
        }
        let reaches = match what {
            What::Delta(_) => None,
            What::Clock { stream_time, .. } => ear
                .upstreams
                .stream_time_with(*upstream_shard, *stream_time),
        };
        Some(Foreseen {
            reaches,
            key: news.cohort.as_deref(),
        })
    }

    fn pass(&self, ear: &mut Ear, item: &Item<News>) {
        if let Ok(news) = &item.decoded {
            ear.hear(&news.told);
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
        let news = match &item.decoded {
            Ok(news) => news,
            Err(rejection) => return Outcome::DeadLettered(rejection.clone()),
        };
        match ear.hear(&news.told) {
            Heard::Before => return Outcome::Duplicate,
            Heard::Stranger => return stranger(news.told.upstream_shard),
            Heard::Next => {}
            Heard::Behind(missing) => ear.missing += missing,
        }
        if let Some(rejection) = &item.condemned {
            return Outcome::DeadLettered(rejection.clone());
        }
        match (&news.told.what, &news.cohort) {
            (What::Delta(delta), Some(key)) => self.count(ear, engine, table, key, delta, derived),
            (What::Delta(_), None) | (What::Clock { .. }, _) => {
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

impl News {
    fn of(told: Told<'static>) -> Self {
        let cohort = match &told.what {
            What::Delta(delta) => Some(delta.cohort.key().into()),
            What::Clock { .. } => None,
        };
        Self { told, cohort }
    }
}

impl CohortStage {
    fn count(
        &self,
        ear: &mut Ear,
        engine: &mut Shard<Arc<Cohorts>>,
        table: &mut Table<Cohort>,
        key: &str,
        delta: &Delta,
        derived: &mut Derived,
    ) -> Outcome {
        if table.has_state(key) {
            return engine.apply(table, key, delta, derived);
        }
        let dimension = &delta.cohort.dimension;
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
            *ear.cohorts.entry(dimension.clone()).or_default() += 1;
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
