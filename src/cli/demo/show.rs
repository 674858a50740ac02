//! The course of a show: the workers gather, the story is told while somebody listens, the last day closes.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::bail;

use super::lines::Lines;
use super::live::Live;
use super::patience::{Patience, why};
use crate::clock::{Stopwatch, StoryClock};
use crate::config::{Assurance, Config};
use crate::demo::{AtEnd, Audience, Pace, Seen, Story, Teller, Told};
use crate::kafka::topics::Shape;
use crate::pipeline::{self, Work};

/// How long the workers may take to gather: the mock lets a group wait for three seconds.
const GATHERING: Duration = Duration::from_secs(30);
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

/// Where it is shown.
pub(super) enum Medium {
    Lines(Lines),
    Live(Box<Live>),
}

impl Show<'_> {
    /// Shows a story; returns what was seen, and how long it took.
    ///
    /// # Errors
    /// If the workers end by themselves or take nothing more, the story can't be read on, or what comes can't be heard or
    /// shown.
    pub(super) fn run(
        &self,
        story: Story<'_>,
        pace: &Pace,
        mut medium: Medium,
    ) -> anyhow::Result<(Seen, Duration)> {
        let since = Stopwatch::start();
        let mut seen = Seen::new(&self.work.definition);
        thread::scope(|scope| {
            // Whoever of us ends first, be it by a panic, takes the others along.
            let _ends = [AtEnd(&self.told.enough), AtEnd(&self.stop)];
            let workers = scope.spawn(|| {
                let _ends = AtEnd(&self.stop);
                pipeline::run(self.config, self.work, &self.stop)
            });
            let shown = self.gather(&mut seen, &mut medium).and_then(|audience| {
                let teller = self.teller()?;
                let telling = scope.spawn(move || teller.tell(story, pace));
                let listened = self.listen(&audience, &mut seen, &mut medium);
                self.told.enough.store(true, Ordering::Relaxed);
                telling.join().expect("a teller does not panic")?;
                listened
            });
            drop(medium); // the terminal, before anything is said
            self.stop.store(true, Ordering::Relaxed);
            workers
                .join()
                .expect("workers are watched where they run")?;
            shown
        })?;
        Ok((seen, since.elapsed()))
    }

    /// Waits until the workers have taken all shards.
    fn gather(&self, seen: &mut Seen, medium: &mut Medium) -> anyhow::Result<Audience> {
        let (kafka, deployment) = (&self.config.kafka, &self.config.deployment);
        let audience = Audience::open(kafka, deployment, shape())?;
        let since = Stopwatch::start();
        while !self.is_over() && !self.have_begun(seen) {
            audience.listen(LISTEN, seen)?;
            self.show(seen, medium)?;
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

    fn teller(&self) -> anyhow::Result<Teller<'_>> {
        let (partitions, _) = shape();
        let clock = self.clock.clone();
        Ok(Teller::open(self.config, partitions, clock, &self.told)?)
    }

    /// Listens until all is heard, or somebody has heard enough.
    fn listen(
        &self,
        audience: &Audience,
        seen: &mut Seen,
        medium: &mut Medium,
    ) -> anyhow::Result<()> {
        let mut patience = Patience::new();
        while !self.is_over() {
            audience.listen(LISTEN, seen)?;
            self.told.hear(seen.taken());
            self.show(seen, medium)?;
            let waiting = self.waiting(seen);
            let is_told = self.told.over.load(Ordering::Acquire);
            if is_told && (self.is_broken_off() || self.is_all_heard(seen)) {
                break;
            }
            let mark = (seen.books().received, seen.cohort_time());
            if patience.is_over(mark, is_told || waiting > 0) {
                bail!(why(waiting, &self.work.status.report()));
            }
        }
        Ok(())
    }

    /// Shows what there is; whoever watches may end it.
    fn show(&self, seen: &mut Seen, medium: &mut Medium) -> anyhow::Result<()> {
        let (told, now) = (&self.told, self.clock.now());
        match medium {
            Medium::Lines(lines) => lines.show(seen, told, now)?,
            Medium::Live(live) => {
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

    /// Records that were sent and not taken yet.
    fn waiting(&self, seen: &Seen) -> u64 {
        let sent = self.told.sent.load(Ordering::Relaxed);
        sent.saturating_sub(seen.books().received)
    }

    /// Whether the story can't be told on: nothing marks its end, so there is none to wait for.
    fn is_broken_off(&self) -> bool {
        self.told.heartbeats.load(Ordering::Relaxed) == 0
    }

    /// Whether every record has been taken, and the last day of cohorts has come.
    fn is_all_heard(&self, seen: &Seen) -> bool {
        let has_scores = self.work.definition.nps.is_some();
        self.waiting(seen) == 0 && (!has_scores || seen.cohort_time() >= Some(self.clock.now()))
    }
}

/// Partitions of customers and of cohorts.
fn shape() -> (u32, u32) {
    let shape = Shape::new(Assurance::Demo);
    (shape.partitions, shape.cohort_partitions)
}
