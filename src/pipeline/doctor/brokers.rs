//! What only brokers can be set to: how long transactions may stay open, and how durable offsets and transactions are.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Area, Finding, State};
use crate::config::{Assumption, Assurance, Config};
use crate::kafka::admin::{Admin, AdminError, Settings};

/// A setting of a broker, and what it is held to.
struct Demand {
    setting: &'static str,
    rule: Rule,
    /// Whether it needs several brokers, and is waived where there is one.
    durability: bool,
    why: &'static str,
}

enum Rule {
    AtLeast(u128),
    AtMost(u128),
    Is(&'static str),
}

fn demands(config: &Config) -> Vec<Demand> {
    let limit = |setting, rule, why| Demand {
        setting,
        rule,
        durability: false,
        why,
    };
    let durability = |setting, rule, why| Demand {
        setting,
        rule,
        durability: true,
        why,
    };
    let millis = |span: Duration| span.as_millis();
    let (open, session) = (
        millis(config.kafka.transaction_timeout()),
        millis(config.kafka.session_timeout()),
    );
    vec![
        limit(
            "transaction.max.timeout.ms",
            Rule::AtLeast(open),
            "no worker may take its slot with a longer transaction.timeout.ms",
        ),
        limit(
            "group.min.session.timeout.ms",
            Rule::AtMost(session),
            "no worker may join with a shorter session.timeout.ms",
        ),
        limit(
            "group.max.session.timeout.ms",
            Rule::AtLeast(session),
            "no worker may join with a longer session.timeout.ms",
        ),
        durability(
            "offsets.topic.replication.factor",
            Rule::AtLeast(3),
            "the fence against evicted workers must survive the loss of a broker",
        ),
        durability(
            "transaction.state.log.replication.factor",
            Rule::AtLeast(3),
            "a committed transaction must survive the loss of a broker",
        ),
        durability(
            "transaction.state.log.min.isr",
            Rule::AtLeast(2),
            "a committed transaction must survive the loss of a broker",
        ),
        durability(
            "unclean.leader.election.enable",
            Rule::Is("false"),
            "a stale replica of offsets or transactions must not become the truth",
        ),
    ]
}

/// Looks at every broker; what several have in common is said once.
pub(super) fn examine(
    config: &Config,
    admin: &Admin,
    findings: &mut Vec<Finding>,
) -> Result<(), AdminError> {
    let brokers = admin.brokers()?;
    let number = brokers.len();
    let word = if number == 1 {
        "broker answers"
    } else {
        "brokers answer"
    };
    let said = format!("{number} {word}");
    findings.push(Finding::new(Area::Brokers, State::Good, said));
    for demand in demands(config) {
        findings.extend(demand.of_all(config, &brokers));
    }
    Ok(())
}

impl Demand {
    /// One finding for all brokers that are alike.
    fn of_all(&self, config: &Config, brokers: &BTreeMap<i32, Settings>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        for (number, settings) in brokers {
            let found = self.of_one(config, settings);
            let broker = format!("broker {number}");
            match findings.iter_mut().find(|it| it.said == found.said) {
                Some(same) => same.places.push(broker),
                None => findings.push(Finding {
                    places: vec![broker],
                    ..found
                }),
            }
        }
        findings
    }

    fn of_one(&self, config: &Config, settings: &Settings) -> Finding {
        let (setting, why) = (self.setting, self.why);
        let found = match settings {
            Ok(settings) => settings.get(setting),
            Err(_) => None,
        };
        let Some(found) = found else {
            let assumed = config.assume.contains(&Assumption::BrokerSettings);
            let waived = assumed || config.assurance == Assurance::Demo;
            let said = format!(
                "{setting} can't be read: allow DescribeConfigs on the cluster, or list broker-settings under assume"
            );
            return Finding::new(Area::Brokers, weight(waived), said);
        };
        match self.rule.violated_by(found) {
            None => {
                let said = format!("{setting} is {found}");
                Finding::new(Area::Brokers, State::Good, said)
            }
            Some(wanted) => {
                let waived = self.durability && config.assurance != Assurance::Production;
                let said = format!("{setting} is {found}, wanted {wanted}: {why}");
                Finding::new(Area::Brokers, weight(waived), said)
            }
        }
    }
}

impl Rule {
    /// Returns what it should be, if it is not.
    fn violated_by(&self, found: &str) -> Option<String> {
        let number: Option<u128> = found.parse().ok();
        match self {
            Rule::AtLeast(least) if number.is_none_or(|number| number < *least) => {
                Some(format!("at least {least}"))
            }
            Rule::AtMost(most) if number.is_none_or(|number| number > *most) => {
                Some(format!("at most {most}"))
            }
            Rule::Is(value) if found != *value => Some((*value).to_owned()),
            Rule::AtLeast(_) | Rule::AtMost(_) | Rule::Is(_) => None,
        }
    }
}

fn weight(waived: bool) -> State {
    if waived { State::Waived } else { State::Wrong }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_told_and_met_at_their_very_value() {
        assert_eq!(Rule::AtLeast(3).violated_by("3"), None);
        assert_eq!(
            Rule::AtLeast(3).violated_by("2").as_deref(),
            Some("at least 3")
        );
        assert_eq!(Rule::AtMost(8000).violated_by("8000"), None);
        assert_eq!(
            Rule::AtMost(8000).violated_by("8001").as_deref(),
            Some("at most 8000")
        );
        assert_eq!(
            Rule::Is("false").violated_by("true").as_deref(),
            Some("false")
        );
        assert_eq!(
            Rule::AtLeast(1).violated_by("many").as_deref(),
            Some("at least 1")
        );
    }
}
