//! What the start learns of the topics: how many partitions they have, and how large their records may be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::LiveError;
use crate::config::{Config, StageName};
use crate::kafka::admin::Admin;
use crate::kafka::topics::{Shape, wanted};

/// What brokers take unless told otherwise.
const DEFAULT_BYTES_MAX: usize = 1_048_588;
/// What brokers keep deletions for unless told otherwise.
const DEFAULT_DELETE_RETENTION: Duration = Duration::from_hours(24);

/// What the start has learnt of the topics.
#[derive(Debug, Clone)]
pub struct Topics(BTreeMap<String, Topic>);

/// What the start has learnt of one topic.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Topic {
    pub(in crate::pipeline) partitions: u32,
    /// The largest record, in bytes.
    pub(in crate::pipeline) bytes_max: usize,
    pub(in crate::pipeline) delete_retention: Duration,
}

impl Topics {
    /// Asks the brokers for the topics of some stages.
    ///
    /// # Errors
    /// [`LiveError`] if one is missing, or the cluster does not answer.
    pub fn learn(config: &Config, stages: &BTreeSet<StageName>) -> Result<Self, LiveError> {
        let names = names(config, stages);
        let found = Admin::new(config)?.topics(&names)?;
        let shape = Shape::new(config.assurance).fitting(&config.deployment, &found);
        let wanted = wanted(&config.deployment, &shape);
        let learnt = names.into_iter().map(|name| {
            let Some(found) = found.get(&name) else {
                return Err(LiveError::NoTopic(name));
            };
            let wanted = wanted.iter().find(|topic| topic.name == name);
            let number = |setting: &str| -> Option<u64> {
                let value = match &found.settings {
                    Ok(settings) => settings.get(setting).map(String::as_str),
                    // Taken on trust: it is as it should be.
                    Err(_) => wanted.and_then(|topic| topic.value(setting)),
                };
                value?.parse().ok()
            };
            let bytes_max = number("max.message.bytes").and_then(|it| usize::try_from(it).ok());
            let delete_retention = number("delete.retention.ms").map(Duration::from_millis);
            let topic = Topic {
                partitions: found.partitions,
                bytes_max: bytes_max.unwrap_or(DEFAULT_BYTES_MAX),
                delete_retention: delete_retention.unwrap_or(DEFAULT_DELETE_RETENTION),
            };
            Ok((name, topic))
        });
        learnt.collect::<Result<_, _>>().map(Self)
    }

    /// Returns what was learnt of a topic.
    pub(in crate::pipeline) fn get(&self, name: &str) -> &Topic {
        &self.0[name]
    }
}

/// Topics that some stages read and write.
fn names(config: &Config, stages: &BTreeSet<StageName>) -> Vec<String> {
    let deployment = &config.deployment;
    let mut names = vec![
        deployment.events(),
        deployment.deltas(),
        deployment.alerts(),
        deployment.dead_letter(),
        deployment.late(),
    ];
    if stages.contains(&StageName::Cohort) {
        names.push(deployment.scores());
    }
    let changelogs = stages
        .iter()
        .map(|stage| deployment.changelog(stage.as_str()));
    names.extend(changelogs);
    names
}
