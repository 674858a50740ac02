//! What records amount to: those of applications, of alerts, of scores, and those that cannot be read.

use serde_json::json;
use waymark_engine::event::{ApplicationId, EventHash, Kind};
use waymark_engine::journey::{Application, Moment, Visit};

use super::*;

fn seen() -> Seen {
    Seen::new(&Definition::shipped_default())
}

fn stalled(status: &str, level: &str) -> Vec<u8> {
    let alert = json!({ "alert_id": "a", "kind": "application_stalled", "status": status,
        "level": level, "details": { "stage": "offer" } });
    alert.to_string().into_bytes()
}

fn at_stage(stage: Option<&str>) -> Vec<u8> {
    let (at, by) = (Timestamp::MIN, EventHash([1; 8]));
    let mut application = Application::new(ApplicationId::parse("loan-1").unwrap());
    if let Some(stage) = stage {
        application.enter(Visit {
            stage: stage.into(),
            since: at,
            by,
        });
    } else {
        let kind = Kind::FundsDisbursed;
        application.ended = Some(Moment { at, kind, by });
    }
    let journey = Journey {
        applications: vec![application],
        ..Journey::default()
    };
    journey.encode()
}

#[test]
fn an_application_counts_where_it_stands_now() {
    let mut seen = seen();
    let standing = |seen: &Seen| -> Vec<String> {
        let stages = seen.stages.iter().filter(|stage| stage.applications > 0);
        stages.map(|stage| stage.name.to_string()).collect()
    };
    let key = [CHANGE_KEY, b'C'];
    seen.customer(&key, Some(&at_stage(Some("offer"))));
    assert_eq!(standing(&seen), ["offer"]);
    seen.customer(&key, Some(&at_stage(Some("a stage of their own"))));
    assert_eq!(standing(&seen), ["other"]);
    seen.customer(&key, Some(&at_stage(Some("another of their own"))));
    assert_eq!(standing(&seen), ["other"], "one for all of them");
    seen.customer(&key, Some(&at_stage(None)));
    assert!(standing(&seen).is_empty());
    assert_eq!(seen.ended["funds.disbursed"], 1);
    seen.customer(&key, None);
    assert_eq!(
        (seen.ended["funds.disbursed"], seen.known_customers()),
        (0, 0)
    );
}

#[test]
fn a_stalled_application_is_slow_then_late_then_neither() {
    let mut seen = seen();
    seen.alert(&stalled("raised", "at_risk"));
    assert_eq!(seen.stalled("offer"), (1, 0));
    seen.alert(&stalled("updated", "breached"));
    assert_eq!(seen.stalled("offer"), (0, 1));
    seen.alert(&stalled("resolved", "breached"));
    assert_eq!(seen.stalled("offer"), (0, 0));
    assert_eq!(seen.alerts["application_stalled"]["updated"], 1);
    assert_eq!(seen.take_alerts().len(), 3);
    assert!(seen.take_alerts().is_empty());
}

#[test]
fn a_cohort_has_fallen_as_long_as_the_alert_on_its_fall_is_open() {
    let cohort = |dimension: &str| json!({ "dimension": dimension, "value": "harbour" });
    let shift = |id: &str, direction: &str, status: &str| {
        let alert = json!({ "alert_id": id, "kind": "nps_shift", "status": status,
            "cohort": cohort("branch"), "details": { "direction": direction } });
        alert.to_string().into_bytes()
    };
    let mut seen = seen();
    seen.alert(&shift("a", "rise", "raised"));
    assert!(!seen.has_fallen(&cohort("branch")), "it rose");
    seen.alert(&shift("b", "fall", "raised"));
    assert!(seen.has_fallen(&cohort("branch")));
    assert!(!seen.has_fallen(&cohort("product")), "of the same name");
    seen.alert(&shift("b", "fall", "resolved"));
    assert!(!seen.has_fallen(&cohort("branch")));
}

#[test]
fn the_last_closed_day_of_a_cohort_counts_whatever_order_they_come_in() {
    let mut seen = seen();
    let score = |day: &str, value: &str| {
        let cohort = json!({ "dimension": "branch", "value": value });
        json!({ "cohort": cohort, "instrument": "nps", "to": day }).to_string()
    };
    for (day, value) in [
        ("2026-01-09", "a"),
        ("2026-01-10", "a"),
        ("2026-01-08", "a"),
    ] {
        seen.score(score(day, value).as_bytes());
    }
    seen.score(score("2026-01-01", "b").as_bytes());
    let days: Vec<_> = seen.scores.values().map(|score| &score["to"]).collect();
    assert_eq!(days, ["2026-01-10", "2026-01-01"]);
}

#[test]
fn what_cannot_be_read_changes_nothing() {
    let mut seen = seen();
    seen.alert(b"no json");
    seen.score(b"");
    seen.customer(&[CHANGE_KEY, b'C'], Some(b"no journey"));
    seen.customer(PROGRESS_KEY, Some(b"{}"));
    assert_eq!((seen.transitions, seen.begun()), (0, (0, 0)));
    assert!(seen.stages.iter().all(|stage| stage.applications == 0));
}
