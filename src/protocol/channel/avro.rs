//! What one stage tells the next as Avro, after `schemas/delta.avsc`: a union of deltas and clock records.
//!
//! What is written is the bare datum; framing is the publisher's part. It says the same as the JSON form, field by field.
//! Reading is total and takes the schema of whoever wrote it; sizes are bounded by the bytes at hand.

use std::borrow::Cow;
use std::io::BufRead;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;
use waymark_engine::derived::{Category, CohortName, Delta, Series};
use waymark_engine::event::{Day, EventHash, Instrument, Rejection, Timestamp};

use super::{Offset, ShardId, Told, What, unreadable};

/// Elements of one list. Ours has none; a later one's is passed over, and its elements may take no bytes at all.
const ELEMENTS_MAX: usize = 1_024;

/// Returns the schema of deltas and clock records, `schemas/delta.avsc`.
pub fn delta_schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
        include_str!("../../../schemas/delta.avsc")
            .parse()
            .expect("our schema is a literal, checked by a test")
    });
    &SCHEMA
}

impl Told<'_> {
    /// Writes the record as an Avro datum of [`delta_schema`], behind what is there.
    pub fn encode_avro(&self, to: &mut Vec<u8>) {
        let mut config = SerializerConfig::new(delta_schema());
        serde_avro_fast::to_datum(&ToldForm::of(self), to, &mut config)
            .expect("the form is the schema in Rust, checked by a test, and memory does not fail");
    }
}

impl Told<'static> {
    /// Reads a record from an Avro datum, written with `schema`.
    ///
    /// # Errors
    /// [`Rejection`] if it is nothing that a stage tells.
    pub fn decode_avro(datum: &[u8], schema: &Schema) -> Result<Self, Rejection> {
        let mut config = DeserializerConfig::new(schema);
        config.max_seq_size = ELEMENTS_MAX;
        let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
        let form = ToldForm::deserialize(state.deserializer())
            .map_err(|error| unreadable(error.to_string()))?;
        match state.into_reader().fill_buf() {
            Ok([]) => {}
            _ => return Err(unreadable("bytes follow the record")),
        }
        form.read()
            .ok_or_else(|| unreadable("a field of the record is impossible"))
    }
}

/// The union; its variants bear the full names of their records.
#[derive(Serialize, Deserialize)]
enum ToldForm<'a> {
    #[serde(rename = "io.waymark.delta.Delta", borrow)]
    Delta(DeltaForm<'a>),
    #[serde(rename = "io.waymark.delta.Clock")]
    Clock(ClockForm),
}

#[derive(Serialize, Deserialize)]
struct DeltaForm<'a> {
    upstream_shard: ShardId,
    number: u64,
    #[serde(borrow)]
    event_hash: Cow<'a, str>,
    occurred_at: i64,
    #[serde(borrow)]
    cohort: CohortForm<'a>,
    instrument: Instrument,
    #[serde(borrow)]
    touchpoint: Cow<'a, str>,
    #[serde(borrow)]
    score_dimension: Cow<'a, str>,
    from: Option<Category>,
    from_day: Option<i32>,
    to: Option<Category>,
    score: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct CohortForm<'a> {
    #[serde(borrow)]
    dimension: Cow<'a, str>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
struct ClockForm {
    upstream_shard: ShardId,
    number: u64,
    position: Offset,
    stream_time: i64,
    tick: bool,
}

impl<'a> ToldForm<'a> {
    fn of(told: &'a Told<'_>) -> Self {
        let Told {
            upstream_shard,
            number,
            what,
        } = told;
        match what {
            What::Delta(delta) => Self::Delta(DeltaForm::of(*upstream_shard, *number, delta)),
            What::Clock {
                position,
                stream_time,
                tick,
            } => Self::Clock(ClockForm {
                upstream_shard: *upstream_shard,
                number: *number,
                position: *position,
                stream_time: stream_time.as_millis(),
                tick: *tick,
            }),
        }
    }

    fn read(self) -> Option<Told<'static>> {
        match self {
            Self::Delta(form) => Some(Told {
                upstream_shard: form.upstream_shard,
                number: form.number,
                what: What::Delta(Cow::Owned(form.read()?)),
            }),
            Self::Clock(form) => Some(Told {
                upstream_shard: form.upstream_shard,
                number: form.number,
                what: What::Clock {
                    position: form.position,
                    stream_time: Timestamp::from_millis(form.stream_time).ok()?,
                    tick: form.tick,
                },
            }),
        }
    }
}

impl<'a> DeltaForm<'a> {
    fn of(upstream_shard: ShardId, number: u64, delta: &'a Delta) -> Self {
        let Delta {
            event_hash,
            occurred_at,
            cohort,
            series,
            from,
            from_day,
            to,
            score,
        } = delta;
        Self {
            upstream_shard,
            number,
            event_hash: event_hash.to_string().into(),
            occurred_at: occurred_at.as_millis(),
            cohort: CohortForm {
                dimension: cohort.dimension().into(),
                value: cohort.value().into(),
            },
            instrument: series.instrument,
            touchpoint: (&*series.touchpoint).into(),
            score_dimension: (&*series.score_dimension).into(),
            from: *from,
            from_day: from_day.map(|Day(day)| day),
            to: *to,
            score: *score,
        }
    }

    fn read(self) -> Option<Delta> {
        Some(Delta {
            event_hash: EventHash::from_hex(&self.event_hash)?,
            occurred_at: Timestamp::from_millis(self.occurred_at).ok()?,
            cohort: CohortName::new(&self.cohort.dimension, &self.cohort.value),
            series: Series {
                instrument: self.instrument,
                touchpoint: self.touchpoint.into(),
                score_dimension: self.score_dimension.into(),
            },
            from: self.from,
            from_day: match self.from_day {
                Some(number) => Some(Day::from_number(number)?),
                None => None,
            },
            to: self.to,
            score: self.score,
        })
    }
}
