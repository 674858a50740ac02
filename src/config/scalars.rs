//! Values as people type them: texts, lengths of time, numbers of bytes, addresses.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::{SignedDuration, SpanRelativeTo};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use ureq::http::Uri;

/// A text. Whoever types a number or a truth value means its letters: `session.timeout.ms: 6000`, a password of digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct Text(pub(super) String);

/// A length of time, longer than zero: `100 ms`, `5 min`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// A number of bytes, more than zero: `32 MiB`, `64 KiB`, or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) usize);

/// Where to listen, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Http(pub(super) Option<SocketAddr>);

impl Default for Http {
    fn default() -> Self {
        Self(Some(SocketAddr::from(([0, 0, 0, 0], 9464))))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
        }
        from.deserialize_any(Read)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(from)?;
        parse_span(&text).map(Self).map_err(Error::custom)
    }
}

/// Reads a length of time longer than zero: `100ms`, `5 min`, `1h 30m`, `7d`. A day has 24 hours.
///
/// # Errors
/// What to write instead.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let span = text.parse::<jiff::Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|span| Duration::try_from(span).ok())
        .filter(|span| !span.is_zero())
        .ok_or_else(|| {
            format!(
                "{text:?} is no length of time: write a number above 0 and a unit, such as 100ms, 5s or 10m"
            )
        })
}

/// Returns the address of a server that is asked by HTTP, without a slash at the end; none if it is no such address.
pub(super) fn web_address(text: &str) -> Option<String> {
    let uri = text.parse::<Uri>().ok()?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.authority().is_some() && uri.query().is_none() && !text.contains('#');
    (is_web && is_plain).then(|| text.trim_end_matches('/').to_owned())
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let span = SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX);
        to.collect_str(&format_args!("{span:#}"))
    }
}

pub(super) const MIB: usize = 1 << 20;
const SIZE_UNITS: [(&str, usize); 3] = [("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)];

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(from)?;
        let mut units = SIZE_UNITS.iter();
        let (number, unit) = units
            .find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))
            .unwrap_or((&text, 1));
        let number = number.trim().parse::<usize>().ok();
        number
            .and_then(|number| number.checked_mul(unit))
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or_else(|| {
                Error::custom(format_args!(
                    "{text:?} is no number of bytes: write a number above 0, alone or with KiB, MiB or GiB"
                ))
            })
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let whole = SIZE_UNITS
            .iter()
            .find(|(_, unit)| self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => to.collect_str(&format_args!("{} {name}", self.0 / unit)),
            None => to.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Http {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Text::deserialize(from)?.0.as_str() {
            "off" | "false" => Ok(Self(None)),
            text => text
                .parse()
                .map(|address| Self(Some(address)))
                .map_err(|_| {
                    Error::custom(format_args!(
                        "{text:?} is no address to listen at: write such as 0.0.0.0:9464, or off"
                    ))
                }),
        }
    }
}

impl Serialize for Http {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => to.collect_str(&address),
            None => to.serialize_str("off"),
        }
    }
}
