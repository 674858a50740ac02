//! The name of a deployment and every name that follows from it: topics, groups, changelogs.
//!
//! A deployment is a tenant: two of them may share brokers and a Redis, and nothing they own has the same name.

use std::fmt;

/// The checked name of a deployment.
///
/// Invariant: lower-case letters, digits, dots and hyphens, beginning with a letter, at most [`Deployment::LEN_MAX`]
/// bytes. No underscore: Kafka's metrics can't tell it from the dots we add.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deployment(String);

impl Deployment {
    /// Kafka takes topic names of 249 bytes; this leaves room for every suffix of ours.
    pub const LEN_MAX: usize = 100;

    /// Checks a name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(allowed) {
            return Err(format!(
                "{name:?} is no name of a deployment: lower-case letters, digits, dots and hyphens, beginning with a letter"
            ));
        }
        if name.len() > Self::LEN_MAX {
            let max = Self::LEN_MAX;
            return Err(format!(
                "the name has {} bytes, {max} are allowed",
                name.len()
            ));
        }
        Ok(Self(name.to_owned()))
    }

    /// Returns the name itself: the prefix of everything this deployment owns.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the topic that the customer stage reads.
    pub fn events(&self) -> String {
        self.topic("events")
    }

    /// Returns the topic of alerts.
    pub fn alerts(&self) -> String {
        self.topic("alerts")
    }

    /// Returns the compacted topic of scores.
    pub fn scores(&self) -> String {
        self.topic("scores")
    }

    /// Returns the topic between the customer stage and the cohort stage.
    pub fn deltas(&self) -> String {
        self.topic("deltas")
    }

    /// Returns the topic of records set aside.
    pub fn dead_letter(&self) -> String {
        self.topic("dead-letter")
    }

    /// Returns the topic of events that came too late to count.
    pub fn late(&self) -> String {
        self.topic("late")
    }

    /// Returns the consumer group of a stage.
    pub fn group(&self, stage: &str) -> String {
        self.topic(stage)
    }

    /// Returns the changelog of a stage.
    pub fn changelog(&self, stage: &str) -> String {
        format!("{}.changelog", self.group(stage))
    }

    fn topic(&self, suffix: &str) -> String {
        format!("{}.{suffix}", self.0)
    }
}

impl fmt::Display for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_deployment_begins_with_it() {
        let deployment = Deployment::parse("bank.lending-2").unwrap();
        assert_eq!(deployment.dead_letter(), "bank.lending-2.dead-letter");
        assert_eq!(deployment.group("customer"), "bank.lending-2.customer");
        assert_eq!(
            deployment.changelog("customer"),
            "bank.lending-2.customer.changelog"
        );
    }

    #[test]
    fn names_that_kafka_or_people_would_mix_up_are_refused() {
        for name in [
            "",
            "Lending",
            "a_b",
            "7up",
            "-a",
            "a b",
            "ä",
            &"a".repeat(101),
        ] {
            assert!(Deployment::parse(name).is_err(), "{name:?}");
        }
    }
}
