//! Topics and permissions as resources of Strimzi's operators, API version v1.

use crate::kafka::access::{Grant, Resource};
use crate::kafka::topics::WantedTopic;

/// Writes a `KafkaTopic`.
pub(super) fn topic(topic: &WantedTopic, cluster: &str) -> String {
    let WantedTopic {
        name,
        partitions,
        replication,
        settings,
        ..
    } = topic;
    let settings = settings.iter();
    let settings: Vec<String> = settings
        .map(|setting| format!("    {}: \"{}\"\n", setting.name, setting.value))
        .collect();
    let settings = settings.concat();
    format!(
        "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaTopic\nmetadata:\n  name: {name}\n  labels:\n    \
         strimzi.io/cluster: {cluster}\nspec:\n  topicName: {name}\n  partitions: {partitions}\n  \
         replicas: {replication}\n  config:\n{settings}"
    )
}

/// Writes a `KafkaUser` with these permissions.
pub(super) fn user(user: &str, grants: &[Grant], cluster: &str) -> String {
    let grants: String = grants.iter().map(grant).collect();
    format!(
        "---\napiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata:\n  name: {user}\n  labels:\n    \
         strimzi.io/cluster: {cluster}\nspec:\n  authentication:\n    type: scram-sha-512\n  authorization:\n    \
         type: simple\n    acls:\n{grants}"
    )
}

fn grant(grant: &Grant) -> String {
    let resource = match &grant.resource {
        Resource::Topic(name) => named("topic", name, "literal"),
        Resource::Groups(prefix) => named("group", prefix, "prefix"),
        Resource::TransactionalIds(prefix) => named("transactionalId", prefix, "prefix"),
        Resource::Cluster => "          type: cluster\n".to_owned(),
    };
    format!(
        "      # {}\n      - resource:\n{resource}        operations: [{}]\n",
        grant.why,
        grant.operations.join(", ")
    )
}

fn named(kind: &str, name: &str, pattern: &str) -> String {
    format!(
        "          type: {kind}\n          name: \"{name}\"\n          patternType: {pattern}\n"
    )
}
