//! One stage of a deployment: its changelogs folded, its shards run once more, its store compared (`stores`).

mod stores;

use rdkafka::message::Message;
use waymark_engine::definition::Edition;
use waymark_engine::event::Timestamp;
use waymark_engine::stage::{Derived, Outcome};

use super::compare::Comparison;
use super::fold::Fold;
use super::log::{Log, ask, read};
use super::rerun::{History, Rerun};
use super::verdict::ShardVerdict;
use super::{Damage, VerifyError};
use crate::changelog::ChangelogReader;
use crate::config::Config;
use crate::kafka::{GroupOffsets, PartitionReader};
use crate::pipeline::stage::Stage;
use crate::protocol::{Offset, Progress, Range, ShardId, StepEnd};

/// A look at one stage of a deployment.
pub(super) struct Look<'a, S> {
    stage: S,
    config: &'a Config,
    log: &'a Log<'a>,
    group: String,
    source_topic: String,
    edition: &'a Edition,
    changelog: ChangelogReader,
    source: PartitionReader,
    offsets: GroupOffsets,
    damage: Damage,
}

impl<'a, S: Stage> Look<'a, S> {
    /// Opens the handles.
    ///
    /// # Errors
    /// [`VerifyError`] if a setting of a client is wrong.
    pub(super) fn open(
        stage: S,
        config: &'a Config,
        log: &'a Log<'a>,
        edition: &'a Edition,
        damage: Damage,
        source_topic: String,
    ) -> Result<Self, VerifyError> {
        let deployment = &config.deployment;
        let group = deployment.group(S::NAME);
        let changelog = deployment.changelog(S::NAME);
        Ok(Self {
            stage,
            config,
            log,
            edition,
            changelog: ChangelogReader::open(&config.kafka, &group, &changelog)?,
            source: log.reader(&source_topic)?,
            offsets: GroupOffsets::open(&config.kafka, &group, &source_topic)?,
            source_topic,
            damage,
            group,
        })
    }

    /// Runs every shard once more and accounts for everything it leads to.
    pub(super) fn shards(
        &self,
        folds: &[Fold],
        comparison: &mut Comparison<'_>,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), VerifyError> {
        for fold in folds {
            tell(&format!(
                "running shard {} of {} once more",
                fold.shard,
                S::NAME
            ));
            let shard = self.shard(fold, comparison)?;
            let which = (S::NAME, fold.shard);
            comparison.positions.insert(which, shard.position);
            comparison.verdict.shards.push(shard);
        }
        Ok(())
    }

    /// Reads every changelog to its end.
    pub(super) fn fold_all(&self, tell: &mut dyn FnMut(&str)) -> Result<Vec<Fold>, VerifyError> {
        let shards = self.shards_of_changelog()?.into_iter();
        shards.map(|shard| self.fold(shard, tell)).collect()
    }

    fn shards_of_changelog(&self) -> Result<Vec<ShardId>, VerifyError> {
        let changelog = self.config.deployment.changelog(S::NAME);
        self.log.partitions(&changelog)
    }

    fn fold(&self, shard: ShardId, tell: &mut dyn FnMut(&str)) -> Result<Fold, VerifyError> {
        tell(&format!(
            "reading the changelog of shard {shard} of {}",
            S::NAME
        ));
        let changelog = self.config.deployment.changelog(S::NAME);
        self.log.settled(&changelog, shard)?;
        let mut fold = Fold::new(shard);
        fold.read_on(&self.changelog)?;
        Ok(fold)
    }

    /// Runs one shard once more and accounts for everything it leads to.
    fn shard(
        &self,
        fold: &Fold,
        comparison: &mut Comparison<'_>,
    ) -> Result<ShardVerdict, VerifyError> {
        let Some((progress, end)) = &fold.last else {
            return self.idle(fold);
        };
        self.ours(progress)?;
        let mut verdict = Self::about(fold);
        let history = history::<S>(progress, comparison);
        verdict.ticks = history.ticks();
        let mut run = Rerun::new(&self.stage, progress, history);
        self.rerun(fold, progress, &mut run, comparison, &mut verdict)?;
        verdict.records = run.books.received;
        verdict.states = comparison.states(&self.stage, fold, &run.table);
        if S::HAS_OWN_CLOCK {
            comparison.channels(progress);
        }
        verdict.compare(&run.progress(progress), progress);
        self.committed(progress, end, &mut verdict)?;
        Ok(verdict)
    }

    fn rerun(
        &self,
        fold: &Fold,
        progress: &Progress,
        run: &mut Rerun<'_, S>,
        comparison: &mut Comparison<'_>,
        verdict: &mut ShardVerdict,
    ) -> Result<(), VerifyError> {
        let (shard, stretch) = (progress.shard, self.stretch(progress)?);
        let mut derived = Derived::default();
        read(&self.source, shard, stretch, &mut |record| {
            let outcome = run.take(record, &mut derived)?;
            let origin = (S::NAME, shard, Offset(record.offset()));
            comparison.set_aside(origin, &outcome, record.payload());
            verdict.set_aside +=
                u64::from(matches!(outcome, Outcome::Late | Outcome::DeadLettered(_)));
            verdict.account(&mut derived, comparison);
            Ok(())
        })?;
        let next = self.next(progress, run)?;
        run.end(progress, next, &fold.values, &mut derived);
        verdict.account(&mut derived, comparison);
        for (clock, time) in &run.wrong_clocks {
            comparison.clock(shard, clock, *time);
        }
        Ok(())
    }

    /// Returns where the record at V would move stream time, if that has moved on already.
    fn next(
        &self,
        progress: &Progress,
        run: &Rerun<'_, S>,
    ) -> Result<Option<Timestamp>, VerifyError> {
        let mut reaches = None;
        if progress.stream_time > run.stream_time() {
            let one = Range {
                start: progress.position,
                end: progress.position.next(),
            };
            read(&self.source, progress.shard, one, &mut |record| {
                reaches = run.reaches(&run.item(record)?);
                Ok(())
            })?;
        }
        Ok(reaches)
    }

    /// Returns what the shard has read of its source, all of which must still be there.
    fn stretch(&self, progress: &Progress) -> Result<Range, VerifyError> {
        let topic = &self.source_topic;
        let log = self.log.range(topic, progress.shard)?;
        let (began_at, position) = (progress.began_at, progress.position);
        if log.start > began_at || log.end < position {
            return Err(VerifyError::SourceCut {
                shard: progress.shard,
                topic: topic.clone(),
                began_at,
                position,
                log,
            });
        }
        Ok(Range {
            start: began_at,
            end: position,
        })
    }

    /// Whose changelog this is.
    fn our_group(&self, progress: &Progress) -> Result<(), VerifyError> {
        if progress.group == self.group {
            return Ok(());
        }
        let (theirs, ours) = (&progress.group, &self.group);
        let (shard, fact) = (
            progress.shard,
            format!("its group is {theirs}, ours is {ours}"),
        );
        Err(VerifyError::Foreign { shard, fact })
    }

    /// Whose changelog this is, and by which rules it came about.
    fn ours(&self, progress: &Progress) -> Result<(), VerifyError> {
        self.our_group(progress)?;
        let shard = progress.shard;
        let used = progress.edition();
        if used.as_ref() != Some(self.edition) {
            return Err(VerifyError::OtherRules {
                shard,
                used,
                given: self.edition.clone(),
            });
        }
        Ok(())
    }

    /// What the changelog alone says of a shard.
    fn about(fold: &Fold) -> ShardVerdict {
        let mut verdict = match &fold.last {
            None => ShardVerdict::idle(S::NAME, fold.shard),
            Some((progress, _)) => ShardVerdict::new(S::NAME, progress),
        };
        verdict.problems.clone_from(&fold.problems);
        verdict
    }

    /// A shard without a step: nothing may have been committed for it.
    fn idle(&self, fold: &Fold) -> Result<ShardVerdict, VerifyError> {
        let mut verdict = Self::about(fold);
        let committed = self.committed_of(fold.shard)?;
        if committed.is_some() && !self.has_gone_on(fold.shard, Offset(0))? {
            verdict.holds("the committed offset", &None, &committed);
        }
        Ok(verdict)
    }

    /// I4: the committed offset is V.
    fn committed(
        &self,
        progress: &Progress,
        end: &StepEnd,
        verdict: &mut ShardVerdict,
    ) -> Result<(), VerifyError> {
        let (shard, position) = (progress.shard, Some(progress.position));
        let committed = self.committed_of(shard)?;
        let expired = committed.is_none(); // V does not
        if committed != position && !expired && !self.has_gone_on(shard, end.position())? {
            verdict.holds("the committed offset", &position, &committed);
        }
        Ok(())
    }

    /// Returns whether a deployment that runs has made another step of the shard since.
    fn has_gone_on(&self, shard: ShardId, end: Offset) -> Result<bool, VerifyError> {
        let changelog = self.config.deployment.changelog(S::NAME);
        self.log.settled(&changelog, shard)?;
        let mut since = Fold::new(shard);
        since.skip_to(end);
        since.read_on(&self.changelog)?;
        Ok(since.last.is_some())
    }

    fn committed_of(&self, shard: ShardId) -> Result<Option<Offset>, VerifyError> {
        let committed = ask(&self.source_topic, || self.offsets.committed(&[shard]))?;
        Ok(committed.get(&shard).copied())
    }
}

/// What the deployment alone knows of a shard's history: what it gave up on, and when nothing was there to read.
fn history<S: Stage>(progress: &Progress, comparison: &Comparison<'_>) -> History {
    let shard = progress.shard;
    let told = comparison.outputs.channels.get(&shard);
    let told = told.filter(|_| S::HAS_OWN_CLOCK);
    History {
        given_up: comparison.outputs.given_up(S::NAME, shard),
        clocks: told.map(|told| told.clocks.clone()).unwrap_or_default(),
    }
}

impl ShardVerdict {
    fn account(&mut self, derived: &mut Derived, comparison: &mut Comparison<'_>) {
        for alert in derived.alerts.drain(..) {
            self.alerts += 1;
            comparison.alert(&alert);
        }
        for delta in derived.deltas.drain(..) {
            self.deltas += 1;
            comparison.delta(self.shard, &delta);
        }
        for score in derived.scores.drain(..) {
            self.scores += 1;
            comparison.score(&score);
        }
    }
}
