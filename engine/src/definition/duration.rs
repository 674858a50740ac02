//! Elapsed time as people type it: `90s`, `10m`, `24h`, `5d`, `2w`.
//!
//! A day is 86,400 seconds, whatever clocks and calendars do. Business and civil units will have other names, so that
//! one text never means two lengths.

use std::time::Duration;

const DAY: u64 = 86_400;

const UNITS: [(&str, u64); 5] = [
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

// Long enough for any promise to a customer, short enough that no sum leaves the calendar.
const DAYS_MAX: u64 = 36_500;

/// Why a text is not a duration, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DurationError {
    pub(super) message: String,
    pub(super) help: String,
}

/// Reads a duration longer than zero.
///
/// # Errors
/// [`DurationError`], fit to be shown to whoever typed it.
pub(super) fn parse(text: &str) -> Result<Duration, DurationError> {
    let duration = parse_or_zero(text)?;
    if duration.is_zero() {
        return Err(error(
            format!("{text:?} is no time at all"),
            "write at least 1s, such as 10m or 5d",
        ));
    }
    Ok(duration)
}

/// Reads a duration; zero is one, written `0s` or with any other unit.
///
/// # Errors
/// [`DurationError`], as for [`parse`].
pub(super) fn parse_or_zero(text: &str) -> Result<Duration, DurationError> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = seconds_in(unit).ok_or_else(|| unknown_unit(text, number, unit))?;
    let number: u64 = match number.parse() {
        Ok(number) => number,
        Err(_) if number.is_empty() => {
            return Err(error(format!("{text:?} is not a duration"), EXAMPLES));
        }
        Err(_) => u64::MAX,
    };
    match number.checked_mul(seconds) {
        Some(total) if total <= DAYS_MAX * DAY => Ok(Duration::from_secs(total)),
        _ => Err(error(
            format!("{text:?} is longer than a hundred years"),
            "write at most 36500d",
        )),
    }
}

/// Writes a duration as it would be typed: `5d`, `24h`, `90s`; fractions of a second are cut off.
pub(super) fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    // People say 24h, 36h and 14d: days begin at two, and weeks are never said.
    let fits = |unit: u64| {
        seconds.is_multiple_of(unit) && seconds >= if unit == DAY { 2 * DAY } else { unit }
    };
    UNITS[1..].iter().find(|(_, unit)| fits(*unit)).map_or_else(
        || "0s".to_owned(),
        |(name, unit)| format!("{}{name}", seconds / unit),
    )
}

const EXAMPLES: &str = "write a whole number and a unit (s, m, h, d, w), such as 10m, 24h or 5d";

fn seconds_in(unit: &str) -> Option<u64> {
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, seconds)| *seconds)
}

fn unknown_unit(text: &str, number: &str, unit: &str) -> DurationError {
    let number = if number.is_empty() { "5" } else { number };
    let message = format!("{text:?} is not a duration");
    match unit.trim().to_lowercase().as_str() {
        "bd" | "b" => error(
            format!("{text:?}: business days are not known here"),
            format!("write elapsed time, such as {number}d for {number} times 24 hours"),
        ),
        "mo" | "month" | "months" | "y" | "year" | "years" => error(
            format!("{text:?}: months and years have no fixed length"),
            "write days, such as 30d, 90d or 365d",
        ),
        "" if number == "0" || text.is_empty() => error(message, EXAMPLES),
        "" => error(
            format!("{text:?} has no unit"),
            format!("write {number}d for days, {number}h for hours or {number}m for minutes"),
        ),
        "day" | "days" | "hour" | "hours" | "week" | "weeks" | "min" | "mins" | "minute"
        | "minutes" | "sec" | "secs" | "second" | "seconds" => {
            let first = &unit.trim().to_lowercase()[..1];
            error(message, format!("write {number}{first}"))
        }
        _ => error(message, EXAMPLES),
    }
}

fn error(message: String, help: impl Into<String>) -> DurationError {
    DurationError {
        message,
        help: help.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_86_400_seconds_and_a_week_is_seven_of_them() {
        assert_eq!(parse("5d"), Ok(Duration::from_hours(120)));
        assert_eq!(parse("2w"), Ok(Duration::from_hours(14 * 24)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("10m"), parse("600s"));
    }

    #[test]
    fn what_is_refused_says_what_to_write() {
        let help = |text: &str| parse(text).expect_err(text).help;
        assert_eq!(
            help("5bd"),
            "write elapsed time, such as 5d for 5 times 24 hours"
        );
        assert_eq!(help("1mo"), "write days, such as 30d, 90d or 365d");
        assert_eq!(help("0d"), "write at least 1s, such as 10m or 5d");
        assert_eq!(
            help("5"),
            "write 5d for days, 5h for hours or 5m for minutes"
        );
        assert_eq!(help("5 days"), "write 5d");
        assert_eq!(help("99999999999999999999d"), "write at most 36500d");
        for text in ["", "d", "-5d", "5.5d", "1d12h", "٣d"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_time() {
        for text in ["1s", "90s", "10m", "24h", "36h", "14d"] {
            assert_eq!(show(parse(text).expect(text)), text);
        }
        assert_eq!(parse_or_zero(&show(Duration::ZERO)), Ok(Duration::ZERO));
    }
}
