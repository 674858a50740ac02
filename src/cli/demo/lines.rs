//! The show as lines: each transition of an alert as it comes, now and then how far we are.

use std::io::{self, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anstyle::Style;
use waymark_engine::event::Timestamp;

use crate::cli::Output;
use crate::cli::alert::write_alert;
use crate::clock::Stopwatch;
use crate::demo::{Seen, Told};

/// How often to say how far we are.
const EVERY: Duration = Duration::from_secs(5);
const FAINT: Style = Style::new().dimmed();

/// Prints the show.
pub(super) struct Lines {
    output: Output,
    since: Stopwatch,
    /// Records taken and alerts heard when the last line about the way was printed.
    before: (u64, u64),
}

impl Lines {
    /// Prints in this form.
    pub(super) fn new(output: Output) -> Self {
        Self {
            output,
            since: Stopwatch::start(),
            before: (0, 0),
        }
    }

    /// Prints what is new.
    ///
    /// # Errors
    /// If standard output can't take it.
    pub(super) fn show(
        &mut self,
        seen: &mut Seen,
        told: &Told,
        clock: Timestamp,
    ) -> io::Result<()> {
        let mut to = anstream::stdout().lock();
        for alert in seen.take_alerts() {
            match self.output {
                Output::Text => write_alert(&mut to, &alert)?,
                Output::Json => writeln!(to, "{alert}")?,
            }
        }
        let elapsed = self.since.elapsed();
        if elapsed >= EVERY && self.output == Output::Text {
            let line = self.way(seen, told, elapsed);
            writeln!(to, "{FAINT}-- {clock}: {line}{FAINT:#}")?;
            self.since = Stopwatch::start();
        }
        to.flush()
    }

    fn way(&mut self, seen: &Seen, told: &Told, elapsed: Duration) -> String {
        let now = (seen.books().received, seen.transitions);
        // The mock shows steps that are aborted afterwards: a counter may fall.
        let records = now.0.saturating_sub(self.before.0);
        let alerts = now.1.saturating_sub(self.before.1);
        self.before = now;
        let a_second = |number: u64| number as f64 / elapsed.as_secs_f64();
        let waiting = told.sent.load(Ordering::Relaxed).saturating_sub(now.0);
        format!(
            "{} records ({:.0} a second), {} transitions of alerts ({:.0} a second), {waiting} records wait",
            now.0,
            a_second(records),
            now.1,
            a_second(alerts)
        )
    }
}
