//! What everything that was published amounts to, record by record: a fold, without clock or broker.
//!
//! Where applications stand is read from the journeys in the changelog of customers, how far the workers are from their
//! progress records, the rest from alerts and scores as they are published.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::Value;
use waymark_engine::definition::Definition;
use waymark_engine::event::{Text, Timestamp};
use waymark_engine::journey::Journey;
use waymark_engine::stage::Books;

use super::told::Taken;
use crate::protocol::{CHANGE_KEY, PROGRESS_KEY, Progress, ShardId};

/// Kinds of alerts that are few and tell much.
const TURNS: [&str; 2] = ["nps_shift", "promoter_turned_detractor"];
const TURNS_MAX: usize = 50;
/// Stages that the definition does not name: a log may use any number of them.
const OTHER: &str = "other";

/// All that was heard.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Stages in the order of the definition, then all others as one, if applications are in any.
    pub(crate) stages: Vec<Stage>,
    /// Ended applications by the kind of event that ended them.
    pub(crate) ended: BTreeMap<&'static str, u64>,
    /// Transitions of alerts by kind and status.
    pub(crate) alerts: BTreeMap<String, BTreeMap<String, u64>>,
    /// All transitions of alerts.
    pub(crate) transitions: u64,
    /// The last score of each cohort and question.
    pub(crate) scores: BTreeMap<String, Value>,
    /// The scores that moved and the promoters who turned, as raised; the last fifty.
    pub(crate) turns: VecDeque<Value>,
    /// Alerts that nobody has taken yet.
    fresh: Vec<Value>,
    /// Where each application of a customer stands.
    applications: HashMap<String, Vec<Place>>,
    /// Open alerts on stalled applications: the stage, and whether its limit has passed.
    stalled: HashMap<String, (String, bool)>,
    /// Open alerts on scores that fell: the dimension and the value of the cohort.
    fallen: BTreeMap<String, [Value; 2]>,
    customers: BTreeMap<ShardId, Progress>,
    cohorts: BTreeMap<ShardId, Progress>,
}

/// A stage that applications go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Its name in the definition.
    pub(crate) name: Text,
    /// Applications that are in it now.
    pub(crate) applications: u64,
}

/// Where an application stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    In(Text),
    Ended(&'static str),
}

impl Seen {
    /// Nothing yet.
    pub(crate) fn new(definition: &Definition) -> Self {
        let stages = definition.stages.iter().map(|stage| Stage {
            name: stage.name.clone(),
            applications: 0,
        });
        Self {
            stages: stages.collect(),
            ..Self::default()
        }
    }

    /// Returns how the records of all customers ended so far.
    pub(crate) fn books(&self) -> Books {
        let mut sum = Books::default();
        for progress in self.customers.values() {
            sum.add(&progress.books);
        }
        sum
    }

    /// Returns what the workers have taken.
    pub(crate) fn taken(&self) -> Taken {
        let customers = self.customers.iter();
        let published = self.customers.values().flat_map(|it| &it.channels);
        let heard = self.cohorts.values().map(|it| it.books.received);
        let published: u64 = published.sum();
        Taken {
            by_partition: customers
                .map(|(shard, progress)| (shard.0, progress.books.received))
                .collect(),
            deltas_waiting: published.saturating_sub(heard.sum()),
        }
    }

    /// Returns how many steps both stages have taken.
    pub(crate) fn steps(&self) -> u64 {
        let all = self.customers.values().chain(self.cohorts.values());
        all.map(|progress| progress.step.0).sum()
    }

    /// Returns how many customers are known.
    pub(crate) fn known_customers(&self) -> usize {
        self.applications.len()
    }

    /// Returns how many shards of customers and of cohorts have begun.
    pub(crate) fn begun(&self) -> (usize, usize) {
        (self.customers.len(), self.cohorts.len())
    }

    /// Returns the clock of all cohorts, the last to know what time it is; none before all of them know any.
    pub(crate) fn cohort_time(&self) -> Option<Timestamp> {
        let times = self.cohorts.values().map(|progress| progress.stream_time);
        times.min().flatten()
    }

    /// Returns how many applications are stalled in a stage: warned of, and beyond its limit.
    pub(crate) fn stalled(&self, stage: &str) -> (u64, u64) {
        let here = self.stalled.values().filter(|(of, _)| of == stage);
        here.fold((0, 0), |(warned, beyond), (_, is_beyond)| {
            if *is_beyond {
                (warned, beyond + 1)
            } else {
                (warned + 1, beyond)
            }
        })
    }

    /// Returns whether a score of a cohort has fallen, and the alert on it is open.
    pub(crate) fn has_fallen(&self, cohort: &Value) -> bool {
        let cohort = [&cohort["dimension"], &cohort["value"]];
        self.fallen.values().any(|it| it.each_ref() == cohort)
    }

    /// Returns the alerts that came since the last call.
    pub(crate) fn take_alerts(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.fresh)
    }

    /// Takes in an alert.
    pub(super) fn alert(&mut self, value: &[u8]) {
        let Ok(alert) = serde_json::from_slice::<Value>(value) else {
            return;
        };
        let say = |key: &str| alert[key].as_str().unwrap_or_default().to_owned();
        let (kind, status) = (say("kind"), say("status"));
        let (id, is_open) = (say("alert_id"), status == "raised" || status == "updated");
        if kind == "application_stalled" && is_open {
            let stage = alert["details"]["stage"].as_str().unwrap_or_default();
            let entry = (self.column(stage).to_owned(), alert["level"] == "breached");
            self.stalled.insert(id, entry);
        } else if kind == "nps_shift" && is_open && alert["details"]["direction"] == "fall" {
            let part = |key: &str| alert["cohort"][key].clone();
            self.fallen.insert(id, [part("dimension"), part("value")]);
        } else if !is_open {
            self.stalled.remove(&id);
            self.fallen.remove(&id);
        }
        if is_turn(&alert) && status == "raised" {
            self.turns.push_back(alert.clone());
            if self.turns.len() > TURNS_MAX {
                self.turns.pop_front();
            }
        }
        let statuses = self.alerts.entry(kind).or_default();
        *statuses.entry(status).or_default() += 1;
        self.transitions += 1;
        self.fresh.push(alert);
    }

    /// Takes in a score: the last word on a cohort and a question.
    pub(super) fn score(&mut self, value: &[u8]) {
        let Ok(score) = serde_json::from_slice::<Value>(value) else {
            return;
        };
        let parts = [
            &score["cohort"]["dimension"],
            &score["cohort"]["value"],
            &score["instrument"],
            &score["touchpoint"],
            &score["score_dimension"],
        ];
        let key = parts.map(|part| part.as_str().unwrap_or_default());
        let key = key.join("\u{0}");
        let newer = |known: &Value| known["to"].as_str() <= score["to"].as_str();
        if self.scores.get(&key).is_none_or(newer) {
            self.scores.insert(key, score);
        }
    }

    /// Takes in a record of the changelog of customers.
    pub(super) fn customer(&mut self, key: &[u8], value: Option<&[u8]>) {
        match (key, value) {
            (PROGRESS_KEY, Some(value)) => note(&mut self.customers, value),
            ([CHANGE_KEY, customer @ ..], value) => {
                let journey = value.and_then(|value| Journey::decode(value).ok());
                let places = journey.map(|journey| places(&journey)).unwrap_or_default();
                let customer = String::from_utf8_lossy(customer).into_owned();
                for place in &places {
                    self.count(place, 1);
                }
                let before = match value {
                    Some(_) => self.applications.insert(customer, places),
                    None => self.applications.remove(&customer),
                };
                for place in before.into_iter().flatten() {
                    self.count(&place, -1);
                }
            }
            _ => {}
        }
    }

    /// Takes in a record of the changelog of cohorts.
    pub(super) fn cohort(&mut self, key: &[u8], value: &[u8]) {
        if key == PROGRESS_KEY {
            note(&mut self.cohorts, value);
        }
    }

    /// The name under which a stage is counted.
    fn column<'s>(&self, stage: &'s str) -> &'s str {
        if self.stages.iter().any(|it| *it.name == *stage) {
            stage
        } else {
            OTHER
        }
    }

    fn count(&mut self, place: &Place, change: i64) {
        let number = match place {
            Place::Ended(kind) => self.ended.entry(kind).or_default(),
            Place::In(stage) => {
                let column = self.column(stage);
                let known = self.stages.iter().position(|it| *it.name == *column);
                let known = known.unwrap_or_else(|| {
                    self.stages.push(Stage {
                        name: column.into(),
                        applications: 0,
                    });
                    self.stages.len() - 1
                });
                &mut self.stages[known].applications
            }
        };
        *number = number.saturating_add_signed(change);
    }
}

/// Returns whether an alert tells of a turn: a score that moved, a promoter who turned away.
pub(super) fn is_turn(alert: &Value) -> bool {
    alert["kind"]
        .as_str()
        .is_some_and(|kind| TURNS.contains(&kind))
}

/// Keeps the last word of a shard.
fn note(shards: &mut BTreeMap<ShardId, Progress>, value: &[u8]) {
    if let Ok(progress) = Progress::decode(value) {
        shards.insert(progress.shard, progress);
    }
}

fn places(journey: &Journey) -> Vec<Place> {
    let applications = journey.applications.iter();
    applications
        .map(
            |application| match (application.ended, application.stage()) {
                (Some(ended), _) => Place::Ended(ended.kind.name()),
                (None, stage) => Place::In(stage.unwrap_or("unknown").into()),
            },
        )
        .collect()
}

#[cfg(test)]
mod tests;
