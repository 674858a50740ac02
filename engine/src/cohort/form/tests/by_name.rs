//! A cohort as a reader of its published schema must see it: each value under the name of its field.
//!
//! Written a second time, after `schemas/cohort.avsc` and not after the code that writes: fields of one type that change
//! places in writing and in reading alike would come back as they went, and mean something else to everybody else.

use std::fmt::Debug;

use apache_avro::types::Value;

use crate::cohort::state::Track;
use crate::cohort::watch::{Phase, Reply, Watch};
use crate::cohort::{Cohort, Detector, Tally};
use crate::event::Day;

/// Returns what is to be read.
pub(super) fn cohort(cohort: &Cohort) -> Value {
    let tracks =
        cohort.tracks.iter().map(|(series, track)| {
            let Track {
                window,
                waves,
                waiting,
                watch,
            } = track;
            let instrument = series.instrument;
            let name = format!("{instrument:?}").to_uppercase();
            let instrument = Value::Enum(instrument as u32, name);
            record([
                ("instrument", instrument),
                ("touchpoint", Value::String(series.touchpoint.to_string())),
                (
                    "score_dimension",
                    Value::String(series.score_dimension.to_string()),
                ),
                ("closing", nullable(window.closing.map(date))),
                (
                    "days",
                    array(window.days.iter().map(|(day, counts)| {
                        record([("day", date(*day)), ("tally", tally(counts))])
                    })),
                ),
                (
                    "ahead",
                    array(window.ahead.iter().map(|((opens, day), counts)| {
                        let (opens, day) = (date(*opens), date(*day));
                        record([("opens", opens), ("day", day), ("tally", tally(counts))])
                    })),
                ),
                (
                    "waves",
                    array(waves.0.iter().map(|(period, counts)| {
                        let (from, to) = (date(period.from), date(period.to));
                        record([("from", from), ("to", to), ("tally", tally(counts))])
                    })),
                ),
                ("waiting", array(waiting.in_order().iter().map(reply))),
                ("watch", nullable(watch.as_ref().map(watch_of))),
            ])
        });
    record([("series", array(tracks))])
}

fn watch_of(watch: &Watch) -> Value {
    let (seen, branch, phase) = match &watch.phase {
        Phase::Learning { seen, episode } => {
            let episode = episode.as_ref().map(|it| {
                record([
                    ("opened_by", reply(&it.opened_by)),
                    ("direction", symbol(it.direction as u32, it.direction)),
                ])
            });
            (seen, 0, record([("episode", nullable(episode))]))
        }
        Phase::Watching {
            origin,
            fall,
            rise,
            seen,
        } => {
            let (fall, rise) = (detector(fall), detector(rise));
            let origin = symbol(*origin as u32, origin);
            let phase = record([("origin", origin), ("fall", fall), ("rise", rise)]);
            (seen, 1, phase)
        }
    };
    record([
        ("target", nullable(watch.target.map(Value::Double))),
        ("seen", tally(seen)),
        ("phase", Value::Union(branch, Box::new(phase))),
    ])
}

fn reply(reply: &Reply) -> Value {
    let hash = reply.event_hash.0.to_vec();
    record([
        (
            "occurred_at",
            Value::TimestampMillis(reply.occurred_at.as_millis()),
        ),
        ("event_hash", Value::Fixed(hash.len(), hash)),
        ("category", symbol(reply.category as u32, reply.category)),
    ])
}

fn detector(detector: &Detector) -> Value {
    let bets = array(detector.bets.iter().copied().map(Value::Double));
    let reference = Value::Double(detector.reference);
    record([("reference", reference), ("bets", bets)])
}

fn tally(tally: &Tally) -> Value {
    let count = |number: u32| Value::Long(number.into());
    record([
        ("promoters", count(tally.promoters)),
        ("passives", count(tally.passives)),
        ("detractors", count(tally.detractors)),
    ])
}

fn date(day: Day) -> Value {
    Value::Date(day.0)
}

/// A variant, by its place and by the name that it has in the schema.
fn symbol(place: u32, variant: impl Debug) -> Value {
    Value::Enum(place, format!("{variant:?}").to_lowercase())
}

fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let named = fields.map(|(name, value)| (name.to_owned(), value));
    Value::Record(named.into())
}

fn array(items: impl Iterator<Item = Value>) -> Value {
    Value::Array(items.collect())
}

fn nullable(value: Option<Value>) -> Value {
    value.map_or(Value::Union(0, Box::new(Value::Null)), |value| {
        Value::Union(1, Box::new(value))
    })
}
