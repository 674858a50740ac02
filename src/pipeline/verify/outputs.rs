//! What a deployment has published, as far as it must be remembered to be compared: 64 bits of hash for each record and
//! the place where it stands, some 50 bytes an alert.
//!
//! Channels of `deltas` are checked while they are read: their records carry 1, 2, 3, … without gap or repeat.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};

use rdkafka::message::{BorrowedMessage, Headers, Message};
use serde::Deserialize;
use waymark_engine::event::{Reason, Timestamp};

use super::VerifyError;
use super::log::Log;
use crate::config::Deployment;
use crate::pipeline::stage::{CohortStage, CustomerStage, Stage};
use crate::protocol::{Offset, ShardId};

/// Where a published record stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) partition: ShardId,
    pub(super) offset: Offset,
}

/// A published record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    pub(super) hash: u64,
    pub(super) place: Place,
}

/// Everything that was published.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    pub(super) alerts: Unique<AlertKey, Published>,
    pub(super) scores: Unique<ScoreKey, Published>,
    pub(super) channels: BTreeMap<ShardId, Channels>,
    pub(super) strange_deltas: Vec<Place>,
    pub(super) dead_letters: Unique<Origin, SetAside>,
    pub(super) late: Unique<Origin, SetAside>,
}

/// Identity of a transition: alert id and sequence.
pub(super) type AlertKey = (u128, u32);
/// Identity of a score: its key.
pub(super) type ScoreKey = Vec<u8>;
/// Which stage set a record aside, and where that had stood in the stage's source.
pub(super) type Origin = (&'static str, ShardId, Offset);
/// The source of a stage, and its name.
type Source = (String, &'static str);

/// Things that must be there once.
#[derive(Debug)]
pub(super) struct Unique<K, V> {
    pub(super) once: HashMap<K, V>,
    pub(super) again: Vec<(K, V)>,
    /// Records that nobody of ours would write.
    pub(super) strange: Vec<Place>,
}

/// What one upstream shard told.
#[derive(Debug, Default)]
pub(super) struct Channels {
    /// Its deltas on each partition, in order, with their numbers.
    pub(super) deltas: BTreeMap<ShardId, Vec<(u64, Published)>>,
    /// Its ticks, as the first partition tells them.
    pub(super) ticks: Vec<(u64, Tick)>,
    /// The number of the last record on each partition.
    pub(super) last: BTreeMap<ShardId, u64>,
    /// Numbers that are missing, and numbers told again.
    pub(super) gaps: Vec<(ShardId, u64)>,
    pub(super) repeats: Vec<(ShardId, u64)>,
}

/// An idle tick: where stream time was moved after everything below a position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    pub(super) position: Offset,
    pub(super) to: Timestamp,
}

/// A record set aside.
#[derive(Debug, Clone)]
pub(super) struct SetAside {
    pub(super) reason: Option<String>,
    /// Hash of its value; none if it was kept by its coordinates only.
    pub(super) value: Option<u64>,
    pub(super) place: Place,
}

/// Reasons that only the deployment itself knows: what made it crash, and which schemas nobody knew at that time.
const ITS_OWN: [Reason; 2] = [Reason::Poison, Reason::UnknownSchema];

impl Outputs {
    /// Reads all outputs to their settled ends.
    pub(super) fn read(log: &Log<'_>, deployment: &Deployment) -> Result<Self, VerifyError> {
        let mut outputs = Self::default();
        log.read_all(&deployment.alerts(), &mut |record| outputs.alert(record))?;
        log.read_all(&deployment.deltas(), &mut |record| outputs.told(record))?;
        log.read_all(&deployment.scores(), &mut |record| outputs.score(record))?;
        let sources = [
            (deployment.events(), CustomerStage::NAME),
            (deployment.deltas(), CohortStage::NAME),
        ];
        log.read_all(&deployment.dead_letter(), &mut |record| {
            outputs.dead_letters.set_aside(record, &sources);
        })?;
        log.read_all(&deployment.late(), &mut |record| {
            outputs.late.set_aside(record, &sources);
        })?;
        Ok(outputs)
    }

    /// Returns the offsets of a shard's records that were set aside for a reason that nobody else can know.
    pub(super) fn given_up(&self, stage: &str, shard: ShardId) -> HashMap<Offset, Reason> {
        let found = self.dead_letters.once.iter();
        let found = found.filter(|((of, at, _), _)| *of == stage && *at == shard);
        let given_up = found.filter_map(|((.., offset), it)| {
            let of_that = |reason: &&Reason| it.reason.as_deref() == Some(reason.code());
            let reason = ITS_OWN.iter().find(of_that)?;
            Some((*offset, *reason))
        });
        given_up.collect()
    }

    fn alert(&mut self, record: &BorrowedMessage<'_>) {
        #[derive(Deserialize)]
        struct Head<'a> {
            alert_id: &'a str,
            sequence: u32,
        }
        let Some(value) = record.payload() else {
            return; // a tombstone: somebody asked for an alert to be forgotten
        };
        let place = Place::of(record);
        let head = serde_json::from_slice::<Head<'_>>(value).ok();
        let key = head.and_then(|head| {
            let id = u128::from_str_radix(head.alert_id, 16).ok()?;
            Some((id, head.sequence))
        });
        let hash = hash(value);
        self.alerts.put(key, place, Published { hash, place });
    }

    fn score(&mut self, record: &BorrowedMessage<'_>) {
        let (key, place) = (record.key().map(<[u8]>::to_vec), Place::of(record));
        let hash = hash(record.payload().unwrap_or_default());
        self.scores.put(key, place, Published { hash, place });
    }

    fn told(&mut self, record: &BorrowedMessage<'_>) {
        let value = record.payload().unwrap_or_default();
        let place = Place::of(record);
        let Ok(heard) = serde_json::from_slice::<Heard>(value) else {
            return self.strange_deltas.push(place);
        };
        let channels = self.channels.entry(heard.upstream_shard).or_default();
        if channels.count(place.partition, heard.number) {
            let hash = hash(value);
            channels.keep(&heard, Published { hash, place });
        }
    }
}

/// A record of `deltas`, as far as its channel and the clock are concerned.
#[derive(Debug, Deserialize)]
struct Heard {
    upstream_shard: ShardId,
    number: u64,
    #[serde(flatten)]
    what: HeardWhat,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HeardWhat {
    Delta {},
    Clock {
        position: Offset,
        stream_time: Timestamp,
        tick: bool,
    },
}

impl Channels {
    /// Takes down a number; returns whether it is new.
    fn count(&mut self, partition: ShardId, number: u64) -> bool {
        let last = self.last.entry(partition).or_default();
        if number <= *last {
            self.repeats.push((partition, number));
            return false;
        }
        self.gaps
            .extend((*last + 1..number).map(|missing| (partition, missing)));
        *last = number;
        true
    }

    fn keep(&mut self, heard: &Heard, published: Published) {
        let partition = published.place.partition;
        match heard.what {
            HeardWhat::Delta {} => {
                let deltas = self.deltas.entry(partition).or_default();
                deltas.push((heard.number, published));
            }
            HeardWhat::Clock {
                position,
                stream_time: to,
                tick: true,
            } if partition == ShardId(0) => self.ticks.push((heard.number, Tick { position, to })),
            HeardWhat::Clock { .. } => {}
        }
    }
}

impl<K: Eq + std::hash::Hash, V> Unique<K, V> {
    fn put(&mut self, key: Option<K>, place: Place, value: V) {
        match key {
            None => self.strange.push(place),
            Some(key) if self.once.contains_key(&key) => self.again.push((key, value)),
            Some(key) => {
                self.once.insert(key, value);
            }
        }
    }
}

impl Unique<Origin, SetAside> {
    fn set_aside(&mut self, record: &BorrowedMessage<'_>, sources: &[Source]) {
        let place = Place::of(record);
        let origin = || {
            let topic = header(record, "__connect.errors.topic")?;
            let (_, stage) = sources.iter().find(|(source, _)| source == topic)?;
            let partition = header(record, "__connect.errors.partition")?.parse().ok()?;
            let offset = header(record, "__connect.errors.offset")?.parse().ok()?;
            Some((*stage, ShardId(partition), Offset(offset)))
        };
        let reason = header(record, "waymark-reason").map(str::to_owned);
        let value = record.payload().map(hash);
        let set_aside = SetAside {
            reason,
            value,
            place,
        };
        self.put(origin(), place, set_aside);
    }
}

/// Returns the last header of that name: ours stand behind those that the record had.
fn header<'a>(record: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    let headers = record.headers()?;
    let place = (0..headers.count()).rfind(|place| headers.get(*place).key == name)?;
    str::from_utf8(headers.get(place).value?).ok()
}

/// 64 bits that differ for any two records that a mistake could confuse.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

impl Place {
    fn of(record: &BorrowedMessage<'_>) -> Self {
        Self {
            partition: ShardId(record.partition()),
            offset: Offset(record.offset()),
        }
    }
}

impl<K, V> Default for Unique<K, V> {
    fn default() -> Self {
        Self {
            once: HashMap::new(),
            again: Vec::new(),
            strange: Vec::new(),
        }
    }
}
