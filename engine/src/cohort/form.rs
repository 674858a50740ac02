//! The stored form of a cohort: Avro single-object bytes, as `schemas/cohort.avsc` describes them.
//!
//! The structs below are the schema in Rust; they are kept apart from the working state so that either can change
//! without the other. Equal states have equal bytes, for everything lies in order. Reading is total: bytes of another
//! schema, impossible times and numbers are refused, and sizes are bounded by the bytes at hand.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_avro_fast::{
    Schema, from_single_object_slice, ser::SerializerConfig, to_single_object_vec,
};

use crate::derived::{Category, Series};
use crate::event::{Day, EventHash, Instrument, Text, Timestamp, TimestampError};

use super::state::Track;
use super::watch::{Episode, Origin, Phase, Reply, Watch};
use super::waves::Waves;
use super::window::Window;
use super::{Cohort, Detector, Direction, Period, Tally};

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    include_str!("../../../schemas/cohort.avsc")
        .parse()
        .expect("the schema is a literal, checked by a test")
});

/// Why bytes are not the state of a cohort.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// They are not of this schema.
    #[error("cohort state is unreadable")]
    Unreadable(#[from] serde_avro_fast::de::DeError),
    /// A time in them can't be.
    #[error("cohort state holds an impossible time")]
    Time(#[from] TimestampError),
    /// A detector in them can't be.
    #[error("cohort state holds {0} bets of a detector, or one that is no positive number")]
    Bets(usize),
}

impl Cohort {
    /// Returns the bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let series = self.tracks.iter().map(TrackForm::of).collect();
        to_single_object_vec(&CohortForm { series }, &mut SerializerConfig::new(&SCHEMA))
            .expect("the form is the schema in Rust, checked by a test, and memory does not fail")
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for anything but what [`Cohort::encode`] returns.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let form: CohortForm = from_single_object_slice(bytes, &SCHEMA)?;
        let tracks: Result<_, DecodeError> = form.series.into_iter().map(TrackForm::read).collect();
        Ok(Self { tracks: tracks? })
    }
}

#[derive(Serialize, Deserialize)]
struct CohortForm {
    series: Vec<TrackForm>,
}

#[derive(Serialize, Deserialize)]
struct TrackForm {
    instrument: Instrument,
    touchpoint: Text,
    score_dimension: Text,
    closing: Option<i32>,
    days: Vec<DayForm>,
    ahead: Vec<AheadForm>,
    waves: Vec<WaveForm>,
    waiting: Vec<ReplyForm>,
    watch: Option<WatchForm>,
}

#[derive(Serialize, Deserialize)]
struct DayForm {
    day: i32,
    tally: Tally,
}

#[derive(Serialize, Deserialize)]
struct AheadForm {
    opens: i32,
    day: i32,
    tally: Tally,
}

#[derive(Serialize, Deserialize)]
struct WaveForm {
    from: i32,
    to: i32,
    tally: Tally,
}

#[derive(Serialize, Deserialize)]
struct ReplyForm {
    occurred_at: i64,
    event_hash: HashForm,
    category: Category,
}

#[derive(Serialize, Deserialize)]
struct WatchForm {
    target: Option<f64>,
    seen: Tally,
    phase: PhaseForm,
}

/// A union; its variants bear the full names of their records.
#[derive(Serialize, Deserialize)]
enum PhaseForm {
    #[serde(rename = "io.waymark.cohort.Learning")]
    Learning(LearningForm),
    #[serde(rename = "io.waymark.cohort.Watching")]
    Watching(WatchingForm),
}

#[derive(Serialize, Deserialize)]
struct LearningForm {
    episode: Option<EpisodeForm>,
}

#[derive(Serialize, Deserialize)]
struct WatchingForm {
    origin: Origin,
    fall: DetectorForm,
    rise: DetectorForm,
}

#[derive(Serialize, Deserialize)]
struct EpisodeForm {
    opened_by: ReplyForm,
    direction: Direction,
}

#[derive(Serialize, Deserialize)]
struct DetectorForm {
    reference: f64,
    bets: Vec<f64>,
}

impl TrackForm {
    fn of((series, track): (&Series, &Track)) -> Self {
        let window = &track.window;
        Self {
            instrument: series.instrument,
            touchpoint: series.touchpoint.clone(),
            score_dimension: series.score_dimension.clone(),
            closing: window.closing.map(|day| day.0),
            days: window.days.iter().map(DayForm::of).collect(),
            ahead: window.ahead.iter().map(AheadForm::of).collect(),
            waves: track.waves.0.iter().map(WaveForm::of).collect(),
            waiting: track.waiting.iter().map(ReplyForm::of).collect(),
            watch: track.watch.as_ref().map(WatchForm::of),
        }
    }

    fn read(self) -> Result<(Series, Track), DecodeError> {
        let series = Series {
            instrument: self.instrument,
            touchpoint: self.touchpoint,
            score_dimension: self.score_dimension,
        };
        let window = Window {
            closing: self.closing.map(Day),
            days: self.days.into_iter().map(DayForm::read).collect(),
            ahead: self.ahead.into_iter().map(AheadForm::read).collect(),
        };
        let waiting: Result<_, DecodeError> =
            self.waiting.into_iter().map(ReplyForm::read).collect();
        let track = Track {
            window,
            waves: Waves(self.waves.into_iter().map(WaveForm::read).collect()),
            waiting: waiting?,
            watch: self.watch.map(WatchForm::read).transpose()?,
        };
        Ok((series, track))
    }
}

impl DayForm {
    fn of((day, tally): (&Day, &Tally)) -> Self {
        Self {
            day: day.0,
            tally: *tally,
        }
    }

    fn read(self) -> (Day, Tally) {
        (Day(self.day), self.tally)
    }
}

impl AheadForm {
    fn of(((opens, day), tally): (&(Day, Day), &Tally)) -> Self {
        Self {
            opens: opens.0,
            day: day.0,
            tally: *tally,
        }
    }

    fn read(self) -> ((Day, Day), Tally) {
        ((Day(self.opens), Day(self.day)), self.tally)
    }
}

impl WaveForm {
    fn of((period, tally): (&Period, &Tally)) -> Self {
        Self {
            from: period.from.0,
            to: period.to.0,
            tally: *tally,
        }
    }

    fn read(self) -> (Period, Tally) {
        let period = Period {
            from: Day(self.from),
            to: Day(self.to),
        };
        (period, self.tally)
    }
}

impl ReplyForm {
    fn of(reply: &Reply) -> Self {
        Self {
            occurred_at: reply.occurred_at.as_millis(),
            event_hash: HashForm(reply.event_hash),
            category: reply.category,
        }
    }

    fn read(self) -> Result<Reply, DecodeError> {
        Ok(Reply {
            occurred_at: Timestamp::from_millis(self.occurred_at)?,
            event_hash: self.event_hash.0,
            category: self.category,
        })
    }
}

impl WatchForm {
    fn of(watch: &Watch) -> Self {
        let (seen, phase) = PhaseForm::of(&watch.phase);
        Self {
            target: watch.target,
            seen,
            phase,
        }
    }

    fn read(self) -> Result<Watch, DecodeError> {
        Ok(Watch {
            target: self.target,
            phase: self.phase.read(self.seen)?,
        })
    }
}

impl PhaseForm {
    fn of(phase: &Phase) -> (Tally, Self) {
        match phase {
            Phase::Learning { seen, episode } => {
                let episode = episode.as_ref().map(EpisodeForm::of);
                (*seen, Self::Learning(LearningForm { episode }))
            }
            Phase::Watching {
                origin,
                fall,
                rise,
                seen,
            } => {
                let watching = WatchingForm {
                    origin: *origin,
                    fall: DetectorForm::of(fall),
                    rise: DetectorForm::of(rise),
                };
                (*seen, Self::Watching(watching))
            }
        }
    }

    fn read(self, seen: Tally) -> Result<Phase, DecodeError> {
        Ok(match self {
            Self::Learning(form) => Phase::Learning {
                seen,
                episode: form.episode.map(EpisodeForm::read).transpose()?,
            },
            Self::Watching(form) => Phase::Watching {
                origin: form.origin,
                fall: form.fall.read(Direction::Fall)?,
                rise: form.rise.read(Direction::Rise)?,
                seen,
            },
        })
    }
}

impl EpisodeForm {
    fn of(episode: &Episode) -> Self {
        Self {
            opened_by: ReplyForm::of(&episode.opened_by),
            direction: episode.direction,
        }
    }

    fn read(self) -> Result<Episode, DecodeError> {
        Ok(Episode {
            opened_by: self.opened_by.read()?,
            direction: self.direction,
        })
    }
}

impl DetectorForm {
    fn of(detector: &Detector) -> Self {
        Self {
            reference: detector.reference,
            bets: detector.bets.to_vec(),
        }
    }

    fn read(self, direction: Direction) -> Result<Detector, DecodeError> {
        let sound = self.bets.iter().all(|bet| bet.is_finite() && *bet >= 0.0);
        let bets = self.bets.try_into().map_err(|bets: Vec<f64>| bets.len());
        match bets {
            Ok(bets) if sound => Ok(Detector {
                direction,
                reference: self.reference,
                bets,
            }),
            Ok(bets) => Err(DecodeError::Bets(bets.len())),
            Err(count) => Err(DecodeError::Bets(count)),
        }
    }
}

/// An event hash as eight bytes.
struct HashForm(EventHash);

impl Serialize for HashForm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.0)
    }
}

impl<'de> Deserialize<'de> for HashForm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = HashForm;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("eight bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<HashForm, E> {
                let hash = bytes
                    .try_into()
                    .map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(HashForm(EventHash(hash)))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
