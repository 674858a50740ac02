//! What a deployment has published, as far as it must be remembered to be compared: 64 bits of hash for each record and
//! the place where it stands, some 50 bytes an alert.
//!
//! Channels of `deltas` are checked while they are read: their records carry 1, 2, 3, … without gap or repeat, and every
//! partition tells the same clocks as the first.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hasher};

use rdkafka::message::{BorrowedMessage, Message};
use serde::Deserialize;
use serde_avro_fast::Schema;
use waymark_engine::event::{Reason, Timestamp};

use super::VerifyError;
use super::log::Log;
use crate::config::Deployment;
use crate::kafka::last_header;
use crate::pipeline::stage::{CohortStage, CustomerStage, Opened, Schemas, Stage};
use crate::protocol::{Offset, Progress, ShardId, Told, What};
use crate::publish::{Form, Written};
use crate::registry::RegistryError;

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
    /// The numbers of the last records that each upstream shard has told by its last known step.
    said: BTreeMap<ShardId, Vec<u64>>,
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
    /// Its clocks up to its last known step, as the first partition tells them.
    pub(super) clocks: Vec<Clock>,
    /// Which of them each other partition tells next.
    next_clocks: BTreeMap<ShardId, usize>,
    /// Clocks of other partitions that the first does not tell there.
    pub(super) odd_clocks: Vec<OddClock>,
    /// Clocks of steps that came after the last one we know of.
    pub(super) later_clocks: Vec<Published>,
    /// The number of the last record on each partition.
    pub(super) last: BTreeMap<ShardId, u64>,
    /// Numbers that are missing, and numbers told again.
    pub(super) gaps: Vec<(ShardId, u64)>,
    pub(super) repeats: Vec<(ShardId, u64)>,
}

/// A clock record: where stream time stood after everything below a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) position: Offset,
    pub(super) stream_time: Timestamp,
    /// Whether an idle tick has moved it there.
    pub(super) tick: bool,
}

/// A clock that differs from what the first partition tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct OddClock {
    pub(super) place: Place,
    pub(super) told: Clock,
    /// What the first partition tells there; none if it tells no more.
    pub(super) first: Option<Clock>,
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
    /// Reads all outputs to their settled ends. `upstream` are the last known steps of those who tell `deltas`.
    pub(super) fn read<'p>(
        log: &Log<'_>,
        deployment: &Deployment,
        upstream: impl Iterator<Item = &'p Progress>,
    ) -> Result<Self, VerifyError> {
        let (mut outputs, schemas) = (Self::default(), &log.schemas);
        outputs.said = upstream
            .map(|last| (last.shard, last.channels.clone()))
            .collect();
        log.read_all(&deployment.alerts(), &mut |it| outputs.alert(it, schemas))?;
        log.read_all(&deployment.deltas(), &mut |it| outputs.told(it, schemas))?;
        log.read_all(&deployment.scores(), &mut |it| outputs.score(it, schemas))?;
        let sources = [
            (deployment.events(), CustomerStage::NAME),
            (deployment.deltas(), CohortStage::NAME),
        ];
        log.read_all(&deployment.dead_letter(), &mut |record| {
            outputs.dead_letters.set_aside(record, &sources);
            Ok(())
        })?;
        log.read_all(&deployment.late(), &mut |record| {
            outputs.late.set_aside(record, &sources);
            Ok(())
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

    fn alert(
        &mut self,
        record: &BorrowedMessage<'_>,
        schemas: &Schemas,
    ) -> Result<(), RegistryError> {
        if record.payload().is_none() {
            return Ok(()); // a tombstone: somebody asked for an alert to be forgotten
        }
        let opened = schemas.open(record)?;
        let key = opened.as_ref().ok().and_then(alert_key);
        let published = Published::of(record, opened.as_ref().ok());
        self.alerts.put(key, published.place, published);
        Ok(())
    }

    fn score(
        &mut self,
        record: &BorrowedMessage<'_>,
        schemas: &Schemas,
    ) -> Result<(), RegistryError> {
        let opened = schemas.open(record)?;
        let published = Published::of(record, opened.as_ref().ok());
        let key = record.key().map(<[u8]>::to_vec);
        self.scores.put(key, published.place, published);
        Ok(())
    }

    fn told(
        &mut self,
        record: &BorrowedMessage<'_>,
        schemas: &Schemas,
    ) -> Result<(), RegistryError> {
        let opened = schemas.open(record)?;
        let published = Published::of(record, opened.as_ref().ok());
        let Ok(told) = opened.and_then(|opened| opened.told()) else {
            self.strange_deltas.push(published.place);
            return Ok(());
        };
        let channels = self.channels.entry(told.upstream_shard).or_default();
        if channels.count(published.place.partition, told.number) {
            let said = self.said.get(&told.upstream_shard);
            let said = said.and_then(|said| said.get(published.place.partition.index()));
            channels.keep(&told, published, said.copied().unwrap_or_default());
        }
        Ok(())
    }
}

/// Reads which transition of which alert this is.
fn alert_key(opened: &Opened<'_>) -> Option<AlertKey> {
    #[derive(Deserialize)]
    struct Head<'a> {
        alert_id: &'a str,
        sequence: u32,
    }
    let head: Head<'_> = match opened {
        Opened::Bare(value) => serde_json::from_slice(value).ok()?,
        Opened::Datum(datum, schema) => serde_avro_fast::from_datum_slice(datum, schema).ok()?,
        Opened::Sealed(_) => return None,
    };
    let id = u128::from_str_radix(head.alert_id, 16).ok()?;
    Some((id, head.sequence))
}

impl Published {
    fn of(record: &BorrowedMessage<'_>, opened: Option<&Opened<'_>>) -> Self {
        let hash = match opened {
            Some(Opened::Datum(datum, schema)) => hash_of_datum(datum, schema),
            Some(Opened::Bare(_) | Opened::Sealed(_)) | None => {
                hash(record.payload().unwrap_or_default())
            }
        };
        let place = Place::of(record);
        Self { hash, place }
    }

    /// Returns whether the record says this, byte for byte, in either form: a topic may hold both.
    pub(super) fn says<W: Written>(self, what: &W) -> bool {
        let mut bytes = Vec::new();
        what.encode_avro(&mut bytes);
        if self.hash == hash_of_datum(&bytes, W::schema()) {
            return true;
        }
        Form::Json.write(what, &mut bytes);
        self.hash == hash(&bytes)
    }
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

    /// Keeps what was told; `said` is the number of the last record of a known step on that partition.
    fn keep(&mut self, told: &Told<'_>, published: Published, said: u64) {
        match told.what {
            What::Delta(_) => {
                let deltas = self.deltas.entry(published.place.partition).or_default();
                deltas.push((told.number, published));
            }
            What::Clock { .. } if told.number > said => self.later_clocks.push(published),
            What::Clock {
                position,
                stream_time,
                tick,
            } => {
                let clock = Clock {
                    position,
                    stream_time,
                    tick,
                };
                self.clock(clock, published.place);
            }
        }
    }

    /// The first partition is read first, and all must tell the same: of the others only what differs is kept. One that is
    /// passed over has left a gap in the numbers, which says so.
    fn clock(&mut self, told: Clock, place: Place) {
        if place.partition == ShardId(0) {
            self.clocks.push(told);
            return;
        }
        let next = self.next_clocks.entry(place.partition).or_default();
        let to_come = &self.clocks[*next..];
        let mut not_behind = to_come.iter().take_while(|it| it.position <= told.position);
        if let Some(passed_over) = not_behind.position(|it| *it == told) {
            *next += passed_over + 1;
        } else {
            let first = to_come.first().copied();
            self.odd_clocks.push(OddClock { place, told, first });
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

/// Returns the last header of that name, if it is text: ours stand behind those that the record had.
fn header<'a>(record: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    str::from_utf8(last_header(record, name)??).ok()
}

/// 64 bits that differ for any two records that a mistake could confuse.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The same for a datum, and for what it says that it was written with.
fn hash_of_datum(datum: &[u8], schema: &Schema) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(schema.rabin_fingerprint());
    hasher.write(datum);
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

#[cfg(test)]
mod tests;
