//! Tells a story: sends its records at the story's pace, and puts the story's clock forward behind them.
//!
//! The clock never passes a record that the broker has not acknowledged, so no idle shard can take a slow teller for a
//! silent customer. The mock broker forgets what does not fit into 5 MiB a partition, read or not: the feed waits for the
//! workers rather than get further ahead than that. A story that is told to its end closes with a heartbeat on every
//! partition, as a bank's feeds send them: then all shards know what time it is.

use std::iter::Peekable;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use waymark_engine::event::{
    Actor, Body, Channel, Dimensions, Event, EventHash, EventId, FeedHeartbeat, FeedName,
    Timestamp, encode_json,
};

use super::story::{Scene, Story, passes};
use crate::clock::{Stopwatch, StoryClock};
use crate::config::Config;
use crate::kafka::partition_of;
use crate::publish::{PlainError, PlainProducer};
use crate::source::SourceError;

/// How often records are sent.
const SLOT: Duration = Duration::from_millis(20);
/// How far ahead of the workers the feed may be, in records: 4,000 of 1 KiB fit into one partition, were they all for one.
const AHEAD_MAX: u64 = 4_000;

/// What the feed and those who listen tell each other.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Records sent, the heartbeats of the end included.
    pub(crate) sent: AtomicU64,
    /// Of them, heartbeats of the end.
    pub(crate) heartbeats: AtomicU64,
    /// Records taken by the workers, as far as it was heard.
    pub(crate) taken: AtomicU64,
    /// Whether those who listen have had enough: the story ends where it is.
    pub(crate) enough: AtomicBool,
    /// Whether nothing more will be sent.
    pub(crate) over: AtomicBool,
}

/// Why a story can't be told on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FeedError {
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] SourceError),
    /// The broker does not take a record.
    #[error(transparent)]
    Broker(#[from] PlainError),
}

/// A teller.
pub(crate) struct Feed<'t> {
    producer: PlainProducer,
    topic: String,
    partitions: u32,
    clock: StoryClock,
    told: &'t Told,
}

impl<'t> Feed<'t> {
    /// Prepares to tell to the events of a deployment.
    ///
    /// # Errors
    /// [`PlainError`] if there is no producer.
    pub(crate) fn open(
        config: &Config,
        partitions: u32,
        clock: StoryClock,
        told: &'t Told,
    ) -> Result<Self, PlainError> {
        Ok(Self {
            producer: PlainProducer::open(&config.kafka)?,
            topic: config.deployment.events(),
            partitions,
            clock,
            told,
        })
    }

    /// Tells a story until it ends or nobody wants to hear more; `speed` is how much of it passes in a second.
    ///
    /// # Errors
    /// [`FeedError`].
    pub(crate) fn tell(&self, story: Story<'_>, speed: Duration) -> Result<(), FeedError> {
        let told = self.tell_all(story, speed);
        self.told.over.store(true, Ordering::Release);
        told
    }

    fn tell_all(&self, story: Story<'_>, speed: Duration) -> Result<(), FeedError> {
        let Story { begin, end, scenes } = story;
        let (mut scenes, mut last) = (scenes.peekable(), begin);
        let since = Stopwatch::start();
        while !self.told.enough.load(Ordering::Relaxed) {
            let pace = begin + passes(speed, since.elapsed().as_secs_f64());
            let pace = end.map_or(pace, |end| pace.min(end));
            let held_back = self.send_up_to(pace, &mut scenes, &mut last)?;
            self.producer.flush()?;
            let is_told = scenes.peek().is_none();
            if is_told && end.is_none_or(|end| pace == end) {
                return self.close(end.unwrap_or(last));
            }
            // Where the story ends is known only when a log has been read to its end.
            self.clock
                .put(if held_back || is_told { last } else { pace });
            thread::sleep(SLOT);
        }
        self.close(self.clock.now())
    }

    /// Sends what happens up to a time; returns whether something of it has to wait for the workers.
    fn send_up_to(
        &self,
        pace: Timestamp,
        scenes: &mut Peekable<impl Iterator<Item = Result<Scene, SourceError>>>,
        last: &mut Timestamp,
    ) -> Result<bool, FeedError> {
        while let Some(scene) =
            scenes.next_if(|next| next.as_ref().map_or(true, |it| it.at <= pace))
        {
            let scene = scene?;
            self.send(&scene)?;
            *last = scene.at;
            let sent = self.told.sent.load(Ordering::Relaxed);
            if sent - self.told.taken.load(Ordering::Relaxed).min(sent) >= AHEAD_MAX {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The feed says that it has told all: no shard waits for more.
    fn close(&self, end: Timestamp) -> Result<(), FeedError> {
        let mut value = Vec::new();
        encode_json(&heartbeat(end), &mut value);
        let customer = None;
        let closing = Scene {
            at: end,
            customer,
            value,
        };
        let before = self.told.sent.load(Ordering::Relaxed);
        self.send(&closing)?;
        self.producer.flush()?;
        let heartbeats = self.told.sent.load(Ordering::Relaxed) - before;
        self.told.heartbeats.store(heartbeats, Ordering::Relaxed);
        self.clock.put(end);
        Ok(())
    }

    fn send(&self, scene: &Scene) -> Result<(), PlainError> {
        let key = scene.customer.as_deref().unwrap_or_default().as_bytes();
        let partitions = i32::try_from(self.partitions).expect("Kafka numbers them in 31 bits");
        let places = match &scene.customer {
            Some(_) => {
                let home = partition_of(key, self.partitions);
                home..home + 1
            }
            None => 0..partitions,
        };
        for partition in places {
            let to = (self.topic.as_str(), partition);
            self.producer.send_at(scene.at, to, key, &scene.value)?;
            self.told.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn heartbeat(at: Timestamp) -> Event {
    let id = format!("demo-end-{at}");
    Event {
        hash: EventHash::of(&id),
        id: EventId::parse(id).expect("a word and a time"),
        customer: None,
        occurred_at: at,
        source: FeedName::parse("demo").expect("a word"),
        channel: Channel::Unknown,
        actor: Actor::default(),
        application: None,
        case: None,
        dimensions: Dimensions::new(),
        body: Body::FeedHeartbeat(FeedHeartbeat {}),
    }
}
