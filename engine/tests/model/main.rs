//! The engine against a slow, obvious version of itself, over random histories.
//!
//! The obvious version knows the whole history, sorts it by the time things happened, and walks over it once for each rule and
//! subject. It knows nothing of stream time, grace, remembered events or stored states: those are exactly what it checks.

mod history;
mod obvious;

use std::ops::RangeInclusive;
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use waymark_engine::derived::{Alert, Status};
use waymark_engine::event::{Event, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Outcome, Shard, Table};

use history::{CUSTOMER, Setting, arrivals, setting};
use obvious::{Line, expected};

/// Runs the engine over events in order of arrival, cutting steps where told: at each cut all states go through their stored
/// form, as they do between a store and a worker.
fn run(setting: &Setting, arriving: &[Event], cuts: &[bool]) -> Vec<Alert> {
    let mut shard = Shard::new(Rules::new(setting.definition.clone()), None);
    let mut table = Table::new();
    let mut derived = Derived::default();
    for (place, event) in arriving.iter().enumerate() {
        let outcome = shard.take(&mut table, event, Timestamp::MAX, &mut derived);
        assert_eq!(outcome, Outcome::Applied, "{event:?}");
        if cuts.get(place).copied().unwrap_or(false) {
            table = through_the_store(table);
        }
    }
    shard.advance(&mut table, Timestamp::MAX, &mut derived);
    derived.alerts
}

fn through_the_store(table: Table<Journey>) -> Table<Journey> {
    let mut loaded = Table::new();
    for (key, state, due) in table.into_changes() {
        let stored = state.map(|journey| journey.encode());
        let journey =
            stored.map(|bytes| Journey::decode(&bytes).expect("what we wrote can be read"));
        assert_eq!(journey.as_ref().and_then(|journey| journey.due), due);
        loaded.load(&key, journey, due);
    }
    loaded
}

fn lines(alerts: &[Alert]) -> Vec<Line> {
    let mut lines: Vec<Line> = alerts.iter().map(Line::from).collect();
    lines.sort();
    lines
}

/// Returns the rules and times of which nobody can tell: of two closing events less than a grace apart, the one that arrives
/// first closes, and with the episode what was to begin between them (see `rules::expect`).
fn doubts(
    got: &[Line],
    want: &[Line],
    grace: Duration,
) -> Vec<(String, RangeInclusive<Timestamp>)> {
    let ends = |line: &&Line| matches!(line.status, Status::Resolved | Status::Expired);
    let mut doubts = Vec::new();
    for got in got.iter().filter(ends) {
        let same = want
            .iter()
            .filter(|want| ends(want) && want.alert_id == got.alert_id);
        for want in same {
            let between = want.at.min(got.at)..=want.at.max(got.at);
            let apart = between.end().since(*between.start());
            if (got.at, got.status) != (want.at, want.status) && apart <= grace {
                doubts.push((got.rule.clone(), between));
            }
        }
    }
    doubts
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn in_order_the_engine_says_what_the_history_says(setting in setting()) {
        let alerts = run(&setting, &setting.history, &[]);
        prop_assert_eq!(lines(&alerts), expected(&setting.definition, CUSTOMER, &setting.history));
    }

    #[test]
    fn cutting_steps_anywhere_changes_nothing(setting in setting(), cuts in prop::collection::vec(any::<bool>(), 40)) {
        prop_assert_eq!(run(&setting, &setting.history, &cuts), run(&setting, &setting.history, &[]));
    }

    #[test]
    fn arriving_in_another_order_within_grace_raises_the_same(
        setting in setting(),
        jitter in prop::collection::vec(0.0..1.0_f64, 40),
        cuts in prop::collection::vec(any::<bool>(), 40),
    ) {
        let grace = setting.definition.rules[0].grace;
        let arriving = arrivals(&setting.history, &jitter, grace);
        let got = lines(&run(&setting, &arriving, &cuts));
        let want = expected(&setting.definition, CUSTOMER, &setting.history);
        let doubts = doubts(&got, &want, grace);
        let certain = |line: &Line| !doubts.iter().any(|it| it.0 == line.rule && it.1.contains(&line.at));
        let [got, want] = [got, want].map(|lines| lines.into_iter().filter(certain).collect::<Vec<_>>());
        prop_assert_eq!(got, want, "apart from {:?}", doubts);
    }

    #[test]
    fn a_repeated_event_changes_nothing(setting in setting(), again in prop::collection::vec(any::<bool>(), 40)) {
        let mut shard = Shard::new(Rules::new(setting.definition.clone()), None);
        let (mut table, mut derived) = (Table::new(), Derived::default());
        for (place, event) in setting.history.iter().enumerate() {
            let _ = shard.take(&mut table, event, Timestamp::MAX, &mut derived);
            if again[place % again.len()] {
                let before = table.states().first().map(|(_, journey)| (*journey).clone());
                let outcome = shard.take(&mut table, event, Timestamp::MAX, &mut derived);
                prop_assert_eq!(outcome, Outcome::Duplicate);
                prop_assert_eq!(before, table.states().first().map(|(_, journey)| (*journey).clone()));
            }
        }
        shard.advance(&mut table, Timestamp::MAX, &mut derived);
        prop_assert_eq!(lines(&derived.alerts), expected(&setting.definition, CUSTOMER, &setting.history));
    }
}

#[test]
fn sequences_count_up_without_gaps_and_every_closed_episode_was_raised() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = setting();
    let mut transitions = 0;
    for _ in 0..500 {
        let setting = strategy.new_tree(&mut runner).expect("generates").current();
        let alerts = run(&setting, &setting.history, &[]);
        transitions += alerts.len();
        let mut last = std::collections::BTreeMap::new();
        for alert in &alerts {
            let sequence = last.entry(alert.alert_id).or_insert(0);
            *sequence += 1;
            assert_eq!(alert.sequence, *sequence);
            assert_eq!(alert.status == Status::Raised, *sequence == 1);
        }
    }
    assert!(
        transitions > 1_000,
        "the histories are too tame to prove anything: {transitions}"
    );
}

/// A length of time in minutes.
fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}
