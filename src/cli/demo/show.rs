//! The course of a show: the workers gather, the story is told while somebody listens, the last day closes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::lines::Lines;
use super::live::Live;
use crate::clock::{Stopwatch, StoryClock};
use crate::config::{Assurance, Config};
use crate::demo::{Audience, Feed, Seen, Story, Told};
use crate::kafka::topics::Shape;
use crate::pipeline::{self, Work};

/// How long the workers may take to gather: the mock lets a group wait for three seconds.
const GATHERING: Duration = Duration::from_secs(30);
/// How long the last records and the last day may take to be worked on.
const CLOSING: Duration = Duration::from_secs(20);
/// How long to wait for something to be heard.
const LISTEN: Duration = Duration::from_millis(50);

/// A show.
pub(super) struct Show<'a> {
    pub(super) config: &'a Config,
    pub(super) work: &'a Work,
    pub(super) clock: StoryClock,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) told: Told,
}

/// How fast, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How much of the story passes in a second.
    pub(super) speed: Duration,
    /// When to break it off.
    pub(super) limit: Option<Duration>,
}

/// Where it is shown.
pub(super) enum Stage {
    Lines(Lines),
    Live(Box<Live>),
}

impl Show<'_> {
    /// Shows a story; returns what was seen, and how long it took.
    ///
    /// # Errors
    /// If the workers end by themselves, the story can't be read on, or what comes can't be shown.
    pub(super) fn run(
        &self,
        story: Story<'_>,
        pace: &Pace,
        mut stage: Stage,
    ) -> anyhow::Result<(Seen, Duration)> {
        let since = Stopwatch::start();
        let mut seen = Seen::new(&self.work.definition);
        thread::scope(|scope| {
            let workers = scope.spawn(|| pipeline::run(self.config, self.work, &self.stop));
            let shown = self.gather(&mut seen, &mut stage).and_then(|audience| {
                let (feed, speed) = (self.feed()?, pace.speed);
                let feed = scope.spawn(move || feed.tell(story, speed));
                let listened = self.listen(&audience, pace, &mut seen, &mut stage);
                self.told.enough.store(true, Ordering::Relaxed);
                feed.join().expect("a teller does not panic")?;
                listened
            });
            drop(stage); // the terminal, before anything is said
            self.stop.store(true, Ordering::Relaxed);
            workers
                .join()
                .expect("workers are watched where they run")?;
            shown
        })?;
        Ok((seen, since.elapsed()))
    }

    /// Waits until the workers have taken all shards.
    fn gather(&self, seen: &mut Seen, stage: &mut Stage) -> anyhow::Result<Audience> {
        let (kafka, deployment) = (&self.config.kafka, &self.config.deployment);
        let audience = Audience::open(kafka, deployment, shape())?;
        let since = Stopwatch::start();
        while !self.is_over() && !self.have_begun(seen) {
            audience.listen(LISTEN, seen);
            self.show(seen, stage)?;
            if since.elapsed() > GATHERING {
                bail!("the workers have not taken their shards within {GATHERING:?}");
            }
        }
        Ok(audience)
    }

    fn have_begun(&self, seen: &Seen) -> bool {
        let (partitions, cohort_partitions) = shape();
        let (customers, cohorts) = seen.begun();
        let has_scores = self.work.definition.nps.is_some();
        let all = |shards: usize, of: u32| u32::try_from(shards) == Ok(of);
        all(customers, partitions) && (!has_scores || all(cohorts, cohort_partitions))
    }

    fn feed(&self) -> anyhow::Result<Feed<'_>> {
        let (partitions, _) = shape();
        let clock = self.clock.clone();
        Ok(Feed::open(self.config, partitions, clock, &self.told)?)
    }

    /// Listens until all is heard, or somebody has heard enough.
    fn listen(
        &self,
        audience: &Audience,
        pace: &Pace,
        seen: &mut Seen,
        stage: &mut Stage,
    ) -> anyhow::Result<()> {
        let since = Stopwatch::start();
        let mut closing: Option<Stopwatch> = None;
        while !self.is_over() {
            audience.listen(LISTEN, seen);
            let taken = seen.books().received;
            self.told.taken.store(taken, Ordering::Relaxed);
            self.show(seen, stage)?;
            if pace.limit.is_some_and(|limit| since.elapsed() >= limit) {
                self.told.enough.store(true, Ordering::Relaxed);
            }
            if self.told.over.load(Ordering::Acquire) {
                let closing = closing.get_or_insert_with(Stopwatch::start);
                if self.is_all_heard(seen) || closing.elapsed() > CLOSING {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Shows what there is; whoever watches may end it.
    fn show(&self, seen: &mut Seen, stage: &mut Stage) -> anyhow::Result<()> {
        let (told, now) = (&self.told, self.clock.now());
        match stage {
            Stage::Lines(lines) => lines.show(seen, told, now)?,
            Stage::Live(live) => {
                if live.show(seen, told, now)? == ControlFlow::Break(()) {
                    self.stop.store(true, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether every record has been taken, and the last day of cohorts has come.
    fn is_all_heard(&self, seen: &Seen) -> bool {
        let is_taken = seen.books().received >= self.told.sent.load(Ordering::Relaxed);
        let has_scores = self.work.definition.nps.is_some();
        is_taken && (!has_scores || seen.cohort_time() >= Some(self.clock.now()))
    }
}

/// Partitions of customers and of cohorts.
fn shape() -> (u32, u32) {
    let shape = Shape::new(Assurance::Demo);
    (shape.partitions, shape.cohort_partitions)
}
