//! When a row happened: RFC 3339, or local texts in a named zone.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use waymark_engine::event::{Reason, Rejection, Timestamp};

use super::template::{Column, Template, Values};

/// How a mapping reads the time of an event.
#[derive(Debug)]
pub(super) enum Moment {
    /// RFC 3339 with an offset.
    Rfc3339(Template),
    /// The first reading that succeeds; texts without an offset are local to the zone.
    Local {
        zone: TimeZone,
        readings: Vec<Reading>,
    },
}

/// A text and its form, as `strftime` writes it; a form without a time of day means the start of the day.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) text: Template,
    pub(super) format: Box<str>,
}

impl Moment {
    /// Reads the time of a row.
    pub(super) fn read<'n>(
        &self,
        values: &Values<'_>,
        name: impl Fn(Column) -> &'n str,
    ) -> Result<Timestamp, Rejection> {
        match self {
            Self::Rfc3339(template) => {
                let text = template.render(values).map_err(|column| {
                    bad(format!(
                        "occurred_at is missing: column {:?} is empty",
                        name(column)
                    ))
                })?;
                Timestamp::parse(&text).map_err(|error| bad(error.to_string()))
            }
            Self::Local { zone, readings } => readings
                .iter()
                .find_map(|reading| reading.read(values, zone))
                .ok_or_else(|| bad(unreadable(readings, values))),
        }
    }
}

impl Reading {
    fn read(&self, values: &Values<'_>, zone: &TimeZone) -> Option<Timestamp> {
        let text = self.text.render(values).ok()?;
        let local = strtime::parse(&*self.format, &*text)
            .ok()?
            .to_datetime()
            .ok()?;
        let at = zone.to_zoned(local).ok()?.timestamp();
        Timestamp::from_millis(at.as_millisecond()).ok()
    }
}

fn unreadable(readings: &[Reading], values: &Values<'_>) -> String {
    match readings
        .iter()
        .find_map(|reading| reading.text.render(values).ok())
    {
        Some(text) => format!("time {text:?} has none of the formats of the mapping"),
        None => "occurred_at is missing: its columns are empty".to_owned(),
    }
}

/// Says what is wrong with a format, if anything.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    let some_day = jiff::civil::date(2024, 2, 29).at(23, 59, 58, 0);
    let zoned = TimeZone::UTC
        .to_zoned(some_day)
        .map_err(|error| error.to_string())?;
    let text = strtime::format(format, &zoned).map_err(|error| error.to_string())?;
    let read = strtime::parse(format, &text).and_then(|time| time.to_datetime());
    read.map(|_| ()).map_err(|error| error.to_string())
}

fn bad(detail: String) -> Rejection {
    Rejection::new(Reason::BadTime, detail)
}
