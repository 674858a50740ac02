//! Tells a story: sends its records at the story's pace, and puts the story's clock forward behind them.
//!
//! The clock never passes a record that the broker has not acknowledged, so no idle shard can take a slow teller for a
//! silent customer. The mock broker forgets what does not fit into a partition, read or not: the teller waits for the
//! workers rather than get too far [`Ahead`]. A story that is told to its end, or as long as it may be, closes with a
//! heartbeat on every partition, as a bank's feeds send them: then all shards know what time it is.

use std::iter::Peekable;
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use waymark_engine::event::{
    Actor, Body, Channel, Dimensions, Event, EventHash, EventId, FeedHeartbeat, FeedName,
    Timestamp, encode_json,
};

use super::ahead::Ahead;
use super::story::{Scene, Story, passes};
use super::told::{AtEnd, Told};
use crate::clock::{Stopwatch, StoryClock};
use crate::config::Config;
use crate::kafka::partition_of;
use crate::publish::{PlainError, PlainProducer};
use crate::source::SourceError;

/// How often records are sent.
const SLOT: Duration = Duration::from_millis(20);

/// How fast a story is told, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How much of the story passes in a second.
    pub(crate) speed: Duration,
    /// When to break it off.
    pub(crate) limit: Option<Duration>,
}

/// Why a story can't be told on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TellError {
    /// The log can't be read.
    #[error("the log can't be told to its end")]
    Log(#[from] SourceError),
    /// The broker does not take a record.
    #[error(transparent)]
    Broker(#[from] PlainError),
}

/// Whoever tells a story.
pub(crate) struct Teller<'t> {
    producer: PlainProducer,
    topic: String,
    partitions: u32,
    clock: StoryClock,
    told: &'t Told,
    ahead: Ahead,
}

impl<'t> Teller<'t> {
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
            ahead: Ahead::default(),
        })
    }

    /// Tells a story until it ends, its time is up or nobody wants to hear more.
    ///
    /// # Errors
    /// [`TellError`].
    pub(crate) fn tell(mut self, story: Story<'_>, pace: &Pace) -> Result<(), TellError> {
        let _over = AtEnd(&self.told.over);
        let Story { begin, end, scenes } = story;
        let (mut scenes, mut last) = (scenes.peekable(), begin);
        let since = Stopwatch::start();
        loop {
            let elapsed = since.elapsed();
            let now = begin + passes(pace.speed, elapsed.as_secs_f64());
            let now = end.map_or(now, |end| now.min(end));
            let held_back = self.send_up_to(now, &mut scenes, &mut last)?;
            self.producer.flush()?;
            let is_told = scenes.peek().is_none();
            if is_told && end.is_none_or(|end| now == end) {
                return self.close(end.unwrap_or(last));
            }
            // Where a log ends is known only when it has been read to its end.
            let stands = held_back || (is_told && end.is_none());
            self.clock.put(if stands { last } else { now });
            let is_time_up = pace.limit.is_some_and(|limit| elapsed >= limit);
            if is_time_up || self.told.enough.load(Ordering::Relaxed) {
                return self.close(self.clock.now());
            }
            thread::sleep(SLOT);
        }
    }

    /// Sends what happens up to a time; returns whether something of it has to wait for the workers.
    fn send_up_to(
        &mut self,
        now: Timestamp,
        scenes: &mut Peekable<impl Iterator<Item = Result<Scene, SourceError>>>,
        last: &mut Timestamp,
    ) -> Result<bool, TellError> {
        self.ahead.settle(&self.told.taken());
        let is_due = |scene: &Scene| scene.at <= now;
        let may_go = |teller: &Self, scene: &Scene| is_due(scene) && teller.has_room(scene);
        while let Some(scene) =
            scenes.next_if(|next| next.as_ref().map_or(true, |scene| may_go(self, scene)))
        {
            let scene = scene?;
            self.send(&scene)?;
            *last = scene.at;
        }
        Ok(matches!(scenes.peek(), Some(Ok(scene)) if is_due(scene)))
    }

    /// Every feed of the story says that it has told all: no shard waits for more.
    fn close(&mut self, end: Timestamp) -> Result<(), TellError> {
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

    fn has_room(&self, scene: &Scene) -> bool {
        let mut places = self.places(scene);
        places.all(|partition| self.ahead.has_room(partition, scene.bytes()))
    }

    fn send(&mut self, scene: &Scene) -> Result<(), PlainError> {
        for partition in self.places(scene) {
            let to = (self.topic.as_str(), partition);
            self.producer
                .send_at(scene.at, to, scene.key(), &scene.value)?;
            self.ahead.send(partition, scene.bytes());
            self.told.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The partitions that a scene goes to.
    fn places(&self, scene: &Scene) -> Range<i32> {
        if scene.customer.is_some() {
            let home = partition_of(scene.key(), self.partitions);
            return home..home + 1;
        }
        0..i32::try_from(self.partitions).expect("Kafka numbers them in 31 bits")
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
