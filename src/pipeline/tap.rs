//! Alerts as they come, for whoever looks: read from the topic, in either form, and changed by nobody.
//!
//! An alert is shown as it was published, in its JSON form. What is wanted is told by its own fields, so that alerts of
//! other releases are found too.

use std::time::Duration;

use rdkafka::Message;
use serde_json::Value;

use super::inspect::Coordinates;
use super::readable::readable;
use super::stage::Schemas;
use crate::config::Config;
use crate::kafka::{FollowError, Follower, Since};
use crate::protocol::{Offset, ShardId};

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
    /// A record that can't be read, for its schema is not known; it may be wanted or not.
    Unreadable(Coordinates),
}

/// A look at the alerts of a deployment.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Tap {
    follower: Follower,
    schemas: Schemas,
    wanted: Wanted,
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
        })
    }

    /// Returns what the next record brings, if one comes in time and it is wanted.
    ///
    /// # Errors
    /// [`FollowError`] if the topic can't be read any more.
    pub fn next(&mut self, within: Duration) -> Result<Option<Tapped>, FollowError> {
        let Some(record) = self.follower.next(within)? else {
            return Ok(None);
        };
        if record.payload().is_none() {
            return Ok(None); // somebody has taken the alert back by hand
        }
        let Some(alert) = readable(&record, &self.schemas) else {
            return Ok(Some(Tapped::Unreadable(Coordinates {
                topic: record.topic().to_owned(),
                partition: ShardId(record.partition()),
                offset: Offset(record.offset()),
            })));
        };
        Ok(self.wanted.wants(&alert).then_some(Tapped::Alert(alert)))
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
