//! The stores of a stage: held against changelogs that are folded already, or alone, one shard after the other.

use super::Look;
use crate::config::{self, Assumption};
use crate::pipeline::stage::Stage;
use crate::pipeline::verify::fold::Fold;
use crate::pipeline::verify::verdict::{ShardVerdict, StoreLook, Verdict};
use crate::pipeline::verify::{Damage, VerifyError, store};
use crate::store::{RedisSettings, RedisStore, Store as _};

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
            let looked = self.compare(&mut store, fold, verdict, tell)?;
            looked.note(verdict.shard(S::NAME, fold.shard));
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
            if let Some((progress, _)) = &fold.last {
                self.our_group(progress)?;
            }
            let looked = self.compare(&mut store, &mut fold, verdict, tell)?;
            // Only now: it has been read on meanwhile.
            let mut about = Self::about(&fold);
            about.states = fold.values.len() as u64;
            looked.note(&mut about);
            verdict.shards.push(about);
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
        Some(RedisStore::onlooker(&self.group, Box::new(access)))
    }

    fn compare(
        &self,
        store: &mut RedisStore,
        fold: &mut Fold,
        verdict: &mut Verdict,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Looked, VerifyError> {
        let shard = fold.shard;
        tell(&format!(
            "comparing the store of shard {shard} of {}",
            S::NAME
        ));
        if fold.last.is_none() {
            let copy = store.open(shard)?;
            fold.read_on(&self.changelog)?; // it may have made its first step since
            if fold.last.is_none() {
                let problem = "the store has a copy of a shard that has made no step";
                let problem = copy.map(|_| problem.to_owned());
                return Ok(Looked(StoreLook::None, problem));
            }
        }
        let was = verdict.store;
        let looked = store::compare(&self.stage, store, &self.changelog, fold, verdict)?;
        let condemned = verdict.store.is_worse_than(&was) && self.damage == Damage::Mark;
        let problem = if condemned {
            let word = if store::condemn(store, shard)? {
                "marked as damaged"
            } else {
                "could not be marked: it moved"
            };
            Some(format!("the copy in the store is {word}"))
        } else {
            None
        };
        Ok(Looked(looked, problem))
    }
}

/// What became of a look at the store, and what it has found wrong besides things that differ.
struct Looked(StoreLook, Option<String>);

impl Looked {
    fn note(self, shard: &mut ShardVerdict) {
        let Self(looked, problem) = self;
        shard.store = looked;
        shard.problems.extend(problem);
    }
}
