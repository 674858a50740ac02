//! Looks every minute whether topics and store are still what delivery rests on.
//!
//! A setting that was right at the start may be changed by hand later, as when somebody gives the changelog a `delete`
//! policy to save room, or lets Redis evict. Then every shard of this process stops and says which setting it was: going on
//! could lose states.
//!
//! A restart of brokers changes nothing and must need nobody, whatever they say in the midst of it: see [`Memory`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::warn;

use crate::clock::Stopwatch;
use crate::config::{Config, Store};
use crate::kafka::admin::{Admin, AdminError};
use crate::kafka::topics::{Difference, FoundTopic, Shape, Weight, differences, wanted};
use crate::pipeline::error::told;
use crate::protocol::Halt;
use crate::store::{RedisFacts, RedisSettings, RedisStore, Unfit};

/// How often we look.
const EVERY: Duration = Duration::from_mins(1);
/// Looks in a row that must miss a topic, or find its settings unreadable, before that counts.
const LOOKS: u32 = 3;
/// How often we look whether we are to stop.
const LOOK: Duration = Duration::from_millis(200);

/// What the watch has found, shared with the workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vigil {
    found: Arc<Mutex<Option<Halt>>>,
    /// Looked at in every turn of a worker, hence without a lock.
    is_violated: Arc<AtomicBool>,
}

impl Vigil {
    /// Returns which setting is no longer right, if one isn't.
    pub(crate) fn violation(&self) -> Option<Halt> {
        if !self.is_violated.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Watches on a thread of its own until `stop` is set.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn keep(&self, config: &Config, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
        let (vigil, stop, mut watch) = (self.clone(), Arc::clone(stop), Watch::new(config));
        let watch = move || {
            let mut since = Stopwatch::start();
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                if since.elapsed() >= EVERY {
                    since = Stopwatch::start();
                    vigil.tell(watch.look());
                }
            }
        };
        thread::Builder::new()
            .name("vigil".to_owned())
            .spawn(watch)?;
        Ok(())
    }

    /// Tells the workers what is not right, if something isn't. A shard that has halted stays so until it is assigned anew.
    fn tell(&self, violation: Option<Halt>) {
        let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_violated
            .store(violation.is_some(), Ordering::Relaxed);
        *known = violation;
    }
}

/// Whoever looks.
struct Watch {
    config: Config,
    topics: Vec<String>,
    memory: Memory,
    /// What is wrong with a topic, by the last look that had an answer.
    topic: Option<Halt>,
    /// None where states are kept in the process.
    redis: Option<RedisStore>,
    /// The same of it.
    store: Option<Halt>,
}

impl Watch {
    fn new(config: &Config) -> Self {
        let topics = wanted(&config.deployment, &Shape::new(config.assurance)).into_iter();
        Self {
            config: config.clone(),
            topics: topics.map(|topic| topic.name).collect(),
            memory: Memory::default(),
            topic: None,
            redis: redis(config),
            store: None,
        }
    }

    /// Looks, and returns what is not right.
    fn look(&mut self) -> Option<Halt> {
        match self.violated() {
            Ok(found) => self.topic = found.map(halt),
            // Brokers that don't answer have changed nothing.
            Err(error) => warn!(%error, "the settings of the topics could not be looked at"),
        }
        match self.redis.as_mut().map(RedisStore::facts).transpose() {
            Ok(facts) => self.store = facts.as_ref().and_then(evicts),
            // Nor has a store.
            Err(error) => warn!(
                cause = told(&error),
                "the settings of Redis could not be looked at"
            ),
        }
        self.topic.clone().or_else(|| self.store.clone())
    }

    fn violated(&mut self) -> Result<Option<Difference>, AdminError> {
        let found = Admin::new(&self.config)?.topics(&self.topics)?;
        let found = self.memory.settle(&self.topics, found);
        let differences = found.map(|found| differences(&self.config, &found));
        let mut differences = differences.into_iter().flatten();
        Ok(differences.find(|it| it.weight == Weight::Refusal))
    }
}

/// A connection is made for each look, for one that stands does not notice that its server has become another.
fn redis(config: &Config) -> Option<RedisStore> {
    let Store::Redis(redis) = config.store.clone() else {
        return None;
    };
    let access = move || RedisSettings::of(&redis, false);
    Some(RedisStore::new("vigil", Box::new(access)))
}

/// What it does not tell, it was trusted with at the start; a replica may be a primary again in a moment.
fn evicts(facts: &RedisFacts) -> Option<Halt> {
    let Some(Unfit::Evicts(policy)) = facts.unfit() else {
        return None;
    };
    Some(Halt::SettingChanged {
        setting: "redis: maxmemory-policy".to_owned(),
        demanded: "noeviction".to_owned(),
        found: policy,
        why: "an evicted state reads as a new customer".to_owned(),
    })
}

fn halt(difference: Difference) -> Halt {
    Halt::SettingChanged {
        setting: format!("topic {}: {}", difference.topic, difference.setting),
        demanded: difference.wanted,
        found: difference.found,
        why: difference.why,
    }
}

/// What the topics are like, as far as looks can be believed.
///
/// A broker that has just come back may say that there is no such topic, or not know its settings. That counts when several
/// looks in a row say so; until then the topic is as it was when last seen, for others are judged by it. What a broker does
/// say of a setting counts at once.
#[derive(Debug, Default)]
struct Memory {
    seen: BTreeMap<String, FoundTopic>,
    /// Looks in a row that have missed a topic.
    missed: BTreeMap<String, u32>,
}

impl Memory {
    /// Returns what the topics are like after one more look; none as long as that is not known of each.
    fn settle(
        &mut self,
        names: &[String],
        mut found: BTreeMap<String, FoundTopic>,
    ) -> Option<BTreeMap<String, FoundTopic>> {
        let mut known = true;
        for name in names {
            let topic = found.get(name);
            if let Some(topic) = topic.filter(|topic| topic.settings.is_ok()) {
                self.seen.insert(name.clone(), topic.clone());
                self.missed.remove(name);
                continue;
            }
            let missed = self.missed.entry(name.clone()).or_default();
            *missed += 1;
            if *missed >= LOOKS {
                continue;
            }
            match self.seen.get(name) {
                Some(seen) => {
                    found.insert(name.clone(), seen.clone());
                }
                None => known = false,
            }
        }
        known.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a look finds of a topic: its `cleanup.policy`, or that nobody may read it.
    fn topic(policy: Result<&str, &str>) -> FoundTopic {
        let settings = |policy: &str| [("cleanup.policy".to_owned(), policy.to_owned())];
        FoundTopic {
            partitions: 12,
            replication: 3,
            settings: policy
                .map(|policy| settings(policy).into())
                .map_err(str::to_owned),
        }
    }

    /// What is believed of a topic after a look at it.
    #[derive(Debug, Clone, PartialEq)]
    enum Belief {
        /// It can't be said yet.
        None,
        Missing,
        There(FoundTopic),
    }

    fn belief(found: Option<FoundTopic>) -> Belief {
        found.map_or(Belief::Missing, Belief::There)
    }

    /// What a memory makes of looks at two topics, of which the second is always there.
    fn looks(memory: &mut Memory, of: &[Option<FoundTopic>]) -> Vec<Belief> {
        let names = ["d.events", "d.alerts"].map(str::to_owned);
        let look = |events: &Option<FoundTopic>| {
            let mut found = BTreeMap::from([(names[1].clone(), topic(Ok("compact")))]);
            found.extend(events.clone().map(|events| (names[0].clone(), events)));
            let Some(settled) = memory.settle(&names, found) else {
                return Belief::None;
            };
            assert_eq!(settled[&names[1]], topic(Ok("compact")));
            belief(settled.get(&names[0]).cloned())
        };
        of.iter().map(look).collect()
    }

    #[test]
    fn a_topic_that_is_missed_for_a_moment_is_as_it_was() {
        let there = Some(topic(Ok("delete")));
        for oddity in [None, Some(topic(Err("unknown topic")))] {
            let mut memory = Memory::default();
            let told = [&there, &oddity, &oddity, &there, &oddity, &oddity].map(Clone::clone);
            assert_eq!(looks(&mut memory, &told), vec![belief(there.clone()); 6]);
            let gone = looks(&mut memory, &[oddity.clone(), oddity.clone()]);
            assert_eq!(gone, vec![belief(oddity); 2], "missed three times in a row");
            let back = looks(&mut memory, std::slice::from_ref(&there));
            assert_eq!(back, [belief(there.clone())]);
        }
    }

    #[test]
    fn a_topic_that_was_never_seen_is_judged_after_three_looks() {
        let mut memory = Memory::default();
        let told = looks(&mut memory, &[None, None, None]);
        assert_eq!(told, [Belief::None, Belief::None, Belief::Missing]);
    }

    #[test]
    fn a_setting_that_has_changed_counts_at_once() {
        let mut memory = Memory::default();
        let told = ["delete", "compact"].map(|policy| Some(topic(Ok(policy))));
        let believed = told.clone().map(belief);
        assert_eq!(looks(&mut memory, &told), believed);
    }

    #[test]
    fn a_redis_that_evicts_is_named() {
        let redis = |policy: Option<&str>| RedisFacts {
            maxmemory_policy: policy.map(str::to_owned),
            ..RedisFacts::default()
        };
        let halt = evicts(&redis(Some("allkeys-lru"))).unwrap().to_string();
        let told = "redis: maxmemory-policy is allkeys-lru, must be noeviction: ";
        assert!(halt.starts_with(told), "{halt}");
        assert_eq!(evicts(&redis(Some("noeviction"))), None);
        assert_eq!(evicts(&redis(None)), None, "it is not asked to tell");
    }

    #[test]
    fn what_was_found_is_told_until_it_is_right_again() {
        let vigil = Vigil::default();
        let changed = Halt::SettingChanged {
            setting: "topic d.events: cleanup.policy".to_owned(),
            demanded: "delete".to_owned(),
            found: "compact".to_owned(),
            why: "a compacted source has hidden skips".to_owned(),
        };
        vigil.tell(Some(changed.clone()));
        assert_eq!(vigil.violation(), Some(changed));
        vigil.tell(None);
        assert_eq!(vigil.violation(), None);
    }
}
