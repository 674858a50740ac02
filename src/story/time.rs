//! The clock of a story, and times as stories write them.
//!
//! Messages are for whoever wrote the text; where it stands is told by the caller.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};
use waymark_engine::event::Timestamp;

/// The clock of a story while it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Timestamp);

impl Clock {
    pub(super) fn at(start: Timestamp) -> Self {
        Self(start)
    }

    pub(super) fn now(self) -> Timestamp {
        self.0
    }

    /// Reads a time: `now`, one relative to the clock such as `-2h`, or RFC 3339.
    pub(super) fn time(self, text: &str) -> Result<Timestamp, String> {
        match (text, text.split_at_checked(1)) {
            ("now", _) => Ok(self.0),
            (_, Some(("-", back))) => duration(back).map(|back| self.0 - back),
            (_, Some(("+", ahead))) => duration(ahead).map(|ahead| self.0 + ahead),
            _ => Timestamp::parse(text).map_err(|_| {
                format!("{text:?} is not a time: write now, -2h, +10m or 2026-03-02T09:30:00Z")
            }),
        }
    }

    pub(super) fn advance(&mut self, by: &str) -> Result<(), String> {
        self.0 = self.0 + duration(by)?;
        Ok(())
    }

    pub(super) fn advance_to(&mut self, text: &str) -> Result<(), String> {
        let to = self.time(text)?;
        if to <= self.0 {
            let now = self.0;
            return Err(format!(
                "{text:?} is not later than the story's clock, {now}"
            ));
        }
        self.0 = to;
        Ok(())
    }
}

/// Reads elapsed time: `25h`, `10m`, `1d 2h`. A day has 24 hours.
fn duration(text: &str) -> Result<Duration, String> {
    let span: Option<Span> = text.parse().ok();
    let elapsed = span
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|elapsed| Duration::try_from(elapsed).ok());
    elapsed.filter(|elapsed| !elapsed.is_zero()).ok_or_else(|| {
        format!("{text:?} is not a length of time, such as 90s, 10m, 25h, 5d or 1d 2h")
    })
}
