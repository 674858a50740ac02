//! What one stage tells the next: deltas and clock records, each numbered on its channel.
//!
//! A channel is one shard of the stage before and one partition of `deltas`. Its records carry 1, 2, 3, … without gaps, so
//! that the reader knows a repeat from a loss. The form is JSON, one flat object for each record, or Avro (chapter `avro`);
//! an unknown field is passed over, so that a later release may tell more.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use waymark_engine::derived::{Category, CohortName, Delta, Series};
use waymark_engine::event::{Day, EventHash, Instrument, Reason, Rejection, Timestamp};

use super::{Offset, ShardId};

mod avro;

pub use avro::delta_schema;

/// A record of `deltas`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told<'a> {
    /// Who tells it.
    pub upstream_shard: ShardId,
    /// Its number on this channel.
    pub number: u64,
    /// What is told.
    #[serde(flatten)]
    pub what: What<'a>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What<'a> {
    /// A fact for one cohort.
    Delta(Cow<'a, Delta>),
    /// How far the shard's clock is.
    Clock {
        /// V: the next record of the source to read.
        position: Offset,
        /// Stream time.
        stream_time: Timestamp,
        /// Whether an idle tick has moved it: a run that repeats this one must do the same at the same place.
        tick: bool,
    },
}

impl Told<'static> {
    /// Reads a record in JSON.
    ///
    /// # Errors
    /// [`Rejection`] if it is nothing that a stage tells.
    pub fn decode(value: &[u8]) -> Result<Self, Rejection> {
        // Checked at once; from bytes each text would be checked for itself, which takes a third longer.
        let text = str::from_utf8(value).map_err(|error| unreadable(error.to_string()))?;
        let flat: Flat<'_> =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let (upstream_shard, number) = (flat.upstream_shard, flat.number);
        let what = flat
            .read()
            .ok_or_else(|| unreadable("a field of the record is missing or impossible"))?;
        Ok(Self {
            upstream_shard,
            number,
            what,
        })
    }
}

fn unreadable(detail: impl Into<String>) -> Rejection {
    Rejection::new(Reason::Unreadable, detail.into())
}

/// Both sorts of records at once. Reading into this takes a third of the time that a tagged enum takes: such a one is
/// first read into a tree of values.
#[derive(Deserialize)]
struct Flat<'a> {
    r#type: Sort,
    upstream_shard: ShardId,
    number: u64,
    #[serde(borrow)]
    event_hash: Option<Lent<'a>>,
    occurred_at: Option<Timestamp>,
    #[serde(borrow)]
    cohort: Option<FlatCohort<'a>>,
    instrument: Option<Instrument>,
    #[serde(borrow)]
    touchpoint: Option<Lent<'a>>,
    #[serde(borrow)]
    score_dimension: Option<Lent<'a>>,
    from: Option<Category>,
    #[serde(borrow)]
    from_day: Option<Lent<'a>>,
    to: Option<Category>,
    score: Option<i64>,
    position: Option<Offset>,
    stream_time: Option<Timestamp>,
    tick: Option<bool>,
}

/// A text that stays in the bytes it is read from, unless it has escapes. An option of a plain `Cow` is always copied.
#[derive(Deserialize)]
#[serde(transparent)]
struct Lent<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sort {
    Delta,
    Clock,
}

#[derive(Deserialize)]
struct FlatCohort<'a> {
    #[serde(borrow)]
    dimension: Lent<'a>,
    #[serde(borrow)]
    value: Lent<'a>,
}

impl Flat<'_> {
    fn read(self) -> Option<What<'static>> {
        match self.r#type {
            Sort::Delta => self.delta().map(Cow::Owned).map(What::Delta),
            Sort::Clock => Some(What::Clock {
                position: self.position?,
                stream_time: self.stream_time?,
                tick: self.tick?,
            }),
        }
    }

    fn delta(self) -> Option<Delta> {
        let cohort = self.cohort?;
        let from_day = match self.from_day {
            Some(Lent(text)) => Some(text.parse::<Day>().ok()?),
            None => None,
        };
        Some(Delta {
            event_hash: EventHash::from_hex(&self.event_hash?.0)?,
            occurred_at: self.occurred_at?,
            cohort: CohortName::new(&cohort.dimension.0, &cohort.value.0),
            series: Series {
                instrument: self.instrument?,
                touchpoint: self.touchpoint?.0.into(),
                score_dimension: self.score_dimension?.0.into(),
            },
            from: self.from,
            from_day,
            to: self.to,
            score: self.score,
        })
    }
}

#[cfg(test)]
mod tests;
