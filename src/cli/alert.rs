//! An alert in one line, as `waymark tap` and the end of a replay show it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::words::{reason, subject};

/// What is there to be copied, not read.
const ASIDE: Style = Style::new().dimmed();

/// Writes an alert, given in its JSON form, and ends the line.
///
/// # Errors
/// If `to` can't take it.
pub(super) fn write_alert(to: &mut dyn Write, alert: &Value) -> io::Result<()> {
    let say = |key: &str| alert[key].as_str().unwrap_or("-");
    let (status, level) = (say("status"), alert["level"].as_str());
    let colour = colour(status, level).on_default();
    let level = level.map(|level| format!(" {level}")).unwrap_or_default();
    writeln!(
        to,
        "{} {colour}{}{level} {status}{colour:#}  {}: {} {ASIDE}[{}-{}]{ASIDE:#}",
        say("occurred_at"),
        say("kind"),
        subject(alert),
        reason(alert),
        say("alert_id"),
        alert["sequence"],
    )
}

fn colour(status: &str, level: Option<&str>) -> AnsiColor {
    match (status, level) {
        ("raised" | "updated", Some("at_risk")) => AnsiColor::Yellow,
        ("raised" | "updated", _) => AnsiColor::Red,
        _ => AnsiColor::Green,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_takes_one_line_with_its_reason_and_its_id() {
        let alert = json!({ "alert_id": "29ab", "sequence": 2, "kind": "application_stalled", "level": "breached",
            "status": "updated", "customer_id": "C0051", "application_id": "loan-1",
            "occurred_at": "2026-09-11T10:30:17.000Z", "details": { "stage": "risk_review", "elapsed": "5d",
            "limit": "5d" } });
        let mut line = Vec::new();
        write_alert(&mut anstream::StripStream::new(&mut line), &alert).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            "2026-09-11T10:30:17.000Z application_stalled breached updated  customer C0051, application loan-1: \
             in risk_review for 5d, the limit [29ab-2]\n"
        );
    }
}
