//! The verdict: how many of each were compared, what was not as it should be, and the first differences to look at.

use serde::Serialize;

use super::Scope;
use crate::protocol::{Offset, Progress, ShardId, Step};

/// Differences kept of each sort, to be shown.
const SHOWN: u64 = 3;

/// What a deployment was found to be.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// What was looked at; the rest counts nothing.
    pub scope: Scope,
    /// Nothing was found to be wrong.
    pub fine: bool,
    /// Everything was compared: no store was left out because it would not stand still.
    pub whole: bool,
    /// All sorts together.
    pub total: Tally,
    /// Alerts, by id and sequence.
    pub alerts: Tally,
    /// Deltas, by their channel.
    pub deltas: Tally,
    /// Scores, by cohort, series and day.
    pub scores: Tally,
    /// Dead letters, by the place of the record.
    pub dead_letters: Tally,
    /// Late records, by the place of the record.
    pub late: Tally,
    /// Journeys and cohorts in the changelogs.
    pub states: Tally,
    /// Journeys, cohorts and due entries in the store.
    pub store: Tally,
    /// Shard by shard.
    pub shards: Vec<ShardVerdict>,
    /// The first differences of each sort.
    pub differences: Vec<Difference>,
}

/// What one shard was found to be.
#[derive(Debug, Serialize)]
pub struct ShardVerdict {
    /// Of which stage.
    pub stage: &'static str,
    /// Which one.
    pub shard: ShardId,
    /// Its last step; 0 if it never made one.
    pub step: Step,
    /// V: where it stands in the source.
    pub position: Offset,
    /// Records run again.
    pub records: u64,
    /// Ticks run again.
    pub ticks: u64,
    /// Alerts that they lead to.
    pub alerts: u64,
    /// Deltas that they lead to.
    pub deltas: u64,
    /// Scores that they lead to.
    pub scores: u64,
    /// Records that they set aside.
    pub set_aside: u64,
    /// Journeys or cohorts that they lead to, or that the changelog has.
    pub states: u64,
    /// What became of the look at the store.
    pub store: StoreLook,
    /// What is wrong besides lost, doubled, different and unknown things.
    pub problems: Vec<String>,
}

/// What became of the look at the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreLook {
    /// There is nothing to compare: no store that could be looked at from outside, or no step.
    None,
    /// Every value was compared.
    Compared,
    /// It would not stand still, or lags behind a process that does not run: nothing can be said.
    NotCompared(String),
}

impl StoreLook {
    /// Returns what became of it, in two words at most.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "-",
            Self::Compared => "compared",
            Self::NotCompared(_) => "not compared",
        }
    }
}

/// How many of a sort were compared, and how many were wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tally {
    /// As many as there should be.
    pub expected: u64,
    /// Should be there and are not.
    pub lost: u64,
    /// Are there more than once.
    pub doubled: u64,
    /// Are there with other bytes.
    pub different: u64,
    /// Are there and nothing accounts for them.
    pub unknown: u64,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What sort of thing.
    pub sort: Sort,
    /// What is wrong with it.
    pub wrong: Wrong,
    /// Which one: `alert 3f…, sequence 2`.
    pub which: String,
    /// What there should be, in lines.
    pub expected: Option<String>,
    /// What there is, in lines.
    pub found: Option<String>,
}

/// A sort of things that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of the verdict say it")]
pub enum Sort {
    Alert,
    Delta,
    Score,
    DeadLetter,
    Late,
    State,
    Store,
}

/// What is wrong with a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields of the tally say it")]
pub enum Wrong {
    Lost,
    Doubled,
    Different,
    Unknown,
}

/// A difference without its sort.
pub(super) struct Described {
    pub(super) which: String,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

impl ShardVerdict {
    /// The verdict on a shard that has made steps.
    pub(super) fn new(stage: &'static str, progress: &Progress) -> Self {
        Self {
            step: progress.step,
            position: progress.position,
            ..Self::idle(stage, progress.shard)
        }
    }

    /// The verdict on a shard that has made none.
    pub(super) fn idle(stage: &'static str, shard: ShardId) -> Self {
        Self {
            stage,
            shard,
            step: Step::default(),
            position: Offset(0),
            records: 0,
            ticks: 0,
            alerts: 0,
            deltas: 0,
            scores: 0,
            set_aside: 0,
            states: 0,
            store: StoreLook::None,
            problems: Vec::new(),
        }
    }

    /// Notes what the deployment's last progress record says otherwise than it should.
    pub(super) fn compare(&mut self, should: &Progress, is: &Progress) {
        self.holds("the books", &should.books, &is.books);
        self.holds("stream time", &should.stream_time, &is.stream_time);
        let heard = "what was heard of the stage before";
        self.holds(heard, &should.upstreams, &is.upstreams);
        self.holds("the number of cohorts", &should.cohorts, &is.cohorts);
        if !is.books.balance() {
            self.problems.push("the books do not balance".to_owned());
        }
        for (shard, upstream) in is.upstreams.iter().filter(|(_, it)| it.missing > 0) {
            let missing = upstream.missing;
            let problem =
                format!("{missing} records of shard {shard} of the stage before never came");
            self.problems.push(problem);
        }
    }

    /// Notes a problem unless the deployment's own record says what the run says.
    pub(super) fn holds<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, should: &T, is: &T) {
        if should != is {
            self.problems
                .push(format!("{what}: should be {should:?}, is {is:?}"));
        }
    }
}

impl Tally {
    /// Returns whether nothing is wrong.
    pub fn is_fine(&self) -> bool {
        self.lost + self.doubled + self.different + self.unknown == 0
    }

    /// Returns whether more is wrong than was before.
    pub(super) fn is_worse_than(&self, before: &Tally) -> bool {
        let wrong = |of: &Tally| of.lost + of.doubled + of.different + of.unknown;
        wrong(self) > wrong(before)
    }

    fn add(&mut self, other: Tally) {
        self.expected += other.expected;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.different += other.different;
        self.unknown += other.unknown;
    }

    fn count(&mut self, wrong: Wrong) -> &mut u64 {
        match wrong {
            Wrong::Lost => &mut self.lost,
            Wrong::Doubled => &mut self.doubled,
            Wrong::Different => &mut self.different,
            Wrong::Unknown => &mut self.unknown,
        }
    }
}

impl Verdict {
    pub(super) fn new(scope: Scope) -> Self {
        Self {
            scope,
            fine: false,
            whole: false,
            total: Tally::default(),
            alerts: Tally::default(),
            deltas: Tally::default(),
            scores: Tally::default(),
            dead_letters: Tally::default(),
            late: Tally::default(),
            states: Tally::default(),
            store: Tally::default(),
            shards: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// Returns the tally of a sort.
    pub(super) fn tally(&mut self, sort: Sort) -> &mut Tally {
        match sort {
            Sort::Alert => &mut self.alerts,
            Sort::Delta => &mut self.deltas,
            Sort::Score => &mut self.scores,
            Sort::DeadLetter => &mut self.dead_letters,
            Sort::Late => &mut self.late,
            Sort::State => &mut self.states,
            Sort::Store => &mut self.store,
        }
    }

    /// Returns the verdict on a shard that was run once more.
    pub(super) fn shard(&mut self, stage: &str, shard: ShardId) -> &mut ShardVerdict {
        let mut shards = self.shards.iter_mut();
        let found = shards.find(|it| it.stage == stage && it.shard == shard);
        found.expect("every shard was run once more")
    }

    /// Counts something that is wrong; the first of its kind are described, so that a person can look at them.
    pub(super) fn wrong(&mut self, sort: Sort, wrong: Wrong, describe: impl FnOnce() -> Described) {
        let count = self.tally(sort).count(wrong);
        *count += 1;
        if *count > SHOWN {
            return;
        }
        let Described {
            which,
            expected,
            found,
        } = describe();
        self.differences.push(Difference {
            sort,
            wrong,
            which,
            expected,
            found,
        });
    }

    pub(super) fn finish(mut self) -> Self {
        let mut total = Tally::default();
        for tally in [
            self.alerts,
            self.deltas,
            self.scores,
            self.dead_letters,
            self.late,
            self.states,
            self.store,
        ] {
            total.add(tally);
        }
        self.total = total;
        let problems = self.shards.iter().any(|shard| !shard.problems.is_empty());
        self.fine = total.is_fine() && !problems;
        let left_out = |shard: &ShardVerdict| matches!(shard.store, StoreLook::NotCompared(_));
        self.whole = !self.shards.iter().any(left_out);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(store: StoreLook) -> Verdict {
        let mut verdict = Verdict::new(Scope::Everything);
        let mut shard = ShardVerdict::idle("customer", ShardId(0));
        shard.store = store;
        verdict.shards.push(shard);
        verdict
    }

    #[test]
    fn what_was_not_compared_is_neither_wrong_nor_left_unsaid() {
        let looks = [
            (StoreLook::None, true),
            (StoreLook::Compared, true),
            (StoreLook::NotCompared("it moves".to_owned()), false),
        ];
        for (store, whole) in looks {
            let verdict = verdict(store).finish();
            assert_eq!((verdict.fine, verdict.whole), (true, whole));
        }
    }

    #[test]
    fn one_lost_thing_or_one_problem_is_not_fine() {
        let mut lossy = verdict(StoreLook::Compared);
        lossy.alerts.lost = 1;
        assert!(!lossy.finish().fine);
        let mut odd = verdict(StoreLook::Compared);
        odd.shards[0].problems.push("odd".to_owned());
        assert!(!odd.finish().fine);
    }
}
