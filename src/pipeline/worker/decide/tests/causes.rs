//! Which record has brought an alert.

use super::*;

const LOGGED_IN: &str = r#"{"type":"digital.logged_in"}"#;
const WITHDRAWN: &str = r#"{"type":"application.withdrawn"}"#;
const REPLIED: &str =
    r#"{"type":"survey.replied","instrument":"NPS","score":9,"respondent":"ann"}"#;

#[test]
fn an_alert_is_brought_by_the_record_whose_event_it_shows_and_by_no_timer() {
    let mut rig = after(&[submitted(0, "a", 2), submitted(1, "b", 2)]);
    let late = first_due(&rig);
    // The first record lets the timers of both fire; the second closes what they have raised for one of them.
    let login = event(
        2,
        "c",
        &(late + Duration::from_hours(1)).to_string(),
        LOGGED_IN,
    );
    let withdrawn = event(
        3,
        "a",
        &(late + Duration::from_hours(2)).to_string(),
        WITHDRAWN,
    );
    let step = rig.busy(&[login, withdrawn]).expect("good");
    assert_eq!(alerted(&step), ["a", "b", "a"]);
    let causes = [0, 1, 2].map(|alert| step.causes.of_alert(alert));
    assert_eq!(causes, [None, None, Some(1)]);
}

#[test]
fn what_a_tick_raises_is_brought_by_nobody() {
    let mut rig = after(&[submitted(0, "a", 2)]);
    let tick = rig.tick(first_due(&rig));
    assert_eq!((tick.alerts.len(), tick.causes.of_alert(0)), (1, None));
}

#[test]
fn a_delta_is_brought_by_its_reply() {
    let mut rig = Rig::new(1);
    let reply = event(1, "a", "2026-03-02T10:00:00Z", REPLIED);
    let step = rig.busy(&[submitted(0, "a", 2), reply]).expect("good");
    assert!(!step.deltas.is_empty());
    let causes = (0..step.deltas.len()).map(|delta| step.causes.of_delta(delta));
    assert!(causes.eq(step.deltas.iter().map(|_| Some(1))));
}
