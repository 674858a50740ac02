//! Alarms, and replies that come too late for them.

use super::*;

#[test]
fn a_fall_below_the_target_is_raised_once_and_resolved_with_the_new_baseline() {
    let cohorts = cohorts(Some(30.0));
    let mut run = Run::new(&cohorts);
    let sent: Vec<_> = replies(at("2026-03-02T00:00:00Z"), 600, 2).collect();
    for delta in &sent {
        run.advance(delta.occurred_at);
        run.count(delta);
    }
    run.advance(at("2026-04-01T00:00:00Z"));

    let [raised, resolved] = &run.alerts[..] else {
        panic!("two transitions, got {:?}", run.alerts)
    };
    assert_eq!((raised.status, raised.sequence), (Status::Raised, 1));
    assert_eq!(&*raised.kind, "nps_shift");
    assert_eq!(raised.severity, Severity::Warning);
    let crossed = raised.details["replies"].parse::<usize>().unwrap();
    assert!(crossed < 20, "{crossed} detractors in a row");
    let crossing = &sent[crossed - 1];
    assert_eq!(raised.occurred_at, crossing.occurred_at);
    assert_eq!(raised.evidence[0].event_hash, crossing.event_hash);
    for (name, value) in [
        ("direction", "fall"),
        ("reference", "30.0"),
        ("reference_kind", "target"),
        ("threshold", "1000.0"),
        ("nps", "-100.0"),
        ("baseline", "learnt anew from the next 500 replies"),
    ] {
        assert_eq!(&*raised.details[name], value, "{name}");
    }
    assert!(raised.details["evidence"].parse::<f64>().unwrap() >= 1_000.0);

    assert_eq!((resolved.status, resolved.sequence), (Status::Resolved, 2));
    assert_eq!(resolved.alert_id, raised.alert_id);
    assert_eq!(
        resolved.alert_id,
        AlertId::derive(
            "nps-shift",
            &["cohort", "branch", "17", "NPS", "", ""],
            crossing.event_hash
        )
    );
    assert_eq!(resolved.occurred_at, sent[crossed + 500 - 1].occurred_at);
    assert_eq!(&*resolved.details["nps"], "-100.0");
}

#[test]
fn a_rise_is_raised_against_a_learnt_reference() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    let teaching = replies(at("2026-03-02T00:00:00Z"), 500, 2);
    let risen = replies(at("2026-04-02T00:00:00Z"), 100, 10);
    for delta in teaching.chain(risen) {
        run.advance(delta.occurred_at);
        run.count(&delta);
    }
    run.advance(at("2026-05-01T00:00:00Z"));
    let [raised] = &run.alerts[..] else {
        panic!("one transition, got {:?}", run.alerts)
    };
    assert_eq!(&*raised.details["direction"], "rise");
    assert_eq!(&*raised.details["reference_kind"], "estimated");
    // The upper bound of 500 detractors, some −98.6, and the tolerance of 5 points.
    let reference: f64 = raised.details["reference"].parse().unwrap();
    assert!((-96.0..-92.0).contains(&reference), "{reference}");
}

#[test]
fn a_changed_target_takes_effect_and_an_unchanged_one_does_not_forget() {
    let mut cohorts = cohorts(Some(-100.0));
    let state = {
        let mut run = Run::new(&cohorts);
        replies(at("2026-03-02T00:00:00Z"), 50, 2).for_each(|delta| {
            run.count(&delta);
        });
        run.advance(at("2026-03-03T00:00:00Z"));
        assert_eq!(run.alerts, [], "a target of −100 can't be missed");
        run.state
    };
    cohorts.nps.cohorts[0].target = Some(30.0);
    let mut run = Run::new(&cohorts);
    run.state = state;
    replies(at("2026-03-03T00:00:00Z"), 50, 2).for_each(|delta| {
        run.count(&delta);
    });
    run.advance(at("2026-03-04T00:00:00Z"));
    assert_eq!(run.alerts.len(), 1);
    assert!(run.alerts[0].occurred_at >= at("2026-03-03T00:00:00Z"));
}

#[test]
fn a_changed_target_waits_until_the_open_alarm_has_ended() {
    let mut cohorts = cohorts(Some(30.0));
    let mut run = Run::new(&cohorts);
    for delta in replies(at("2026-03-02T00:00:00Z"), 50, 2) {
        run.count(&delta);
    }
    run.advance(at("2026-03-03T00:00:00Z"));
    let (state, raised) = (run.state, run.alerts);
    assert_eq!(raised.len(), 1);

    cohorts.nps.cohorts[0].target = Some(20.0);
    let mut run = Run::new(&cohorts);
    run.state = state;
    for delta in replies(at("2026-03-03T00:00:00Z"), 550, 2) {
        run.count(&delta);
    }
    run.advance(at("2026-04-01T00:00:00Z"));
    let [resolved, raised_again] = &run.alerts[..] else {
        panic!("two transitions, got {:?}", run.alerts)
    };
    assert_eq!(resolved.status, Status::Resolved);
    assert_eq!(resolved.alert_id, raised[0].alert_id);
    assert_eq!(&*raised_again.details["reference"], "20.0");
}

#[test]
fn a_reply_for_a_closed_hour_enters_the_window_and_no_detector() {
    let cohorts = cohorts(Some(30.0));
    let now = at("2026-03-02T12:10:00Z");
    let mut run = Run::new(&cohorts);
    for delta in replies(at("2026-03-02T10:00:00Z"), 6, 2) {
        run.step(Cause::Event(&delta), now);
    }
    assert_eq!(run.tally("2026-03-02"), [6, 0, 0]);
    let late = replies(at("2026-03-02T11:00:00Z"), 6, 2);
    let in_time = Timestamp::from_millis(now.as_millis() - 1).unwrap();
    let mut patient = Run::new(&cohorts);
    for delta in late {
        run.step(Cause::Event(&delta), now);
        patient.step(Cause::Event(&delta), in_time);
    }
    assert_eq!(
        run.due,
        Some(at("2026-03-02T23:00:00Z")),
        "only the day is awaited"
    );
    assert_eq!(
        patient.due,
        Some(now),
        "the hour is awaited until its grace is over"
    );
}
