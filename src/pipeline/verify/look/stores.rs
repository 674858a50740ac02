//! The stores of a stage: held against changelogs that are folded already, or alone, one shard after the other.

use super::Look;
use crate::config::{self, Assumption};
use crate::pipeline::stage::Stage;
use crate::pipeline::verify::fold::Fold;
use crate::pipeline::verify::verdict::{ShardVerdict, Verdict};
use crate::pipeline::verify::{Damage, VerifyError, store};
use crate::store::{RedisSettings, RedisStore};

impl<S: Stage> Look<'_, S> {
    /// Compares the store of every shard, if it is one that can be looked at from outside.
    pub(in crate::pipeline::verify) fn stores(
        &self,
        folds: &mut [Fold],
        verdict: &mut Verdict,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), VerifyError> {
        let Some(mut store) = self.redis() else {
            return Ok(());
        };
        for fold in folds {
            self.compare(&mut store, fold, verdict, tell)?;
        }
        Ok(())
    }

    /// Compares the store of every shard with nothing but its changelog.
    pub(in crate::pipeline::verify) fn stores_alone(
        &self,
        verdict: &mut Verdict,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), VerifyError> {
        let mut store = self.redis().ok_or(VerifyError::NoStore)?;
        for shard in self.shards_of_changelog()? {
            let mut fold = self.fold(shard, tell)?;
            let mut about = match &fold.last {
                None => self.idle(&fold)?,
                Some((progress, _)) => {
                    self.our_group(progress)?;
                    ShardVerdict::new(S::NAME, progress)
                }
            };
            about.problems.append(&mut fold.problems);
            about.states = fold.values.len() as u64;
            verdict.shards.push(about);
            self.compare(&mut store, &mut fold, verdict, tell)?;
        }
        Ok(())
    }

    fn redis(&self) -> Option<RedisStore> {
        let config::Store::Redis(redis) = &self.config.store else {
            return None;
        };
        let (redis, assume) = (redis.clone(), &self.config.assume);
        let trusted = assume.contains(&Assumption::RedisNoeviction);
        let access = move || RedisSettings::of(&redis, trusted);
        Some(RedisStore::new(&self.group, Box::new(access)))
    }

    fn compare(
        &self,
        store: &mut RedisStore,
        fold: &mut Fold,
        verdict: &mut Verdict,
        tell: &mut dyn FnMut(&str),
    ) -> Result<(), VerifyError> {
        if fold.last.is_none() {
            return Ok(());
        }
        tell(&format!(
            "comparing the store of shard {} of {}",
            fold.shard,
            S::NAME
        ));
        let was = verdict.store;
        let looked = store::compare(&self.stage, store, &self.changelog, fold, verdict)?;
        let condemned = verdict.store.is_worse_than(&was) && self.damage == Damage::Mark;
        let shard = verdict.shard(S::NAME, fold.shard);
        shard.store = looked;
        if condemned {
            let marked = store::condemn(store, fold.shard)?;
            let word = if marked {
                "marked as damaged"
            } else {
                "could not be marked: it moved"
            };
            let problem = format!("the copy in the store is {word}");
            shard.problems.push(problem);
        }
        Ok(())
    }
}
