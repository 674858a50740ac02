//! The stored bytes of a cohort, and back.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// A state in which everything is in use.
fn rich_state() -> Cohort {
    let cohorts = cohorts(Some(30.0));
    let mut run = Run::new(&cohorts);
    for score in [2, 10] {
        for mut delta in replies(at("2026-03-02T00:00:00Z"), 60, score) {
            delta.series.touchpoint = format!("after {score}").into();
            delta.series.score_dimension = if score == 2 { "speed" } else { "" }.into();
            run.count(&delta);
        }
    }
    run.advance(at("2026-03-02T12:00:00Z"));
    let mut quiet = reply("quiet", at("2026-03-02T10:00:00Z"), 7);
    quiet.series.touchpoint = "none".into();
    run.step(Cause::Event(&quiet), at("2026-03-02T12:00:00Z"));
    let mut ahead = Delta {
        from: Some(Category::Promoter),
        from_day: Some(day("2026-03-02")),
        ..reply("ahead", at("2026-04-04T10:00:00Z"), 3)
    };
    ahead.series.touchpoint = "after 10".into();
    run.step(Cause::Event(&ahead), at("2026-03-02T12:00:00Z"));
    run.state.unwrap()
}

#[test]
fn a_stored_cohort_reads_back_as_it_was() {
    let state = rich_state();
    let bytes = state.encode();
    assert_eq!(Cohort::decode(&bytes).unwrap(), state);
    assert_eq!(Cohort::decode(&bytes).unwrap().encode(), bytes);
    assert_eq!(
        Cohort::decode(&Cohort::default().encode()).unwrap(),
        Cohort::default()
    );
}

#[test]
fn a_busy_series_takes_some_two_kilobytes() {
    let mut cohorts = cohorts(Some(-100.0));
    cohorts.nps.window_days = 90;
    let mut run = Run::new(&cohorts);
    for minute in 0..100 * 24 * 60 {
        let occurred_at = at("2026-01-01T00:00:00Z") + Duration::from_mins(minute);
        run.advance(occurred_at);
        run.count(&reply(
            &minute.to_string(),
            occurred_at,
            2 + i64::from(minute % 3 == 0) * 7,
        ));
    }
    let bytes = run.state.unwrap().encode().len();
    assert!((1_500..2_500).contains(&bytes), "{bytes} bytes");
}

#[test]
fn damaged_bytes_are_refused_or_read_but_never_a_panic() {
    let bytes = rich_state().encode();
    for end in 0..bytes.len() {
        assert!(Cohort::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let cohorts = cohorts(Some(30.0));
    let now = at("2026-03-20T00:00:00Z");
    for _ in 0..2_000 {
        let mut damaged = bytes.clone();
        let place = rng.random_range(10..damaged.len());
        damaged[place] ^= 1 << rng.random_range(0..8);
        if let Ok(state) = Cohort::decode(&damaged) {
            let decision = cohorts.step(KEY, Some(state), Cause::Due, now);
            assert!(decision.due.is_none_or(|due| due > now));
        }
    }
}
