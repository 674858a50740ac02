//! The newest alerts as people can follow them: a few of the many, each followed in its place to its end.
//!
//! A story in fast motion brings dozens of alerts a second. A new one gets a row only now and then, so that somebody can
//! see how it goes on: it turns from a warning into a breach and is resolved where it stands. The few that tell of a turn
//! have rows of their own, and at once.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::seen::is_turn;

/// How often a new alert gets a row.
const PACE: Duration = Duration::from_millis(500);
/// Rows kept: more than any screen shows.
const ROWS_MAX: usize = 100;
const TURNS_MAX: usize = 3;

/// What to show, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// Alerts that tell of a turn: the last few, shifts of scores before all others.
    pub(crate) turns: VecDeque<Value>,
    /// Some of the others.
    pub(crate) rows: VecDeque<Value>,
    /// When a new one got a row.
    last: Option<Duration>,
}

impl Board {
    /// Takes in a transition; `now` is how long the show has been on.
    pub(crate) fn enter(&mut self, alert: Value, now: Duration) {
        let same = |known: &&mut Value| known["alert_id"] == alert["alert_id"];
        let mut known = self.turns.iter_mut().chain(&mut self.rows);
        if let Some(known) = known.find(same) {
            *known = alert;
            return;
        }
        if alert["status"] != "raised" {
            return;
        }
        if is_turn(&alert) {
            let shifts = self.turns.iter().filter(|known| is_shift(known)).count();
            let place = if is_shift(&alert) { 0 } else { shifts };
            self.turns.insert(place, alert);
            self.turns.truncate(TURNS_MAX);
        } else if self.last.is_none_or(|last| now >= last + PACE) {
            self.last = Some(now);
            self.rows.push_front(alert);
            self.rows.truncate(ROWS_MAX);
        }
    }
}

/// The rarest of all, and of more people than one.
fn is_shift(alert: &Value) -> bool {
    alert["kind"] == "nps_shift"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alert(id: &str, kind: &str, status: &str) -> Value {
        json!({ "alert_id": id, "kind": kind, "status": status })
    }

    fn ids(rows: &VecDeque<Value>) -> Vec<&str> {
        rows.iter()
            .filter_map(|row| row["alert_id"].as_str())
            .collect()
    }

    #[test]
    fn an_alert_is_followed_where_it_stands_and_others_wait_for_their_turn() {
        let mut board = Board::default();
        let ms = Duration::from_millis;
        board.enter(alert("a", "application_stalled", "raised"), ms(0));
        board.enter(alert("b", "application_stalled", "raised"), ms(499));
        board.enter(alert("c", "application_stalled", "raised"), ms(500));
        assert_eq!(ids(&board.rows), ["c", "a"]);
        board.enter(alert("a", "application_stalled", "resolved"), ms(501));
        board.enter(alert("b", "application_stalled", "resolved"), ms(5_000));
        assert_eq!(ids(&board.rows), ["c", "a"]);
        assert_eq!(board.rows[1]["status"], "resolved");
    }

    #[test]
    fn what_tells_of_a_turn_comes_at_once_and_stays_for_the_last_three() {
        let mut board = Board::default();
        let turned = "promoter_turned_detractor";
        for (id, kind) in [
            ("a", turned),
            ("b", "nps_shift"),
            ("c", turned),
            ("d", turned),
        ] {
            board.enter(alert(id, kind, "raised"), Duration::ZERO);
        }
        assert_eq!(ids(&board.turns), ["b", "d", "c"], "a shift stays on top");
        assert!(board.rows.is_empty());
    }
}
