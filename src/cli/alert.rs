//! An alert in one line, as `waymark tap` and the end of a replay show it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::view::Mood;
use crate::words::{plain, reason, subject};

/// What is there to be copied, not read.
const ASIDE: Style = Style::new().dimmed();

/// Writes an alert, given in its JSON form, and ends the line.
///
/// # Errors
/// If `to` can't take it.
pub(super) fn write_alert(to: &mut dyn Write, alert: &Value) -> io::Result<()> {
    let say = |key: &str| plain(alert[key].as_str().unwrap_or("-"));
    let colour = Style::new().fg_color(colour(mood(alert)).map(Into::into));
    let level = alert["level"].as_str();
    let level = level.map(|level| format!(" {}", plain(level)));
    writeln!(
        to,
        "{} {colour}{}{} {}{colour:#}  {}: {} {ASIDE}[{}-{}]{ASIDE:#}",
        say("occurred_at"),
        say("kind"),
        level.unwrap_or_default(),
        say("status"),
        subject(alert),
        reason(alert),
        say("alert_id"),
        plain(&alert["sequence"].to_string()),
    )
}

/// Returns how it is with an alert after this transition.
pub(super) fn mood(alert: &Value) -> Mood {
    match (alert["status"].as_str(), alert["level"].as_str()) {
        (Some("raised" | "updated"), Some("at_risk")) => Mood::Warning,
        (Some("raised" | "updated"), _) => Mood::Bad,
        _ => Mood::Good,
    }
}

fn colour(mood: Mood) -> Option<AnsiColor> {
    match mood {
        Mood::Plain => None,
        Mood::Good => Some(AnsiColor::Green),
        Mood::Warning => Some(AnsiColor::Yellow),
        Mood::Bad => Some(AnsiColor::Red),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(alert: &Value) -> String {
        let mut line = Vec::new();
        write_alert(&mut line, alert).unwrap();
        anstream::adapter::strip_str(str::from_utf8(&line).unwrap()).to_string()
    }

    #[test]
    fn what_a_stranger_wrote_into_an_alert_moves_no_cursor() {
        let evil = "a\u{1b}[2J\nb";
        let alert = json!({ "alert_id": evil, "sequence": evil, "kind": evil, "level": evil, "status": evil,
            "customer_id": evil, "occurred_at": evil, "details": { "name": evil } });
        let mut line = Vec::new();
        write_alert(&mut line, &alert).unwrap();
        let line = String::from_utf8(line).unwrap();
        assert!(
            !line.contains("[2J\n") && !line.contains("\u{1b}[2J"),
            "{line:?}"
        );
        assert_eq!(line.lines().count(), 1, "{line:?}");
    }

    #[test]
    fn an_alert_takes_one_line_with_its_reason_and_its_id() {
        let alert = json!({ "alert_id": "29ab", "sequence": 2, "kind": "application_stalled", "level": "breached",
            "status": "updated", "customer_id": "C0051", "application_id": "loan-1",
            "occurred_at": "2026-09-11T10:30:17.000Z", "details": { "stage": "risk_review", "elapsed": "5d",
            "limit": "5d" } });
        assert_eq!(
            line(&alert),
            "2026-09-11T10:30:17.000Z application_stalled breached updated  customer C0051, application loan-1: \
             in risk_review for 5d, the limit [29ab-2]\n"
        );
    }
}
