//! Points in time and civil days, as plain numbers with a type.
//!
//! A [`Timestamp`] counts milliseconds since the Unix epoch, UTC. Its range is years 1970 to 9999, so that sums with any
//! duration of a definition can't overflow. No clock is read here.

use std::fmt;
use std::ops::{Add, RangeInclusive, Sub};
use std::time::Duration;

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

/// Why a number or a text is not a usable [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Before 1970 or after 9999.
    #[error("time {0} ms is outside the years 1970 to 9999")]
    OutOfRange(i64),
    /// Not RFC 3339 with an offset.
    #[error("time {0:?} is not RFC 3339 with an offset, such as 2026-03-02T09:30:00Z")]
    NotRfc3339(Box<str>),
}

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const MIN: Timestamp = Timestamp(0);
    /// 9999-12-30T00:00:00Z: a day short of the year's end, for the same instant must have a name in every zone.
    pub const MAX: Timestamp = Timestamp(253_402_128_000_000);

    /// Checks a number of milliseconds since the epoch.
    ///
    /// # Errors
    /// [`TimestampError::OutOfRange`] outside [`Timestamp::MIN`] to [`Timestamp::MAX`].
    pub fn from_millis(millis: i64) -> Result<Self, TimestampError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&millis) {
            Ok(Self(millis))
        } else {
            Err(TimestampError::OutOfRange(millis))
        }
    }

    /// Reads RFC 3339 with an offset; digits beyond the millisecond are cut off.
    ///
    /// # Errors
    /// [`TimestampError`], naming the text or the number.
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let at: jiff::Timestamp = text
            .parse()
            .map_err(|_| TimestampError::NotRfc3339(text.chars().take(64).collect()))?;
        Self::from_millis(at.as_millisecond())
    }

    /// Returns milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the time passed since `earlier`, zero if `earlier` lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Returns this instant as jiff knows it, for calendars and zones.
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).expect("our range lies inside jiff's")
    }
}

/// Saturates at [`Timestamp::MAX`]: a due time beyond the calendar never comes.
impl Add<Duration> for Timestamp {
    type Output = Timestamp;
    fn add(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(millis).min(Self::MAX.0))
    }
}

/// Saturates at [`Timestamp::MIN`].
impl Sub<Duration> for Timestamp {
    type Output = Timestamp;
    fn sub(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(millis).max(Self::MIN.0))
    }
}

/// RFC 3339, UTC, milliseconds: `2026-03-02T09:30:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.to_jiff())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text for people's formats (JSON, YAML), a number for Avro (`timestamp-millis`).
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // serde_avro_fast calls itself human readable; the Avro forms therefore use `millis` field by field.
        serializer.collect_str(self)
    }
}

/// Accepts integer milliseconds or RFC 3339 with an offset.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("milliseconds since 1970 or RFC 3339 with an offset")
            }
            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Timestamp::from_millis(millis).map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                self.visit_i64(i64::try_from(millis).unwrap_or(i64::MAX))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

const DAY_MILLIS: i64 = 24 * 3_600_000;

/// As UTC reads it, a zone's midnight lies less than this from where it would lie in UTC.
const FAR_MILLIS: i64 = 27 * 3_600_000;

/// A civil day, in days since 1970-01-01, in whatever zone its owner says (Avro `date`).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

impl Day {
    /// The days of years −9999 to 9999, which a calendar has.
    const CALENDAR: RangeInclusive<i32> = -4_371_587..=2_932_896;

    /// Checks a number of days since 1970-01-01; `None` if no calendar has that day.
    pub fn from_number(days: i32) -> Option<Day> {
        Self::CALENDAR.contains(&days).then_some(Day(days))
    }

    /// Returns the civil day of an instant in a zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Day {
        let local = at.0 + offset_millis(at.0, zone);
        Day(i32::try_from(local.div_euclid(DAY_MILLIS)).expect("our range has fewer days"))
    }

    /// Returns the number of a calendar date.
    pub fn of_date(date: jiff::civil::Date) -> Day {
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = date.duration_since(epoch).as_hours() / 24;
        Day(i32::try_from(days).expect("a calendar has fewer days"))
    }

    /// Returns the calendar date.
    pub fn date(self) -> jiff::civil::Date {
        let days = SignedDuration::from_hours(i64::from(self.0) * 24);
        let date = jiff::civil::date(1970, 1, 1).checked_add(days);
        date.unwrap_or(jiff::civil::Date::MAX)
    }

    /// Returns the instant at which this day begins in a zone.
    pub fn start(self, zone: &TimeZone) -> Timestamp {
        let midnight = i64::from(self.0) * DAY_MILLIS;
        // Where clocks stay as they are all around it, and they mostly do, no calendar needs to be asked.
        let [before, after] = [-1, 1].map(|sign| offset_millis(midnight + sign * FAR_MILLIS, zone));
        let begin = if before == after {
            midnight - before
        } else {
            let zoned = self.date().to_zoned(zone.clone());
            zoned.map_or(Timestamp::MAX.0, |zoned| zoned.timestamp().as_millisecond())
        };
        Timestamp(begin.clamp(Timestamp::MIN.0, Timestamp::MAX.0))
    }

    /// Returns the day `days` later, or earlier if negative.
    #[must_use]
    pub fn plus(self, days: i32) -> Day {
        Day(self.0.saturating_add(days))
    }
}

/// Returns by how much a zone's clocks are ahead of UTC at an instant.
fn offset_millis(at: i64, zone: &TimeZone) -> i64 {
    let at = jiff::Timestamp::from_millisecond(at.clamp(Timestamp::MIN.0, Timestamp::MAX.0));
    let offset = zone.to_offset(at.expect("our range lies inside jiff's"));
    i64::from(offset.seconds()) * 1_000
}

/// `2026-03-02`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.date(), f)
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A calendar date, `2026-03-02`.
impl std::str::FromStr for Day {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::of_date)
    }
}

/// Text, `2026-03-02`; the Avro forms use the number.
impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_as_utc_with_milliseconds() {
        let at = Timestamp::parse("2011-10-01T00:38:44.546+02:00").expect("valid");
        assert_eq!(at.to_string(), "2011-09-30T22:38:44.546Z");
    }

    #[test]
    fn years_before_1970_and_after_9999_are_refused() {
        assert!(Timestamp::from_millis(-1).is_err());
        assert!(Timestamp::parse("1969-12-31T23:59:59Z").is_err());
        assert!(Timestamp::from_millis(i64::MAX).is_err());
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
    }

    #[test]
    fn a_day_is_one_that_the_calendar_has() {
        let ends =
            [jiff::civil::Date::MIN, jiff::civil::Date::MAX].map(|date| Day::of_date(date).0);
        assert_eq!(Day::CALENDAR, ends[0]..=ends[1]);
        assert_eq!(Day::from_number(ends[0] - 1), None);
        assert_eq!(Day::from_number(ends[1]), Some(Day(ends[1])));
    }

    /// In every zone, on the days around every change of its clocks.
    #[test]
    fn days_are_those_of_the_calendar() {
        let slow = |day: Day, zone: &TimeZone| {
            let begin = day.date().to_zoned(zone.clone()).expect("a day");
            begin.timestamp().as_millisecond()
        };
        let until = Timestamp::parse("2100-01-01T00:00:00Z").expect("valid");
        let mut changes = 0;
        for name in jiff::tz::db().available() {
            let zone = TimeZone::get(name.as_str()).expect("bundled");
            for change in zone.following(Timestamp::MIN.to_jiff()) {
                let Ok(at) = Timestamp::from_millis(change.timestamp().as_millisecond()) else {
                    continue;
                };
                if at > until {
                    break;
                }
                changes += 1;
                let date = zone.to_datetime(at.to_jiff()).date();
                assert_eq!(Day::of(at, &zone), Day::of_date(date), "{name} {at}");
                for days in -3..=3 {
                    let day = Day::of(at, &zone).plus(days);
                    let expected = slow(day, &zone).max(Timestamp::MIN.0);
                    assert_eq!(day.start(&zone).0, expected, "{name} {day}");
                }
            }
        }
        assert!(changes > 10_000, "{changes}");
    }

    #[test]
    fn a_day_begins_at_midnight_of_its_zone_also_when_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").expect("bundled");
        let at = Timestamp::parse("2011-10-30T12:00:00+01:00").expect("valid");
        let day = Day::of(at, &berlin);
        assert_eq!(day.to_string(), "2011-10-30");
        assert_eq!(day.start(&berlin).to_string(), "2011-10-29T22:00:00.000Z");
        assert_eq!(
            day.plus(1).start(&berlin).since(day.start(&berlin)),
            Duration::from_hours(25)
        );
    }
}
