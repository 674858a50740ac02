//! Days that close, and replies that are taken back.

use super::*;

#[test]
fn a_day_is_told_when_the_next_one_begins_in_the_zone() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00+01:00"), 9));
    run.advance(at("2026-03-02T22:59:59.999Z"));
    assert_eq!(run.scores, []);
    run.advance(at("2026-03-02T23:00:00Z"));
    let [score] = &run.scores[..] else {
        panic!("one score, got {:?}", run.scores)
    };
    assert_eq!(
        (score.from, score.to),
        (day("2026-02-24"), day("2026-03-02"))
    );
    assert_eq!(
        (score.replies, score.promoters, score.nps),
        (1, 1, Some(100.0))
    );
    assert_eq!(score.verdict, Verdict::TooFewReplies);
    assert_eq!(score.cohort.to_string(), KEY);
}

#[test]
fn days_are_23_or_25_hours_long_where_clocks_change() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    // Clocks go forward on 29 March: that day ends 23 hours after it began.
    run.count(&reply("1", at("2026-03-29T00:30:00+01:00"), 9));
    run.count(&reply("2", at("2026-03-29T23:30:00+02:00"), 9));
    run.advance(at("2026-03-29T21:59:59Z"));
    assert_eq!(run.scores, []);
    run.advance(at("2026-03-29T22:00:00Z"));
    assert_eq!(run.days_told(), [("2026-03-29".to_owned(), 2)]);

    let mut run = Run::new(&cohorts);
    // Back on 25 October: 23:30 in Berlin is still that day.
    run.count(&reply("1", at("2026-10-25T00:30:00+02:00"), 9));
    run.count(&reply("2", at("2026-10-25T23:30:00+01:00"), 9));
    run.advance(at("2026-10-25T23:00:00Z"));
    assert_eq!(run.days_told(), [("2026-10-25".to_owned(), 2)]);
}

#[test]
fn a_window_that_runs_empty_is_told_once_and_then_no_more_until_a_reply_comes() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    run.advance(at("2026-06-01T00:00:00Z"));
    let told = run.days_told();
    assert_eq!(told.len(), 8, "{told:?}");
    assert_eq!(told[6], ("2026-03-08".to_owned(), 1));
    assert_eq!(told[7], ("2026-03-09".to_owned(), 0));
    assert_eq!(run.scores[7].nps, None);
    assert_eq!(run.due, None);

    run.count(&reply("2", at("2026-06-01T10:00:00Z"), 3));
    run.advance(at("2026-06-01T22:00:00Z"));
    assert_eq!(run.days_told()[8], ("2026-06-01".to_owned(), 1));
}

#[test]
fn one_call_does_all_that_is_due_in_order() {
    let cohorts = cohorts(None);
    let (mut slow, mut fast) = (Run::new(&cohorts), Run::new(&cohorts));
    let mut other_series = reply("2", at("2026-03-04T10:00:00Z"), 2);
    other_series.series.touchpoint = "branch visit".into();
    for run in [&mut slow, &mut fast] {
        run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
        run.step(Cause::Event(&other_series), at("2026-03-02T10:00:00Z"));
    }
    let late = at("2026-04-01T00:00:00Z");
    slow.advance(late);
    fast.step(Cause::Due, late);
    assert_eq!(slow.scores, fast.scores);
    assert_eq!(slow.state, fast.state);
    assert!(fast.scores.is_sorted_by_key(|score| score.to));
}

#[test]
fn a_newer_reply_takes_the_older_one_back_within_the_window() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    let newer = Delta {
        from: Some(Category::Promoter),
        from_day: Some(day("2026-03-02")),
        ..reply("2", at("2026-03-04T10:00:00Z"), 3)
    };
    run.count(&newer);
    assert_eq!(run.tally("2026-03-04"), [1, 0, 0]);
}

#[test]
fn a_reply_that_moved_to_another_cohort_is_only_taken_back() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    run.count(&reply("2", at("2026-03-02T11:00:00Z"), 7));
    let moved = Delta {
        from: Some(Category::Promoter),
        from_day: Some(day("2026-03-02")),
        to: None,
        score: None,
        ..reply("3", at("2026-03-04T10:00:00Z"), 3)
    };
    run.count(&moved);
    assert_eq!(run.tally("2026-03-04"), [0, 1, 0]);
    let summary = cohorts.summary(KEY, run.state.as_ref().unwrap(), day("2026-03-04"));
    assert_eq!(summary[0].waves[0].tally.replies(), 1);
}

#[test]
fn what_left_the_window_or_was_never_counted_is_not_taken_back() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    run.count(&reply("2", at("2026-03-05T10:00:00Z"), 9));
    let take_back = |on, from_day| Delta {
        from: Some(Category::Promoter),
        from_day: Some(day(from_day)),
        to: None,
        ..reply("3", at(on), 3)
    };
    for from_day in ["2026-02-01", "2026-03-01", "2026-03-08"] {
        run.count(&take_back("2026-03-08T10:00:00Z", from_day));
    }
    assert_eq!(run.tally("2026-03-08"), [0, 0, 2]);
    run.count(&take_back("2026-03-09T10:00:00Z", "2026-03-02"));
    assert_eq!(run.tally("2026-03-09"), [0, 0, 1]);
}

#[test]
fn a_delta_that_runs_ahead_leaves_the_days_before_it_as_they_are() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    let ahead = Delta {
        from: Some(Category::Promoter),
        from_day: Some(day("2026-03-02")),
        ..reply("2", at("2026-03-04T10:00:00Z"), 3)
    };
    run.step(Cause::Event(&ahead), at("2026-03-02T11:00:00Z"));
    run.advance(at("2026-03-05T00:00:00Z"));
    let told: Vec<_> = run.scores.iter().map(|score| score.nps).collect();
    assert_eq!(told, [Some(100.0), Some(100.0), Some(-100.0)]);
}

#[test]
fn the_first_day_told_is_that_of_the_first_reply_whichever_ran_ahead() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    let stream_time = at("2026-03-02T10:00:00Z");
    for on in ["2026-03-06T10:00:00Z", "2026-03-04T10:00:00Z"] {
        run.step(Cause::Event(&reply(on, at(on), 9)), stream_time);
    }
    run.advance(at("2026-03-07T00:00:00Z"));
    let told = run.days_told();
    let expected = [("2026-03-04", 1), ("2026-03-05", 1), ("2026-03-06", 2)];
    assert_eq!(
        told,
        expected.map(|(day, replies)| (day.to_owned(), replies))
    );
}

#[test]
fn a_pause_ends_with_a_reply_that_ran_ahead_before_it_began() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    run.count(&reply("1", at("2026-03-02T10:00:00Z"), 9));
    let ahead = reply("2", at("2026-03-20T10:00:00Z"), 9);
    run.step(Cause::Event(&ahead), at("2026-03-02T11:00:00Z"));
    run.advance(at("2026-03-21T00:00:00Z"));
    let told = run.days_told();
    assert_eq!(told.len(), 9, "{told:?}");
    assert_eq!(told[7], ("2026-03-09".to_owned(), 0));
    assert_eq!(told[8], ("2026-03-20".to_owned(), 1));
}

#[test]
fn a_cohort_or_instrument_that_is_not_asked_for_is_ignored() {
    let cohorts = cohorts(None);
    let delta = reply("1", at("2026-03-02T10:00:00Z"), 9);
    let decision = cohorts.step("tier=A", None, Cause::Event(&delta), delta.occurred_at);
    assert_eq!(decision.outcome, Outcome::Ignored);
    assert!(decision.state.is_none());

    let mut run = Run::new(&cohorts);
    let mut csat = delta;
    csat.series.instrument = Instrument::Csat;
    assert_eq!(run.count(&csat), Outcome::Ignored);
    assert_eq!(run.state, None);
}

#[test]
fn a_sixty_fifth_series_is_refused_and_the_others_go_on() {
    let cohorts = cohorts(None);
    let mut run = Run::new(&cohorts);
    let about = |touchpoint: usize| {
        let mut delta = reply("1", at("2026-03-02T10:00:00Z"), 9);
        delta.series.touchpoint = touchpoint.to_string().into();
        delta
    };
    for touchpoint in 0..64 {
        assert_eq!(run.count(&about(touchpoint)), Outcome::Applied);
    }
    assert!(matches!(
        run.count(&about(64)),
        Outcome::DeadLettered(rejection) if rejection.reason == Reason::LimitExceeded
    ));
    assert_eq!(run.count(&about(63)), Outcome::Applied);
}
