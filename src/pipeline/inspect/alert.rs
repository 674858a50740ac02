//! Every transition of one alert, and where the records stand that it rests on, as far as the source still holds them.
//!
//! Alerts are kept by id and events by customer, so neither can be looked up: both topics are read from their beginning.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rdkafka::message::{BorrowedMessage, Message};
use serde::Serialize;
use serde_json::Value;
use waymark_engine::event::{Decoded, EventHash, Timestamp};

use super::InspectError;
use crate::config::Config;
use crate::kafka::{PartitionReader, Watermarks, appended_at, patiently};
use crate::pipeline::readable::readable;
use crate::pipeline::stage::Schemas;
use crate::protocol::{Offset, ShardId};
use crate::registry::RegistryError;

/// All that was published of an alert.
#[derive(Debug, Serialize)]
pub struct AlertReport {
    /// Which one.
    pub alert_id: String,
    /// Its transitions by sequence; none if there is no such alert.
    pub transitions: Vec<Transition>,
    /// The events that it rests on, in the order in which they are first named.
    pub evidence: Vec<EvidenceView>,
}

/// One transition.
#[derive(Debug, Serialize)]
pub struct Transition {
    /// Where it stands.
    #[serde(flatten)]
    pub at: Coordinates,
    /// When the broker took it.
    pub appended_at: Timestamp,
    /// What was published.
    pub alert: Value,
}

/// An event that an alert rests on.
#[derive(Debug, Serialize)]
pub struct EvidenceView {
    /// What the alert says of it: kind, time, hash.
    #[serde(flatten)]
    pub said: Value,
    /// Where it stands in the source: more than once if it was sent again, nowhere if it is gone.
    pub at: Vec<Coordinates>,
}

/// A place in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coordinates {
    /// Which topic.
    pub topic: String,
    /// Which partition.
    pub partition: ShardId,
    /// Which place.
    pub offset: Offset,
}

/// Looks for an alert, by its id in hexadecimal.
///
/// # Errors
/// [`InspectError`] if a topic is missing or can't be read, or an alert needs a schema that can't be asked for now.
pub fn alert(config: &Config, id: &str, schemas: &Schemas) -> Result<AlertReport, InspectError> {
    let mut transitions = Vec::new();
    each(config, &config.deployment.alerts(), &mut |record, at| {
        // Without a look at the bytes first, every alert would be read into a tree. The id is a text in both forms.
        let may_be = record.payload().is_some_and(|value| contains(value, id));
        if !may_be {
            return Ok(());
        }
        let alert = readable(record, schemas)?;
        if let Ok(alert) = alert
            && alert["alert_id"] == id
        {
            transitions.push(Transition {
                at,
                appended_at: appended_at(record),
                alert,
            });
        }
        Ok(())
    })?;
    transitions.sort_by_key(|it| it.alert["sequence"].as_u64());
    let mut evidence = named(&transitions);
    if !evidence.is_empty() {
        find(config, schemas, &mut evidence)?;
    }
    Ok(AlertReport {
        alert_id: id.to_owned(),
        transitions,
        evidence,
    })
}

/// The events that transitions name, each once.
fn named(transitions: &[Transition]) -> Vec<EvidenceView> {
    let mut evidence: Vec<EvidenceView> = Vec::new();
    let said = transitions
        .iter()
        .filter_map(|it| it.alert["evidence"].as_array())
        .flatten();
    for said in said {
        if evidence.iter().all(|known| known.said != *said) {
            evidence.push(EvidenceView {
                said: said.clone(),
                at: Vec::new(),
            });
        }
    }
    evidence
}

/// Looks for the events in the source.
fn find(
    config: &Config,
    schemas: &Schemas,
    evidence: &mut [EvidenceView],
) -> Result<(), InspectError> {
    let hash = |it: &EvidenceView| EventHash::from_hex(it.said["event_hash"].as_str()?);
    let places: BTreeMap<EventHash, usize> = (0..)
        .zip(evidence.iter())
        .filter_map(|(place, it)| Some((hash(it)?, place)))
        .collect();
    each(config, &config.deployment.events(), &mut |record, at| {
        // A record that can't be read now is told as gone: whoever looks knows that the registry is away.
        if let Ok(Ok(Decoded::Event(event))) = schemas.decode(record)
            && let Some(place) = places.get(&event.hash)
        {
            evidence[*place].at.push(at);
        }
        Ok(())
    })
}

/// Hands over every committed record of a topic with its place.
fn each(
    config: &Config,
    topic: &str,
    take: &mut dyn FnMut(&BorrowedMessage<'_>, Coordinates) -> Result<(), RegistryError>,
) -> Result<(), InspectError> {
    let watermarks = Watermarks::open(&config.kafka)?;
    let reader = PartitionReader::open(&config.kafka, "", topic)?;
    for partition in patiently(|| watermarks.shards(topic))? {
        let log = patiently(|| watermarks.range(topic, partition))?;
        let (mut go_on, mut taken) = (|| ControlFlow::Continue(()), Ok(()));
        reader.read(partition, log.start, &mut go_on, &mut |record| {
            let offset = Offset(record.offset());
            let topic = topic.to_owned();
            let at = Coordinates {
                topic,
                partition,
                offset,
            };
            taken = take(record, at);
            if taken.is_ok() {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        taken?;
    }
    Ok(())
}

fn contains(value: &[u8], id: &str) -> bool {
    value
        .windows(id.len())
        .any(|window| window == id.as_bytes())
}
