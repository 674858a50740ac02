//! Scores and shifts come once, whatever is done to a stage while they are told.
//!
//! The load is a season with planted shifts (`season`), told day by day, so that every fault falls between its first score
//! and its last. What must come once is held against a replay, as lists.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use waymark_testkit::{servers_or_skip, until};

use crate::deployment::{COHORT_SHARDS, LONG, SHARDS, Worker};
use crate::season::{CALM, SETTLED, SHIFTED, Season};

const SIGKILL: i32 = 9;
/// The shard that halts.
const HALTED: i32 = 1;
/// By then a process has started and taken a day.
const SOON: Duration = Duration::from_secs(3);

// Steps are so small and flushes come so often that each day has several of them.
const BOTH: &[&str] = &["workers.step.records=20", "workers.flush.age=10ms"];
const CUSTOMERS: &[&str] = &["stages=customer", BOTH[0], BOTH[1]];
const COHORTS: &[&str] = &["stages=cohort", "workers.step.records=60", BOTH[1]];

#[test]
fn a_kill_of_either_stage_loses_and_doubles_no_score_and_no_shift() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut season = Season::begin(&servers, "season-killed");
    let [mut customers, mut cohorts] = [CUSTOMERS, COHORTS].map(|it| season.start(0, it));
    season.first_score();
    cohorts.stop();
    kills(&mut season, COHORTS);
    season.was_cut_off("scores");
    cohorts = season.start(0, COHORTS);
    customers.stop();
    kills(&mut season, CUSTOMERS);
    season.was_cut_off("alerts");
    season.is_under_way();
    customers = season.start(0, CUSTOMERS);
    season.ends(vec![customers, cohorts]);
}

/// It freezes with an open transaction, and wakes up when its session, its transaction and two shifts are over.
#[test]
fn a_cohort_process_that_freezes_over_a_shift_doubles_nothing() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut season = Season::begin(&servers, "season-frozen");
    let customers = season.start(0, CUSTOMERS);
    let mut cohorts = season.start(0, COHORTS);
    season.first_score();
    cohorts.stop();
    let mut frozen = season.start_armed(0, COHORTS, "step.7=5*off->1*return(stop)->off");
    season.goes_on(CALM, || {
        frozen.process.stderr().contains("failpoint step.7")
    });
    season.is_under_way();
    let mut other = season.start(1, COHORTS);
    season.goes_on(SHIFTED, || other.running("cohort") == COHORT_SHARDS);
    until(LONG, || (season.shifts() >= 2).then_some(())).expect("the other tells both shifts");
    frozen.process.resume();
    season.goes_on(SETTLED, || frozen.running("cohort") > 0);
    season.is_under_way();
    frozen.runs();
    other.runs();
    season.ends(vec![customers, frozen, other]);
}

#[test]
fn one_process_then_three_then_one_tell_scores_and_shifts_once() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut season = Season::begin(&servers, "season-of-three");
    let first = season.start(0, BOTH);
    let first = three_then_one(&mut season, first, BOTH);
    assert_eq!(first.running("customer"), SHARDS);
    season.ends(vec![first]);
}

#[test]
fn cohorts_in_one_process_then_three_then_one_tell_scores_and_shifts_once() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut season = Season::begin(&servers, "season-of-three-cohorts");
    let customers = season.start(0, CUSTOMERS);
    let first = season.start(0, COHORTS);
    let first = three_then_one(&mut season, first, COHORTS);
    season.ends(vec![customers, first]);
}

/// Two more come before the shift; behind it one goes in peace, and one does not.
fn three_then_one(season: &mut Season, first: Worker, settings: &[&str]) -> Worker {
    season.first_score();
    let [mut second, mut third] = [1, 2].map(|it| season.start(it, settings));
    let of_all = [&first, &second, &third];
    season.goes_on(CALM, || {
        let owned = of_all.map(|it| it.running("cohort"));
        owned.iter().all(|it| *it > 0) && owned.iter().sum::<i32>() == COHORT_SHARDS
    });
    season.is_under_way();
    second.stop();
    season.goes_on(SHIFTED - 1, || true);
    third.process.kill();
    season.goes_on(SETTLED, || first.running("cohort") == COHORT_SHARDS);
    season.is_under_way();
    first
}

/// Cohorts wait for a shard that has halted just before the shifts: what the others tell meanwhile is not all there is.
#[test]
fn a_shard_that_halts_upstream_over_a_shift_is_waited_for_and_adopted() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut season = Season::begin(&servers, "season-halted");
    let mut customers = season.start(0, CUSTOMERS);
    let mut cohorts = season.start(0, COHORTS);
    season.first_score();
    season.goes_on(CALM, || true);
    customers.stop();
    let (group, events) = (season.deployment.group(), season.deployment.topic("events"));
    season
        .deployment
        .client()
        .move_offset(&group, &events, HALTED, 5);

    customers = season.start(0, CUSTOMERS);
    customers.says("OFFSETS_MOVED");
    season.goes_on(SETTLED, || true);
    season.is_ahead(0, &cohorts);
    season.is_ahead(2, &cohorts);
    let waits = format!("its clock waits for shard {HALTED} of the stage before, which stands at");
    cohorts.shows("/readyz?verbose", &waits);
    assert_eq!(season.shifts(), 0, "nothing has shifted");
    season.is_under_way();

    customers.stop();
    season
        .deployment
        .must(&["shard", "adopt", &HALTED.to_string(), "--execute"]);
    customers = season.start(0, CUSTOMERS);
    customers.runs();
    season.ends(vec![customers, cohorts]);
}

/// Kills a stage at every line between the first record that a step publishes and the flush behind its commit.
fn kills(season: &mut Season, settings: &[&str]) {
    for line in ["step.5", "step.7", "step.8", "step.9", "step.11"] {
        for visits in 1..=3 {
            kill_at(season, settings, line, visits);
        }
    }
    season.is_under_way();
}

/// Starts a process that dies after so many visits of a line, which as many days bring, and mostly fewer.
fn kill_at(season: &mut Season, settings: &[&str], line: &str, visits: u32) {
    let failpoints = format!("{line}={visits}*off->return(kill)");
    let mut worker = season.start_armed(0, settings, &failpoints);
    let status = (0..visits).find_map(|_| {
        season.another_day();
        worker.process.wait(SOON)
    });
    let status = status.or_else(|| worker.process.wait(LONG));
    let died = status.and_then(|status| status.signal()) == Some(SIGKILL);
    assert!(died, "{line}: {status:?}{}", worker.process.tail());
}
