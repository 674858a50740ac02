//! Alerts as they come, for whoever looks: read from the topic, in either form, and changed by nobody.
//!
//! An alert is shown as it was published, in its JSON form. What is wanted is told by its own fields, so that alerts of
//! other releases are found too.

use std::thread;
use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::OwnedMessage;
use serde_json::Value;
use waymark_engine::event::Rejection;

use super::inspect::Coordinates;
use super::readable::readable;
use super::stage::Schemas;
use crate::clock::Stopwatch;
use crate::config::Config;
use crate::kafka::{FollowError, Follower, Since};
use crate::protocol::{Offset, ShardId};
use crate::registry::RegistryError;

/// How long the registry may be away: a restart passes unnoticed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which alerts to show: of each list one, where the list is not empty.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Ids of rules.
    pub rules: Vec<String>,
    /// Kinds, such as `application_stalled`.
    pub kinds: Vec<String>,
    /// Ids of customers.
    pub customers: Vec<String>,
    /// Cohorts, such as `branch=17`.
    pub cohorts: Vec<String>,
    /// Statuses, such as `raised`.
    pub statuses: Vec<String>,
}

/// What came.
#[derive(Debug, Clone, PartialEq)]
pub enum Tapped {
    /// An alert that is wanted.
    Alert(Value),
    /// A record that can't be read, and why; it may be wanted or not.
    Unreadable(Coordinates, Rejection),
}

/// Why nothing more can be shown.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    /// The topic can't be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// What has come can't be read for want of its schema.
    #[error("the next alert cannot be read")]
    Registry(#[from] RegistryError),
}

/// A record whose schema can't be asked for now.
struct Waiting {
    record: OwnedMessage,
    since: Stopwatch,
}

/// A look at the alerts of a deployment.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Tap {
    follower: Follower,
    schemas: Schemas,
    wanted: Wanted,
    waiting: Option<Waiting>,
}

impl Tap {
    /// Begins to look.
    ///
    /// # Errors
    /// [`FollowError`] if the topic is missing or the brokers can't be asked.
    pub fn open(
        config: &Config,
        schemas: Schemas,
        since: Since,
        wanted: Wanted,
    ) -> Result<Self, FollowError> {
        Ok(Self {
            follower: Follower::open(&config.kafka, &config.deployment.alerts(), since)?,
            schemas,
            wanted,
            waiting: None,
        })
    }

    /// Returns what the next record brings, if one comes in time and it is wanted.
    ///
    /// # Errors
    /// [`TapError`] if the topic can't be read any more, or the registry has been away for half a minute.
    pub fn next(&mut self, within: Duration) -> Result<Option<Tapped>, TapError> {
        let Waiting { record, since } = match self.waiting.take() {
            Some(waiting) => waiting,
            None => match self.follower.next(within)? {
                Some(record) => Waiting {
                    record: record.detach(),
                    since: Stopwatch::start(),
                },
                None => return Ok(None),
            },
        };
        if record.payload().is_none() {
            return Ok(None); // somebody has taken the alert back by hand
        }
        match readable(&record, &self.schemas) {
            Ok(said) => Ok(self.tapped(&record, said)),
            Err(RegistryError::Away(_)) if since.elapsed() < PATIENCE => {
                self.waiting = Some(Waiting { record, since });
                thread::sleep(within);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn tapped(&self, record: &impl Message, said: Result<Value, Rejection>) -> Option<Tapped> {
        let at = Coordinates {
            topic: record.topic().to_owned(),
            partition: ShardId(record.partition()),
            offset: Offset(record.offset()),
        };
        match said {
            Ok(alert) => self.wanted.wants(&alert).then_some(Tapped::Alert(alert)),
            Err(rejection) => Some(Tapped::Unreadable(at, rejection)),
        }
    }
}

impl Wanted {
    fn wants(&self, alert: &Value) -> bool {
        let text = |name: &str| alert[name].as_str();
        let one_of = |wanted: &[String], said: Option<&str>| {
            wanted.is_empty() || said.is_some_and(|said| wanted.iter().any(|it| it == said))
        };
        let cohort = &alert["cohort"];
        let cohort = cohort["dimension"].as_str().zip(cohort["value"].as_str());
        let cohort = cohort.map(|(dimension, value)| format!("{dimension}={value}"));
        one_of(&self.rules, text("rule"))
            && one_of(&self.kinds, text("kind"))
            && one_of(&self.customers, text("customer_id"))
            && one_of(&self.cohorts, cohort.as_deref())
            && one_of(&self.statuses, text("status"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alert_is_wanted_if_each_list_has_it_and_an_empty_list_has_all() {
        let alert = json!({ "rule": "stalled", "kind": "application_stalled", "status": "raised",
            "customer_id": "C-1", "cohort": null });
        let of = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
        assert!(Wanted::default().wants(&alert));
        let mut wanted = Wanted {
            customers: of(&["C-2", "C-1"]),
            statuses: of(&["raised"]),
            ..Wanted::default()
        };
        assert!(wanted.wants(&alert));
        wanted.rules = of(&["quiet"]);
        assert!(!wanted.wants(&alert));
        wanted.rules = of(&["stalled"]);
        wanted.cohorts = of(&["branch=17"]);
        assert!(!wanted.wants(&alert), "it is of a customer");
    }

    #[test]
    fn a_cohort_is_named_by_dimension_and_value() {
        let alert = json!({ "cohort": { "dimension": "branch", "value": "17" } });
        let of = |cohort: &str| Wanted {
            cohorts: vec![cohort.to_owned()],
            ..Wanted::default()
        };
        assert!(of("branch=17").wants(&alert));
        assert!(!of("branch=1").wants(&alert));
    }
}
