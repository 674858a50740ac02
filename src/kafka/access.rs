//! What a worker must be allowed to do, and nothing more.
//!
//! All names begin with the deployment's, so a bank can hand out one prefix. Pure: the forms that Kafka's tools and
//! Strimzi read are the command line's business.

use crate::config::Deployment;

/// Something a worker must be allowed to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// On what.
    pub resource: Resource,
    /// What, in Kafka's words.
    pub operations: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

/// What a grant is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// One topic.
    Topic(String),
    /// Every consumer group whose name begins so.
    Groups(String),
    /// Every transactional id that begins so.
    TransactionalIds(String),
    /// The cluster itself.
    Cluster,
}

const READ: &[&str] = &["Read", "Describe", "DescribeConfigs"];
const READ_AND_WRITE: &[&str] = &["Read", "Write", "Describe", "DescribeConfigs"];

/// Topics that brokers keep offsets and transactions in.
const INTERNAL: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Lists what the workers of a deployment must be allowed to do.
pub fn grants(deployment: &Deployment) -> Vec<Grant> {
    let prefix = format!("{deployment}.");
    let topic = |name, operations, why| Grant {
        resource: Resource::Topic(name),
        operations,
        why,
    };
    let mut grants = vec![
        topic(
            deployment.events(),
            READ,
            "the source of the customer stage",
        ),
        topic(
            deployment.alerts(),
            READ_AND_WRITE,
            "written by workers, read by verify",
        ),
        topic(
            deployment.scores(),
            READ_AND_WRITE,
            "written by workers, read by verify",
        ),
        topic(
            deployment.deltas(),
            READ_AND_WRITE,
            "written by the customer stage, the source of the cohort stage",
        ),
        topic(
            deployment.dead_letter(),
            READ_AND_WRITE,
            "written by workers, read by verify",
        ),
        topic(
            deployment.late(),
            READ_AND_WRITE,
            "written by workers, read by verify",
        ),
        topic(
            deployment.changelog("customer"),
            READ_AND_WRITE,
            "the truth about every customer: written, and copied by recovery",
        ),
        topic(
            deployment.changelog("cohort"),
            READ_AND_WRITE,
            "the truth about every cohort: written, and copied by recovery",
        ),
        Grant {
            resource: Resource::Groups(prefix.clone()),
            operations: &["Read"],
            why: "members of the group of a stage",
        },
        Grant {
            resource: Resource::TransactionalIds(prefix),
            operations: &["Write", "Describe"],
            why: "one transaction a step",
        },
    ];
    grants.extend(INTERNAL.map(|name| {
        let (name, operations) = (name.to_owned(), &["Describe", "DescribeConfigs"]);
        topic(
            name,
            operations,
            "the start checks how durable offsets and transactions are",
        )
    }));
    grants.push(Grant {
        resource: Resource::Cluster,
        operations: &["DescribeConfigs"],
        why: "the start checks the broker's limits",
    });
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Assurance;
    use crate::kafka::topics::{Shape, wanted};

    #[test]
    fn every_topic_of_a_deployment_can_be_described_and_used() {
        let deployment = Deployment::parse("d").unwrap();
        let grants = grants(&deployment);
        for topic in wanted(&deployment, &Shape::new(Assurance::Production)) {
            let resource = Resource::Topic(topic.name.clone());
            let grant = grants.iter().find(|grant| grant.resource == resource);
            let operations = grant
                .unwrap_or_else(|| panic!("nobody may touch {}", topic.name))
                .operations;
            assert!(operations.contains(&"DescribeConfigs"), "{}", topic.name);
            assert!(
                operations.contains(&"Read") || operations.contains(&"Write"),
                "{}",
                topic.name
            );
        }
    }
}
