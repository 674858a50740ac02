//! Holds what a run leads to against what was published, thing by thing; what is left over at the end nobody accounts for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use waymark_engine::derived::{Alert, Delta, Score};
use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Key, Outcome, Table};

use super::fold::Fold;
use super::log::Log;
use super::outputs::{Clock, OddClock, Origin, Outputs, Place, Published, SetAside, Unique, hash};
use super::verdict::{Described, Sort, Verdict, Wrong};
use super::{Scope, VerifyError};
use crate::config::Deployment;
use crate::kafka::partition_of;
use crate::pipeline::stage::Stage;
use crate::protocol::{Offset, Progress, ShardId, Told, What};

/// What was published, minus what has been accounted for.
pub(super) struct Comparison<'a> {
    pub(super) sight: Sight<'a>,
    pub(super) outputs: Outputs,
    pub(super) verdict: Verdict,
    /// Where outputs ended for sure before the changelogs were read: what stands behind may be of a later step.
    pub(super) before: Before,
    /// Partitions of `deltas`.
    pub(super) delta_partitions: u32,
    /// Deltas accounted for on each channel.
    pub(super) deltas_seen: BTreeMap<(ShardId, ShardId), usize>,
    /// V of each shard of each stage that was run once more.
    pub(super) positions: BTreeMap<(&'static str, ShardId), Offset>,
}

/// Where to look at a record once more, for the few that are shown.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    pub(super) log: &'a Log<'a>,
    pub(super) deployment: &'a Deployment,
}

/// Stable ends, by partition.
pub(super) struct Before {
    pub(super) alerts: Vec<Offset>,
    pub(super) deltas: Vec<Offset>,
    pub(super) scores: Vec<Offset>,
}

impl<'a> Comparison<'a> {
    /// Reads what was published; nothing is accounted for yet. `upstream` are the folds of those who tell `deltas`.
    pub(super) fn new(
        log: &'a Log<'a>,
        deployment: &'a Deployment,
        before: Before,
        upstream: &[Fold],
    ) -> Result<Self, VerifyError> {
        let upstream = upstream.iter().filter_map(|it| it.last.as_ref());
        let upstream = upstream.map(|(progress, _)| progress);
        Ok(Self {
            sight: Sight { log, deployment },
            delta_partitions: u32::try_from(before.deltas.len()).unwrap_or(u32::MAX),
            outputs: Outputs::read(log, deployment, upstream)?,
            verdict: Verdict::new(Scope::Everything),
            before,
            deltas_seen: BTreeMap::new(),
            positions: BTreeMap::new(),
        })
    }

    /// Accounts for an alert.
    pub(super) fn alert(&mut self, alert: &Alert) {
        self.verdict.alerts.expected += 1;
        let key = (u128::from_be_bytes(alert.alert_id.0), alert.sequence);
        let sight = self.sight;
        let which = || format!("alert {}, sequence {}", alert.alert_id, alert.sequence);
        let expected = || Some(pretty(alert));
        match self.outputs.alerts.once.remove(&key) {
            Some(found) if found.says(alert) => {}
            Some(found) => self.verdict.wrong(Sort::Alert, Wrong::Different, || {
                described(which(), expected(), Some(sight.alert(found.place)))
            }),
            None => self.verdict.wrong(Sort::Alert, Wrong::Lost, || {
                described(which(), expected(), None)
            }),
        }
    }

    /// Accounts for a delta of a shard.
    pub(super) fn delta(&mut self, shard: ShardId, delta: &Delta) {
        self.verdict.deltas.expected += 1;
        let cohort = delta.cohort.to_string();
        let partition = ShardId(partition_of(cohort.as_bytes(), self.delta_partitions));
        let seen = self.deltas_seen.entry((shard, partition)).or_default();
        let (place, sight) = (*seen, self.sight);
        *seen += 1;
        let told = |number| Told {
            upstream_shard: shard,
            number,
            what: What::Delta(Cow::Borrowed(delta)),
        };
        let found = self
            .outputs
            .channels
            .get(&shard)
            .and_then(|channels| channels.deltas.get(&partition)?.get(place))
            .copied();
        let which = || {
            format!("delta {place} of shard {shard} on partition {partition} (from 0), {cohort}")
        };
        match found {
            Some((number, found)) if found.says(&told(number)) => {}
            Some((number, found)) => self.verdict.wrong(Sort::Delta, Wrong::Different, || {
                let expected = pretty(&told(number));
                described(which(), Some(expected), Some(sight.delta(found.place)))
            }),
            None => self.verdict.wrong(Sort::Delta, Wrong::Lost, || {
                described(which(), Some(pretty(&told(0))), None)
            }),
        }
    }

    /// Takes down a clock of a shard that is not the one of the run; `time` is that one.
    pub(super) fn clock(&mut self, shard: ShardId, told: &Clock, time: Option<Timestamp>) {
        self.verdict.wrong(Sort::Delta, Wrong::Different, || {
            let which = format!(
                "clock of shard {shard} after everything below {}",
                told.position
            );
            let should = time.map(|stream_time| {
                told_by(&Clock {
                    stream_time,
                    ..*told
                })
            });
            described(which, should, Some(told_by(told)))
        });
    }

    /// Accounts for a score.
    pub(super) fn score(&mut self, score: &Score) {
        self.verdict.scores.expected += 1;
        let (key, sight) = (score.key(), self.sight);
        let which = || format!("score {}", String::from_utf8_lossy(&key));
        let expected = || Some(pretty(score));
        match self.outputs.scores.once.remove(&key) {
            Some(found) if found.says(score) => {}
            Some(found) => self.verdict.wrong(Sort::Score, Wrong::Different, || {
                let found = sight.text(&sight.topic(Sort::Score), found.place);
                described(which(), expected(), Some(found))
            }),
            None => self.verdict.wrong(Sort::Score, Wrong::Lost, || {
                described(which(), expected(), None)
            }),
        }
    }

    /// Accounts for a record that was set aside.
    pub(super) fn set_aside(&mut self, origin: Origin, outcome: &Outcome, value: Option<&[u8]>) {
        let (sort, reason) = match outcome {
            Outcome::Applied | Outcome::Duplicate | Outcome::Ignored => return,
            Outcome::Late => (Sort::Late, None),
            Outcome::DeadLettered(rejection) => (Sort::DeadLetter, Some(rejection.reason.code())),
        };
        let published = match sort {
            Sort::Late => &mut self.outputs.late,
            _ => &mut self.outputs.dead_letters,
        };
        let found = published.once.remove(&origin);
        self.verdict.tally(sort).expected += 1;
        let which = || place_of(origin);
        let expected = || Some(reason.unwrap_or("late").to_owned());
        match found {
            None => self
                .verdict
                .wrong(sort, Wrong::Lost, || described(which(), expected(), None)),
            Some(found) => {
                let same_reason = found.reason.as_deref() == reason;
                let same_value = found.value.is_none() || found.value == value.map(hash);
                if !(same_reason && same_value) {
                    let is = if same_reason {
                        "its bytes are not those of the source".to_owned()
                    } else {
                        found.reason.unwrap_or_else(|| "no reason".to_owned())
                    };
                    self.verdict.wrong(sort, Wrong::Different, || {
                        described(which(), expected(), Some(is))
                    });
                }
            }
        }
    }

    /// Compares the states of a run with those in the changelog, byte for byte.
    pub(super) fn states<S: Stage>(
        &mut self,
        stage: &S,
        fold: &Fold,
        table: &Table<S::State>,
    ) -> u64 {
        let states = table.states();
        let number = states.len() as u64;
        self.verdict.states.expected += number;
        let shard = fold.shard;
        let which = |key: &Key| format!("{} {key} in the changelog of shard {shard}", S::NAME);
        let readable = |key: &Key, bytes: &[u8]| readable(stage, key, bytes);
        let mut accounted = 0;
        for (key, state) in states {
            let bytes = S::encode(state);
            let found = fold.values.get(key);
            accounted += usize::from(found.is_some());
            match found {
                Some(found) if *found == bytes => {}
                Some(found) => self.verdict.wrong(Sort::State, Wrong::Different, || {
                    described(
                        which(key),
                        Some(readable(key, &bytes)),
                        Some(readable(key, found)),
                    )
                }),
                None => self.verdict.wrong(Sort::State, Wrong::Lost, || {
                    described(which(key), Some(readable(key, &bytes)), None)
                }),
            }
        }
        if accounted < fold.values.len() {
            let expected: HashSet<&Key> = table.states().into_iter().map(|(key, _)| key).collect();
            for (key, found) in &fold.values {
                if !expected.contains(key) {
                    self.verdict.wrong(Sort::State, Wrong::Unknown, || {
                        described(which(key), None, Some(readable(key, found)))
                    });
                }
            }
        }
        number
    }

    /// Holds the channels of a shard to their numbers: 1 to n without gap or repeat, and n as the last step says; and to
    /// what the first of them tells of the time.
    pub(super) fn channels(&mut self, progress: &Progress) {
        let (shard, sight) = (progress.shard, self.sight);
        let said = |partition: ShardId| {
            let channels = progress.channels.get(partition.index());
            channels.copied().unwrap_or_default()
        };
        let told = self.outputs.channels.remove(&shard).unwrap_or_default();
        let which = |partition, number| {
            format!("number {number} of shard {shard} on partition {partition} of deltas")
        };
        for (partition, number) in &told.gaps {
            self.verdict.wrong(Sort::Delta, Wrong::Lost, || {
                described(which(*partition, *number), None, None)
            });
        }
        for (partition, number) in &told.repeats {
            self.verdict.wrong(Sort::Delta, Wrong::Doubled, || {
                described(which(*partition, *number), None, None)
            });
        }
        self.clocks(shard, &told.odd_clocks, &told.later_clocks);
        for partition in 0..self.delta_partitions {
            let partition = ShardId(i32::try_from(partition).unwrap_or(i32::MAX));
            let last = told.last.get(&partition).copied().unwrap_or_default();
            for missing in last + 1..=said(partition) {
                self.verdict.wrong(Sort::Delta, Wrong::Lost, || {
                    described(which(partition, missing), None, None)
                });
            }
            let seen = self.deltas_seen.get(&(shard, partition));
            let beyond = told.deltas.get(&partition).into_iter().flatten();
            for (number, published) in beyond.skip(seen.copied().unwrap_or_default()) {
                if *number <= said(partition) || covers(&self.before.deltas, published) {
                    self.verdict.wrong(Sort::Delta, Wrong::Unknown, || {
                        let found = sight.delta(published.place);
                        described(which(partition, *number), None, Some(found))
                    });
                }
            }
        }
    }

    fn clocks(&mut self, shard: ShardId, odd: &[OddClock], later: &[Published]) {
        let which = |Place { partition, offset }| {
            format!("clock of shard {shard} on partition {partition} of deltas, offset {offset}")
        };
        for OddClock { place, told, first } in odd {
            self.verdict.wrong(Sort::Delta, Wrong::Different, || {
                let first = first.as_ref().map(told_by);
                described(which(*place), first, Some(told_by(told)))
            });
        }
        for published in later {
            if covers(&self.before.deltas, published) {
                let sight = self.sight;
                self.verdict.wrong(Sort::Delta, Wrong::Unknown, || {
                    let found = sight.delta(published.place);
                    described(which(published.place), None, Some(found))
                });
            }
        }
    }

    /// What is left when every shard has accounted for its own.
    pub(super) fn leftovers(&mut self) {
        self.left_alerts();
        self.left_scores();
        let dead_letters = std::mem::take(&mut self.outputs.dead_letters);
        self.left_aside(Sort::DeadLetter, dead_letters);
        let late = std::mem::take(&mut self.outputs.late);
        self.left_aside(Sort::Late, late);
        for place in std::mem::take(&mut self.outputs.strange_deltas) {
            self.strange(Sort::Delta, place);
        }
        for (shard, told) in std::mem::take(&mut self.outputs.channels) {
            for partition in told.last.keys() {
                self.verdict.wrong(Sort::Delta, Wrong::Unknown, || {
                    let which = format!(
                        "what shard {shard}, which has no step, told partition {partition}"
                    );
                    described(which, None, None)
                });
            }
        }
    }

    fn left_alerts(&mut self) {
        let (alerts, sight) = (std::mem::take(&mut self.outputs.alerts), self.sight);
        let which = |(id, sequence)| format!("alert {id:032x}, sequence {sequence}");
        for (key, found) in alerts.again {
            self.verdict.wrong(Sort::Alert, Wrong::Doubled, || {
                described(which(key), None, Some(sight.alert(found.place)))
            });
        }
        for (key, found) in alerts.once {
            if covers(&self.before.alerts, &found) {
                self.verdict.wrong(Sort::Alert, Wrong::Unknown, || {
                    described(which(key), None, Some(sight.alert(found.place)))
                });
            }
        }
        for place in alerts.strange {
            self.strange(Sort::Alert, place);
        }
    }

    fn left_scores(&mut self) {
        let (scores, sight) = (std::mem::take(&mut self.outputs.scores), self.sight);
        let describe = |key: &[u8], at| {
            let which = format!("score {}", String::from_utf8_lossy(key));
            let found = sight.text(&sight.topic(Sort::Score), at);
            described(which, None, Some(found))
        };
        for (key, found) in scores.again {
            self.verdict
                .wrong(Sort::Score, Wrong::Doubled, || describe(&key, found.place));
        }
        for (key, found) in scores.once {
            if covers(&self.before.scores, &found) {
                self.verdict
                    .wrong(Sort::Score, Wrong::Unknown, || describe(&key, found.place));
            }
        }
        for place in scores.strange {
            self.strange(Sort::Score, place);
        }
    }

    fn left_aside(&mut self, sort: Sort, left: Unique<Origin, SetAside>) {
        let sight = self.sight;
        let describe =
            |origin, at| described(place_of(origin), None, Some(sight.set_aside(sort, at)));
        for (origin, found) in left.again {
            self.verdict
                .wrong(sort, Wrong::Doubled, || describe(origin, found.place));
        }
        for (origin, found) in left.once {
            // What stands behind V was set aside by a later step.
            let (stage, shard, offset) = origin;
            let position = self.positions.get(&(stage, shard));
            if position.is_none_or(|v| offset < *v) {
                self.verdict
                    .wrong(sort, Wrong::Unknown, || describe(origin, found.place));
            }
        }
        for place in left.strange {
            self.strange(sort, place);
        }
    }

    fn strange(&mut self, sort: Sort, place: Place) {
        let sight = self.sight;
        self.verdict.wrong(sort, Wrong::Unknown, || {
            let (Place { partition, offset }, topic) = (place, sight.topic(sort));
            let which = format!("offset {offset} of partition {partition} of {topic}");
            described(which, None, Some(sight.text(&topic, place)))
        });
    }
}

impl Sight<'_> {
    fn alert(self, at: Place) -> String {
        self.text(&self.deployment.alerts(), at)
    }

    fn delta(self, at: Place) -> String {
        self.text(&self.deployment.deltas(), at)
    }

    fn set_aside(self, sort: Sort, at: Place) -> String {
        self.text(&self.topic(sort), at)
    }

    fn topic(self, sort: Sort) -> String {
        match sort {
            Sort::Late => self.deployment.late(),
            Sort::DeadLetter => self.deployment.dead_letter(),
            Sort::Delta => self.deployment.deltas(),
            Sort::Score => self.deployment.scores(),
            Sort::Alert | Sort::State | Sort::Store => self.deployment.alerts(),
        }
    }

    /// Returns what stands at a place, as far as it can be read again.
    fn text(self, topic: &str, at: Place) -> String {
        let text = self.log.text_at(topic, at.partition, at.offset);
        text.unwrap_or_else(|error| error.to_string())
    }
}

fn covers(ends: &[Offset], published: &Published) -> bool {
    let Place { partition, offset } = published.place;
    ends.get(partition.index()).is_some_and(|end| offset < *end)
}

fn described(which: String, expected: Option<String>, found: Option<String>) -> Described {
    Described {
        which,
        expected,
        found,
    }
}

/// JSON in lines, each of which can be compared.
fn pretty(what: &impl Serialize) -> String {
    // By way of a tree, which orders the fields as what was found is shown.
    let tree = serde_json::to_value(what).expect("what is published always serialises");
    format!("{tree:#}")
}

/// What a clock says, in lines.
fn told_by(clock: &Clock) -> String {
    let Clock {
        position,
        stream_time,
        tick,
    } = *clock;
    pretty(&What::Clock {
        position,
        stream_time,
        tick,
    })
}

/// Where a record that was set aside had stood.
fn place_of((stage, shard, offset): Origin) -> String {
    format!("offset {offset} of shard {shard} of {stage}")
}

/// A stored state in lines.
pub(super) fn readable<S: Stage>(stage: &S, key: &str, bytes: &[u8]) -> String {
    match stage.read(key, bytes) {
        Ok(stored) => format!("{:#?}", stored.state),
        Err(error) => format!("{} bytes that are no state: {error}", bytes.len()),
    }
}
