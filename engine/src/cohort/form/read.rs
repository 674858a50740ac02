//! Bytes as a cohort: the mirror of `write`.
//!
//! Whatever the bytes are, the answer is a cohort or a [`Damage`]: times, days and numbers are checked.

use crate::cohort::state::Track;
use crate::cohort::watch::{Episode, Origin, Phase, Reply, Watch};
use crate::cohort::waves::Waves;
use crate::cohort::window::Window;
use crate::cohort::{Cohort, Detector, Direction, Period, Tally};
use crate::derived::{Category, Series};
use crate::event::{Day, EventHash, Instrument, Timestamp};
use crate::stored::{Damage, Reader};

const INSTRUMENTS: [Instrument; 3] = [Instrument::Nps, Instrument::Csat, Instrument::Ces];
const CATEGORIES: [Category; 3] = [Category::Detractor, Category::Passive, Category::Promoter];
const ORIGINS: [Origin; 2] = [Origin::Target, Origin::Estimated];
const DIRECTIONS: [Direction; 2] = [Direction::Fall, Direction::Rise];

/// Reads a cohort of the schema that this release writes.
pub(super) fn cohort(from: &mut Reader<'_>) -> Result<Cohort, Damage> {
    let tracks = from.list(track)?.into_iter().collect();
    Ok(Cohort { tracks })
}

fn track(from: &mut Reader<'_>) -> Result<(Series, Track), Damage> {
    let series = Series {
        instrument: from.symbol(&INSTRUMENTS)?,
        touchpoint: from.text()?.into(),
        score_dimension: from.text()?.into(),
    };
    let closing = from.optional(day)?;
    let days = from.list(|from| Ok((day(from)?, tally(from)?)))?;
    let ahead = from.list(|from| Ok(((day(from)?, day(from)?), tally(from)?)))?;
    let waves = from.list(|from| Ok((period(from)?, tally(from)?)))?;
    let waiting = from.list(reply)?;
    let track = Track {
        window: Window {
            closing,
            days: days.into_iter().collect(),
            ahead: ahead.into_iter().collect(),
        },
        waves: Waves(waves.into_iter().collect()),
        waiting: waiting.into_iter().collect(),
        watch: from.optional(watch)?,
    };
    Ok((series, track))
}

/// Not every number is a day that a calendar has.
fn day(from: &mut Reader<'_>) -> Result<Day, Damage> {
    let number = i32::try_from(from.long()?).ok();
    let day = number.and_then(Day::from_number);
    day.ok_or(Damage::Value("a day"))
}

fn period(from: &mut Reader<'_>) -> Result<Period, Damage> {
    Ok(Period {
        from: day(from)?,
        to: day(from)?,
    })
}

fn tally(from: &mut Reader<'_>) -> Result<Tally, Damage> {
    let mut replies =
        || u32::try_from(from.long()?).map_err(|_| Damage::Value("a number of replies"));
    Ok(Tally {
        promoters: replies()?,
        passives: replies()?,
        detractors: replies()?,
    })
}

fn reply(from: &mut Reader<'_>) -> Result<Reply, Damage> {
    Ok(Reply {
        occurred_at: Timestamp::from_millis(from.long()?).map_err(|_| Damage::TIME)?,
        event_hash: EventHash(from.fixed()?),
        category: from.symbol(&CATEGORIES)?,
    })
}

fn watch(from: &mut Reader<'_>) -> Result<Watch, Damage> {
    let target = from.optional(Reader::double)?;
    let seen = tally(from)?;
    let phase = match from.count()? {
        0 => Phase::Learning {
            seen,
            episode: from.optional(episode)?,
        },
        1 => Phase::Watching {
            origin: from.symbol(&ORIGINS)?,
            fall: detector(from, Direction::Fall)?,
            rise: detector(from, Direction::Rise)?,
            seen,
        },
        _ => return Err(Damage::UNION),
    };
    Ok(Watch { target, phase })
}

fn episode(from: &mut Reader<'_>) -> Result<Episode, Damage> {
    Ok(Episode {
        opened_by: reply(from)?,
        direction: from.symbol(&DIRECTIONS)?,
    })
}

/// Reads as many bets as there are stakes, each a number that a bet can be.
fn detector(from: &mut Reader<'_>, direction: Direction) -> Result<Detector, Damage> {
    let reference = from.double()?;
    let bets = from.list(Reader::double)?;
    let sound = bets.iter().all(|bet| bet.is_finite() && *bet >= 0.0);
    match bets.try_into() {
        Ok(bets) if sound => Ok(Detector {
            direction,
            reference,
            bets,
        }),
        Ok(_) | Err(_) => Err(Damage::Value("a bet of a detector")),
    }
}
