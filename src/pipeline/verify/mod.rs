//! A deployment held against a run in one thread over the same input: what it published, what it keeps, thing by thing.
//!
//! | part     | what is done                                                                              |
//! | -------- | ----------------------------------------------------------------------------------------- |
//! | before   | note where outputs end for sure                                                           |
//! | fold     | read every changelog to its end: states, and the last step with V                         |
//! | outputs  | read what was published to its settled end: it holds at least what those steps published  |
//! | rerun    | each shard from its first record to V, with the deployment's ticks; account for outputs   |
//! | leftover | what nobody has accounted for, if it stood there before                                   |
//! | store    | every value of the copy against the changelog                                             |
//!
//! It joins no group and takes no offsets, so it can look at a deployment that runs. Memory: the stored form of all
//! states, one shard's journeys, and some 50 bytes for each alert.

mod compare;
mod error;
mod fold;
mod log;
mod outputs;
mod rerun;
mod store;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use rdkafka::message::Message;
use waymark_engine::event::WriterSchemas;
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Outcome};

use self::compare::{Before, Comparison, Sight};
use self::fold::Fold;
use self::log::{Log, ask, read};
use self::outputs::Outputs;
use self::rerun::{History, Rerun};
use crate::changelog::ChangelogReader;
use crate::config::{self, Assumption, Config};
use crate::kafka::{GroupOffsets, PartitionReader};
use crate::protocol::{Offset, Progress, Range, ShardId, StepEnd};
use crate::store::{RedisSettings, RedisStore};

pub use error::VerifyError;
pub use verdict::{Difference, ShardVerdict, Sort, StoreLook, Tally, Verdict, Wrong};

/// The stage that is verified.
const CUSTOMER: &str = "customer";

/// What is needed to run a deployment's input once more.
#[derive(Debug)]
pub struct Given {
    /// The rules that were in force.
    pub rules: Rules,
    /// Hash of their file.
    pub rules_hash: String,
    /// Writer schemas of Avro events.
    pub schemas: WriterSchemas,
    /// What to do about a copy in the store that is not the changelog.
    pub damage: Damage,
}

/// What to do about a copy in the store that is not the changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Only say so.
    Tell,
    /// Mark it, so that the shard's owner throws it away and copies the changelog anew.
    Mark,
}

/// Verifies a deployment; `tell` hears what is being done.
///
/// # Errors
/// [`VerifyError`] if there is nothing to be said, because something can't be read or no longer reaches back to the
/// beginning.
pub fn verify(
    config: &Config,
    given: Given,
    tell: &mut dyn FnMut(&str),
) -> Result<Verdict, VerifyError> {
    let group = config.deployment.group(CUSTOMER);
    let log = Log::open(&config.kafka, group.clone())?;
    let look = Look {
        config,
        log: &log,
        rules: Arc::new(given.rules),
        rules_hash: given.rules_hash,
        schemas: given.schemas,
        changelog: ChangelogReader::open(
            &config.kafka,
            &group,
            &config.deployment.changelog(CUSTOMER),
        )?,
        source: log.reader(&config.deployment.events())?,
        offsets: GroupOffsets::open(&config.kafka, &group, &config.deployment.events())?,
        damage: given.damage,
        group,
    };
    look.verify(tell)
}

/// A look at a deployment.
struct Look<'a> {
    config: &'a Config,
    log: &'a Log<'a>,
    group: String,
    rules: Arc<Rules>,
    rules_hash: String,
    schemas: WriterSchemas,
    changelog: ChangelogReader,
    source: PartitionReader,
    offsets: GroupOffsets,
    damage: Damage,
}

impl Look<'_> {
    fn verify(&self, tell: &mut dyn FnMut(&str)) -> Result<Verdict, VerifyError> {
        let deployment = &self.config.deployment;
        let before = Before {
            alerts: self.stable_ends(&deployment.alerts())?,
            deltas: self.stable_ends(&deployment.deltas())?,
        };
        let mut folds = self.fold_all(tell)?;
        tell("reading what was published");
        let mut comparison = Comparison {
            sight: Sight {
                log: self.log,
                deployment,
            },
            delta_partitions: u32::try_from(before.deltas.len()).unwrap_or(u32::MAX),
            outputs: Outputs::read(self.log, deployment)?,
            verdict: Verdict::new(),
            before,
            deltas_seen: BTreeMap::new(),
        };
        let mut positions = BTreeMap::new();
        for fold in &folds {
            tell(&format!("running shard {} once more", fold.shard));
            let shard = self.shard(fold, &mut comparison)?;
            positions.insert(fold.shard, shard.position);
            comparison.verdict.shards.push(shard);
        }
        comparison.leftovers(&positions);
        let mut verdict = comparison.verdict;
        self.stores(&mut folds, &mut verdict, tell)?;
        Ok(verdict.finish())
    }

    fn stable_ends(&self, topic: &str) -> Result<Vec<Offset>, VerifyError> {
        let partitions = self.log.partitions(topic)?.into_iter();
        partitions
            .map(|partition| self.log.stable_end(topic, partition))
            .collect()
    }

    fn fold_all(&self, tell: &mut dyn FnMut(&str)) -> Result<Vec<Fold>, VerifyError> {
        let changelog = self.config.deployment.changelog(CUSTOMER);
        let shards = self.log.partitions(&changelog)?;
        let mut folds = Vec::with_capacity(shards.len());
        for shard in shards {
            tell(&format!("reading the changelog of shard {shard}"));
            self.log.settled(&changelog, shard)?;
            let mut fold = Fold::new(shard);
            fold.read_on(&self.changelog)?;
            folds.push(fold);
        }
        Ok(folds)
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
        let mut verdict = ShardVerdict::new(progress);
        verdict.problems.clone_from(&fold.problems);
        let mut run = Rerun::new(self.history(progress, comparison));
        verdict.ticks = run.ticks_left();
        self.rerun(progress, &mut run, comparison, &mut verdict)?;
        verdict.records = run.books.received;
        verdict.customers = comparison.states(fold, &run.table);
        comparison.channels(progress);
        verdict.holds("the books", &run.books, &progress.books);
        verdict.holds("stream time", &run.stream_time(), &progress.stream_time);
        if !progress.books.balance() {
            verdict.problems.push("the books do not balance".to_owned());
        }
        self.committed(progress, end, &mut verdict)?;
        Ok(verdict)
    }

    fn history<'r>(&'r self, progress: &Progress, comparison: &Comparison<'_>) -> History<'r> {
        let shard = progress.shard;
        let told = comparison.outputs.channels.get(&shard);
        let last = progress.channels.first().copied().unwrap_or_default();
        let ticks = told.into_iter().flat_map(|told| &told.ticks);
        History {
            rules: &self.rules,
            schemas: &self.schemas,
            max_skew: self.config.time.max_skew,
            shard,
            partitions: progress.partitions,
            poison: comparison.outputs.poison(shard),
            // Ticks of steps that came after the last one we know of are none of our business.
            ticks: ticks
                .filter(|(number, _)| *number <= last)
                .map(|(_, tick)| *tick)
                .collect(),
        }
    }

    fn rerun(
        &self,
        progress: &Progress,
        run: &mut Rerun<'_>,
        comparison: &mut Comparison<'_>,
        verdict: &mut ShardVerdict,
    ) -> Result<(), VerifyError> {
        let topic = self.config.deployment.events();
        let (shard, stretch) = (progress.shard, self.stretch(&topic, progress)?);
        let mut derived = Derived::default();
        read(&self.source, shard, stretch, &mut |record| {
            let outcome = run.take(record, &mut derived);
            let origin = (shard, Offset(record.offset()));
            comparison.set_aside(origin, &outcome, record.payload());
            verdict.set_aside +=
                u64::from(matches!(outcome, Outcome::Late | Outcome::DeadLettered(_)));
            verdict.account(&mut derived, comparison);
        })?;
        run.tick_up_to(progress.position, &mut derived);
        verdict.account(&mut derived, comparison);
        Ok(())
    }

    /// Returns what the shard has read of its source, all of which must still be there.
    fn stretch(&self, topic: &str, progress: &Progress) -> Result<Range, VerifyError> {
        let log = self.log.range(topic, progress.shard)?;
        let (began_at, position) = (progress.began_at, progress.position);
        if log.start > began_at || log.end < position {
            return Err(VerifyError::SourceCut {
                shard: progress.shard,
                topic: topic.to_owned(),
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

    /// Whose changelog this is, and by which rules it came about.
    fn ours(&self, progress: &Progress) -> Result<(), VerifyError> {
        let shard = progress.shard;
        if progress.group != self.group {
            let (theirs, ours) = (&progress.group, &self.group);
            let fact = format!("its group is {theirs}, ours is {ours}");
            return Err(VerifyError::Foreign { shard, fact });
        }
        if progress.rules != self.rules_hash {
            return Err(VerifyError::OtherRules {
                shard,
                used: progress.rules.clone(),
                given: self.rules_hash.clone(),
            });
        }
        Ok(())
    }

    /// A shard without a step: nothing may have been committed for it.
    fn idle(&self, fold: &Fold) -> Result<ShardVerdict, VerifyError> {
        let mut verdict = ShardVerdict::idle(fold.shard);
        if !fold.values.is_empty() {
            let problem = "the changelog has states and no step";
            verdict.problems.push(problem.to_owned());
        }
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
        let changelog = self.config.deployment.changelog(CUSTOMER);
        self.log.settled(&changelog, shard)?;
        let mut since = Fold::new(shard);
        since.skip_to(end);
        since.read_on(&self.changelog)?;
        Ok(since.last.is_some())
    }

    fn committed_of(&self, shard: ShardId) -> Result<Option<Offset>, VerifyError> {
        let events = self.config.deployment.events();
        let committed = ask(&events, || self.offsets.committed(&[shard]))?;
        Ok(committed.get(&shard).copied())
    }

    fn stores(
        &self,
        folds: &mut [Fold],
        verdict: &mut Verdict,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), VerifyError> {
        let config::Store::Redis(redis) = &self.config.store else {
            return Ok(());
        };
        let (redis, assume) = (redis.clone(), &self.config.assume);
        let trusted = assume.contains(&Assumption::RedisNoeviction);
        let access = move || RedisSettings::of(&redis, trusted);
        let mut store = RedisStore::new(&self.group, Box::new(access));
        for (place, fold) in folds.iter_mut().enumerate() {
            if fold.last.is_none() {
                continue;
            }
            tell(&format!("comparing the store of shard {}", fold.shard));
            let was = verdict.store;
            let looked = store::compare(&mut store, &self.changelog, fold, verdict)?;
            if verdict.store.is_worse_than(&was) && self.damage == Damage::Mark {
                let marked = store::condemn(&mut store, fold.shard)?;
                let word = if marked {
                    "marked as damaged"
                } else {
                    "could not be marked: it moved"
                };
                verdict.shards[place]
                    .problems
                    .push(format!("the copy in the store is {word}"));
            }
            verdict.shards[place].store = looked;
        }
        Ok(())
    }
}

impl ShardVerdict {
    fn new(progress: &Progress) -> Self {
        Self {
            step: progress.step,
            position: progress.position,
            ..Self::idle(progress.shard)
        }
    }

    fn idle(shard: ShardId) -> Self {
        Self {
            shard,
            step: crate::protocol::Step::default(),
            position: Offset(0),
            records: 0,
            ticks: 0,
            alerts: 0,
            deltas: 0,
            set_aside: 0,
            customers: 0,
            store: StoreLook::None,
            problems: Vec::new(),
        }
    }

    fn account(&mut self, derived: &mut Derived, comparison: &mut Comparison<'_>) {
        for alert in derived.alerts.drain(..) {
            self.alerts += 1;
            comparison.alert(&alert);
        }
        for delta in derived.deltas.drain(..) {
            self.deltas += 1;
            comparison.delta(self.shard, &delta);
        }
    }

    /// Notes a problem unless the deployment's own record says what the run says.
    fn holds<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, should: &T, is: &T) {
        if should != is {
            self.problems
                .push(format!("{what}: should be {should:?}, is {is:?}"));
        }
    }
}
