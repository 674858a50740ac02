//! A deployment held against a run in one thread over the same input: what it published, what it keeps, thing by thing.
//!
//! | part     | what is done                                                                              |
//! | -------- | ----------------------------------------------------------------------------------------- |
//! | before   | note where outputs end for sure                                                           |
//! | fold     | read every changelog to its end: states, and the last step with V                         |
//! | outputs  | read what was published to its settled end: it holds at least what those steps published  |
//! | rerun    | each shard from its first record to V, by the deployment's clocks; account for outputs    |
//! | leftover | what nobody has accounted for, if it stood there before                                   |
//! | store    | every value of the copy against the changelog                                             |
//!
//! With [`Scope::Store`] only fold and store are done, shard by shard: for that the changelog is enough.
//!
//! | chapter   | what it holds                                    |
//! | --------- | ------------------------------------------------ |
//! | `look`    | one stage: its parts in their order              |
//! | `log`     | topics, from their first record to a settled end |
//! | `fold`    | a changelog, read to its end                     |
//! | `outputs` | what was published, as 64 bits of hash each      |
//! | `rerun`   | one shard once more, in one thread               |
//! | `compare` | what a run leads to against what was published   |
//! | `store`   | the copy in the store against the changelog      |
//! | `verdict` | the numbers, and the first differences           |
//! | `error`   | why there is no verdict                          |
//!
//! It joins no group and takes no offsets, so it can look at a deployment that runs. Memory: the stored form of all
//! states, one shard's journeys, and some 50 bytes for each alert, delta and clock.

mod compare;
mod error;
mod fold;
mod log;
mod look;
mod outputs;
mod rerun;
mod store;
mod verdict;

use std::sync::Arc;

use serde::Serialize;
use waymark_engine::cohort::Cohorts;
use waymark_engine::definition::Definition;
use waymark_engine::rules::Rules;

use self::compare::{Before, Comparison};
use self::log::Log;
use self::look::Look;
use crate::config::Config;
use crate::pipeline::stage::{CohortStage, CustomerStage, Schemas, Stage};

pub use error::VerifyError;
pub use verdict::{Difference, ShardVerdict, Sort, StoreLook, Tally, Verdict, Wrong};

/// What is needed to run a deployment's input once more.
#[derive(Debug)]
pub struct Given {
    /// The definition that was in force.
    pub definition: Definition,
    /// What Avro events may be written with.
    pub schemas: Schemas,
    /// What to look at.
    pub scope: Scope,
    /// What to do about a copy in the store that is not the changelog.
    pub damage: Damage,
}

/// What to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything that the input leads to.
    Everything,
    /// The store against the changelog, however far back source and outputs reach and whatever definition was in force.
    Store,
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
    let deployment = &config.deployment;
    let group = deployment.group(CustomerStage::NAME);
    let log = Log::open(&config.kafka, group, given.schemas.clone())?;
    let (edition, damage) = (&given.definition.edition, given.damage);
    let customers = CustomerStage {
        rules: Arc::new(Rules::new(given.definition.clone())),
        schemas: given.schemas.clone(),
        max_skew: config.time.max_skew,
    };
    let (cohorts, upstream_shards) = match given.scope {
        Scope::Everything => {
            let upstream_shards = log.partitions(&deployment.events())?.len();
            (Cohorts::of(&given.definition), upstream_shards)
        }
        // A definition without scores does not empty the store. None is run, and any knows how to show a state.
        Scope::Store => {
            let any = || Cohorts::of(&Definition::shipped_default());
            (Cohorts::of(&given.definition).or_else(any), 0)
        }
    };
    let cohorts = cohorts.map(|cohorts| CohortStage {
        cohorts: Arc::new(cohorts),
        schemas: given.schemas,
        upstream_shards: u32::try_from(upstream_shards).unwrap_or(u32::MAX),
    });
    let (events, deltas) = (deployment.events(), deployment.deltas());
    let customers = Look::open(customers, config, &log, edition, damage, events)?;
    let cohorts = cohorts
        .map(|stage| Look::open(stage, config, &log, edition, damage, deltas))
        .transpose()?;
    match given.scope {
        Scope::Everything => everything(config, &log, &customers, cohorts.as_ref(), tell),
        Scope::Store => stores(&customers, cohorts.as_ref(), tell),
    }
}

fn stores(
    customers: &Look<'_, CustomerStage>,
    cohorts: Option<&Look<'_, CohortStage>>,
    tell: &mut dyn FnMut(&str),
) -> Result<Verdict, VerifyError> {
    let mut verdict = Verdict::new(Scope::Store);
    customers.stores_alone(&mut verdict, tell)?;
    if let Some(cohorts) = cohorts {
        cohorts.stores_alone(&mut verdict, tell)?;
    }
    Ok(verdict.finish())
}

fn everything(
    config: &Config,
    log: &Log<'_>,
    customers: &Look<'_, CustomerStage>,
    cohorts: Option<&Look<'_, CohortStage>>,
    tell: &mut dyn FnMut(&str),
) -> Result<Verdict, VerifyError> {
    let deployment = &config.deployment;
    let before = Before {
        alerts: log.stable_ends(&deployment.alerts())?,
        deltas: log.stable_ends(&deployment.deltas())?,
        scores: log.stable_ends(&deployment.scores())?,
    };
    // Cohorts first: what they have read was told by customers' steps that are folded behind them.
    let mut cohort_folds = match cohorts {
        Some(cohorts) => cohorts.fold_all(tell)?,
        None => Vec::new(),
    };
    let mut customer_folds = customers.fold_all(tell)?;
    tell("reading what was published");
    let mut comparison = Comparison::new(log, deployment, before, &customer_folds)?;
    customers.shards(&customer_folds, &mut comparison, tell)?;
    if let Some(cohorts) = cohorts {
        cohorts.shards(&cohort_folds, &mut comparison, tell)?;
    }
    comparison.leftovers();
    let mut verdict = comparison.verdict;
    customers.stores(&mut customer_folds, &mut verdict, tell)?;
    if let Some(cohorts) = cohorts {
        cohorts.stores(&mut cohort_folds, &mut verdict, tell)?;
    }
    Ok(verdict.finish())
}
