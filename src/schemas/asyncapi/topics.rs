//! Channels and operations: which topics there are, how they are set, who writes and reads them.

use serde_json::{Map, Value, json};

use super::{BINDING, reference};
use crate::config::Deployment;
use crate::kafka::topics::{Shape, WantedTopic, wanted};

/// A topic as a reader of the document meets it.
struct Channel {
    id: &'static str,
    address: String,
    summary: &'static str,
    messages: &'static [&'static str],
    /// The stage of ours that reads it.
    read_by: Option<&'static str>,
    /// Whether one of our stages writes it.
    written: bool,
}

/// Returns the channels.
pub(super) fn channels(deployment: &Deployment, shape: &Shape) -> Value {
    let topics = wanted(deployment, shape);
    let channels = of(deployment).into_iter().map(|channel| {
        let Channel {
            id,
            address,
            summary,
            messages,
            ..
        } = channel;
        let topic = topics.iter().find(|topic| topic.name == address);
        let topic = topic.expect("every channel is a topic, checked by a test");
        let messages = messages.iter().map(|name| {
            let message = reference(&format!("components/messages/{name}"));
            ((*name).to_owned(), message)
        });
        let channel = json!({
            "address": address,
            "summary": summary,
            "messages": messages.collect::<Map<_, _>>(),
            "bindings": { "kafka": binding(topic) },
        });
        (id.to_owned(), channel)
    });
    channels.collect::<Map<_, _>>().into()
}

/// Returns what the deployment does with them.
pub(super) fn operations(deployment: &Deployment) -> Value {
    let mut operations = Map::new();
    for channel in of(deployment) {
        let id = channel.id;
        let at = reference(&format!("channels/{id}"));
        if let Some(stage) = channel.read_by {
            let group = json!({ "type": "string", "enum": [deployment.group(stage)] });
            let receive = json!({
                "action": "receive",
                "channel": at,
                "summary": format!("The {stage} stage reads it."),
                "bindings": { "kafka": { "groupId": group, "bindingVersion": BINDING } },
            });
            operations.insert(format!("receive-{id}"), receive);
        }
        if channel.written {
            let send = json!({ "action": "send", "channel": at });
            operations.insert(format!("send-{id}"), send);
        }
    }
    operations.into()
}

fn of(deployment: &Deployment) -> Vec<Channel> {
    let channel = |id, address, summary, messages| Channel {
        id,
        address,
        summary,
        messages,
        read_by: None,
        written: true,
    };
    vec![
        Channel {
            read_by: Some("customer"),
            written: false,
            ..channel(
                "events",
                deployment.events(),
                "What customers do and are told, by customer.",
                &["event", "eventAvro"],
            )
        },
        channel(
            "alerts",
            deployment.alerts(),
            "Every transition of every alert; those of a customer are in order.",
            &["alert", "alertAvro"],
        ),
        channel(
            "scores",
            deployment.scores(),
            "The score of each cohort at the close of each day of stream time.",
            &["score", "scoreAvro"],
        ),
        Channel {
            read_by: Some("cohort"),
            ..channel(
                "deltas",
                deployment.deltas(),
                "What the customer stage tells the cohort stage.",
                &["delta", "clock", "deltaAvro"],
            )
        },
        channel(
            "dead-letter",
            deployment.dead_letter(),
            "Records that make no sense, as they were, and why.",
            &["deadLetter"],
        ),
        channel(
            "late",
            deployment.late(),
            "Events that came too late to count, as they were.",
            &["late"],
        ),
        channel(
            "customer-changelog",
            deployment.changelog("customer"),
            "Internal: the states of customers, and how far each shard is.",
            &["journeyChange", "progress"],
        ),
        channel(
            "cohort-changelog",
            deployment.changelog("cohort"),
            "Internal: the states of cohorts, and how far each shard is.",
            &["cohortChange", "progress"],
        ),
    ]
}

fn binding(topic: &WantedTopic) -> Value {
    let settings = topic.settings.iter().map(|setting| {
        let value = match setting.name {
            "cleanup.policy" => setting.value.split(',').collect(),
            // Numbers and truth values are such in JSON too.
            _ => serde_json::from_str(&setting.value).unwrap_or(json!(setting.value)),
        };
        (setting.name.to_owned(), value)
    });
    json!({
        "topic": topic.name,
        "partitions": topic.partitions,
        "replicas": topic.replication,
        "topicConfiguration": settings.collect::<Map<_, _>>(),
        "bindingVersion": BINDING,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Assurance;

    #[test]
    fn every_topic_is_a_channel_and_every_channel_a_topic() {
        let deployment = Deployment::parse("lending").expect("a name");
        let topics = wanted(&deployment, &Shape::new(Assurance::Production));
        let topics: Vec<_> = topics.into_iter().map(|topic| topic.name).collect();
        let channels: Vec<_> = of(&deployment).into_iter().map(|it| it.address).collect();
        assert_eq!(channels, topics);
    }
}
