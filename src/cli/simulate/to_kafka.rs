//! The invented history in Kafka, placed and keyed as a bank's producers should: by customer, where Java's clients put it.
//!
//! A backlog is sent as fast as the brokers take it. A stream is held to a rate, and each event happens when it is sent:
//! the story is the same, told in fast motion. So that a second stream is not taken for the first sent again, the time of
//! its beginning is part of the ids.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use waymark_engine::event::{Event, EventHash, EventId, encode_avro, event_schema};

use super::progress;
use crate::cli::exit::Usage;
use crate::clock::{self, Stopwatch};
use crate::config::Config;
use crate::kafka::admin::Admin;
use crate::kafka::partition_of;
use crate::pipeline::LiveError;
use crate::publish::{PlainError, PlainProducer};
use crate::registry::{SchemaRegistry, frame, value_subject};
use crate::simulate::{Arrival, Simulation};

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// JSON, as people like to read it
    #[default]
    Json,
    /// Avro's single-object encoding
    Avro,
    /// Avro framed for the Schema Registry of the settings, where the schema is registered first
    Registry,
}

/// How values are written, with what that takes.
enum Form {
    Json,
    Avro,
    /// The number of our schema in the registry.
    Framed(u32),
}

/// How to send a history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) format: Format,
    /// Events a second, each happening when it is sent; none sends a backlog.
    pub(super) rate: Option<u32>,
}

/// Sends the history until it ends or `stop` is set.
///
/// # Errors
/// If a setting is wrong, the topic is missing, or the brokers can't be asked or lose a record.
pub(super) fn send(
    mut simulation: Simulation,
    config: &Config,
    sending: Sending,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let destination = Destination::open(config, sending.format)?;
    let stream = sending.rate.map(Stream::begin);
    let progress = progress(simulation.facts_left());
    let (mut sent, events) = (0_u64, simulation.facts_left());
    while let Some(mut arrival) = simulation.next()
        && !stop.load(Ordering::Relaxed)
    {
        if let Some(stream) = &stream {
            stream.wait(sent);
            stream.happens_now(&mut arrival.event);
        }
        destination.send(&arrival)?;
        sent += 1;
        progress.set_position(events - simulation.facts_left());
    }
    destination.producer.flush()?;
    progress.finish_and_clear();
    anstream::eprintln!("{sent} records sent to {}", destination.topic);
    Ok(())
}

struct Destination {
    producer: PlainProducer,
    topic: String,
    partitions: u32,
    form: Form,
}

impl Destination {
    fn open(config: &Config, format: Format) -> anyhow::Result<Self> {
        let topic = config.deployment.events();
        let found = Admin::new(config)?.topics(std::slice::from_ref(&topic))?;
        let found = found
            .get(&topic)
            .ok_or_else(|| LiveError::NoTopic(topic.clone()))?;
        Ok(Self {
            producer: PlainProducer::open(&config.kafka)?,
            partitions: found.partitions,
            form: match format {
                Format::Json => Form::Json,
                Format::Avro => Form::Avro,
                Format::Registry => Form::Framed(register(config, &topic)?),
            },
            topic,
        })
    }

    /// A record without a customer concerns all of them: a heartbeat goes to every partition under its feed's name.
    fn send(&self, arrival: &Arrival) -> Result<(), PlainError> {
        let value = match self.form {
            Form::Json => arrival.json().into_bytes(),
            Form::Avro => arrival.avro(),
            Form::Framed(schema) => arrival.written(|event| frame(schema, &encode_avro(event))),
        };
        if let Some(customer) = &arrival.event.customer {
            let key = customer.as_str().as_bytes();
            let partition = partition_of(key, self.partitions);
            return self.producer.send(&self.topic, partition, key, &value);
        }
        let key = arrival.event.source.as_str().as_bytes();
        let partitions = i32::try_from(self.partitions).expect("Kafka numbers them in 31 bits");
        (0..partitions).try_for_each(|to| self.producer.send(&self.topic, to, key, &value))
    }
}

/// Registers the schema of events as that of a topic's values.
fn register(config: &Config, topic: &str) -> anyhow::Result<u32> {
    let settings = config.registry.as_ref();
    let settings = settings.ok_or(Usage(
        "--format registry needs registry.url in the settings",
    ))?;
    let (subject, schema) = (value_subject(topic), event_schema().json());
    Ok(SchemaRegistry::new(settings).register(&subject, schema)?)
}

/// A stream of events that happen now, so many a second.
struct Stream {
    rate: u32,
    since: Stopwatch,
    /// Part of every id.
    run: i64,
}

impl Stream {
    fn begin(rate: u32) -> Self {
        Self {
            rate,
            since: Stopwatch::start(),
            run: clock::now().as_millis(),
        }
    }

    /// Waits until the record behind `sent` others is due. Short waits are left to add up.
    fn wait(&self, sent: u64) {
        let due = Duration::from_secs_f64(sent as f64 / f64::from(self.rate));
        let ahead = due.saturating_sub(self.since.elapsed());
        if ahead >= Duration::from_millis(1) {
            thread::sleep(ahead);
        }
    }

    fn happens_now(&self, event: &mut Event) {
        event.occurred_at = clock::now();
        let id = format!("{}-{}", event.id, self.run);
        event.hash = EventHash::of(&id);
        event.id = EventId::parse(id).expect("an id of ours and a number are short");
    }
}

#[cfg(test)]
mod tests {
    use waymark_engine::event::Timestamp;

    use super::*;
    use crate::simulate::{Options, Share};

    #[test]
    fn an_event_of_a_stream_happens_now_and_is_another_in_the_next_stream() {
        let options = Options {
            seed: 7,
            customers: 1,
            events: 1,
            start: Timestamp::MIN,
            disorder: Duration::ZERO,
            duplicates: Share::default(),
            bad: Share::default(),
        };
        let told = Simulation::new(&options).next().unwrap().event;
        let before = clock::now();
        let streams = [1, 2].map(|run| Stream {
            run,
            ..Stream::begin(1)
        });
        let [first, again, second] = [&streams[0], &streams[0], &streams[1]].map(|stream| {
            let mut event = told.clone();
            stream.happens_now(&mut event);
            event
        });
        assert!(before <= first.occurred_at && first.occurred_at <= clock::now());
        assert_eq!((&first.id, first.hash), (&again.id, again.hash));
        assert_ne!((&first.id, first.hash), (&second.id, second.hash));
    }
}
