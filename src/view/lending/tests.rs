//! The picture of a lending business, small, wide and far too small.

use super::*;
use crate::view::tests::drawn;

fn lending() -> Lending {
    let stage = |name: &str, applications, slow, late| StageColumn {
        name: name.to_owned(),
        applications,
        slow,
        late,
    };
    let row = |status: &str, reason: &str| AlertRow {
        at: "17 Mar 14:20".to_owned(),
        kind: "application stalled".to_owned(),
        status: status.to_owned(),
        subject: "C0051 loan-1".to_owned(),
        reason: reason.to_owned(),
        mood: Mood::Warning,
    };
    let score = |name: &str, [low, score, high]: [f64; 3]| ScoreRow {
        name: name.to_owned(),
        score,
        low,
        high,
        replies: 126,
        mood: Mood::Plain,
    };
    Lending {
        title: "waymark demo".to_owned(),
        clock: "Tue 17 Mar 2026 14:20".to_owned(),
        told: Some(0.79),
        facts: vec![("events/s", "733".to_owned()), ("waiting", "12".to_owned())],
        stages: vec![
            stage("submitted", 4, 0, 0),
            stage("documents_check", 20, 2, 1),
            stage("offer", 0, 0, 0),
        ],
        turns: Vec::new(),
        alerts: vec![
            row("raised", "in offer for 2d 9h of 3d allowed"),
            row("resolved", "offer.sent came after 2d"),
        ],
        scores: Some(vec![
            score("all", [16.2, 20.0, 23.6]),
            score("harbour", [-41.9, -29.4, -15.4]),
        ]),
        notes: vec!["curl http://localhost:9464/metrics".to_owned()],
    }
}

#[test]
fn a_small_terminal_shows_stages_alerts_and_scores() {
    let expected = "\
waymark demo  Tue 17 Mar 2026 14:20   79 % told
733 events/s  12 waiting
 Applications by stage: ~ most of the time used up, ! beyond the limit ─────────
submitted                  documents                 offer
                           check
4                          20 ~2 !1                  0
▆▆▆▆▆▆                     ▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆
 Newest alerts, each followed in its place ────  NPS with its 95 % interval ────
17 Mar C0051 loan-1 application stalled         all      +20        ┊●       126
       raised: in offer for 2d 9h of 3d allowed harbour  -29     ├● ┊        126
17 Mar C0051 loan-1 application stalled
       resolved: offer.sent came after 2d

curl http://localhost:9464/metrics";
    assert_eq!(drawn(&lending(), 80, 14).join("\n"), expected);
}

#[test]
fn a_wide_terminal_tells_an_alert_in_one_line() {
    let lines = drawn(&lending(), 200, 12);
    let alert =
        "17 Mar 14:20 application stalled raised  C0051 loan-1: in offer for 2d 9h of 3d allowed";
    assert!(lines[8].starts_with(alert), "{lines:#?}");
    assert!(
        lines[9].contains("application stalled resolved"),
        "{lines:#?}"
    );
}

#[test]
fn a_terminal_that_is_far_too_small_harms_nobody() {
    for (width, height) in [(1, 1), (10, 3), (30, 8)] {
        assert_eq!(drawn(&lending(), width, height).len(), usize::from(height));
    }
    assert!(!drawn(&Lending::default(), 80, 24).is_empty());
}

#[test]
fn an_interval_at_the_edge_of_the_scale_stays_on_it() {
    let row = ScoreRow {
        name: "all".to_owned(),
        score: 100.0,
        low: 20.0,
        high: 104.0,
        ..ScoreRow::default()
    };
    let line = row.line(3, 30, Paint::PLAIN).to_string();
    assert_eq!(line, "all +100         ┊├─────●    0");
}

#[test]
fn where_nobody_keeps_scores_alerts_have_all_the_room() {
    let without = Lending {
        scores: None,
        ..lending()
    };
    let lines = drawn(&without, 100, 14);
    assert!(!lines.join("\n").contains("NPS"), "{lines:#?}");
    assert!(
        lines[8].ends_with("in offer for 2d 9h of 3d allowed"),
        "{lines:#?}"
    );
}

#[test]
fn a_narrow_column_tells_what_is_late_before_what_is_slow() {
    let stage = StageColumn {
        applications: 147,
        slow: 12,
        late: 6,
        ..StageColumn::default()
    };
    assert_eq!(stage.counts(10, Paint::PLAIN).to_string(), "147 ~12 !6");
    assert_eq!(stage.counts(9, Paint::PLAIN).to_string(), "147 !6");
}
