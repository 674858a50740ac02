//! What we may read, ask and take, found out by trying. Writing is not tried: it would leave something behind.

use super::{Area, Finding, State};
use crate::config::Config;
use crate::kafka::{GroupOffsets, PartitionReader, Watermarks, patiently};
use crate::pipeline::error::told;
use crate::protocol::ShardId;
use crate::publish::Transactions;

/// The stages whose workers need them.
const CUSTOMER: &str = "customer";
const COHORT: &str = "cohort";

/// Tries everything that leaves nothing behind.
pub(super) fn examine(config: &Config, findings: &mut Vec<Finding>) {
    let deployment = &config.deployment;
    let read = [
        deployment.events(),
        deployment.changelog(CUSTOMER),
        deployment.changelog(COHORT),
        deployment.alerts(),
        deployment.deltas(),
        deployment.scores(),
        deployment.dead_letter(),
        deployment.late(),
    ];
    let (mut readable, mut unreadable) = (Vec::new(), Vec::new());
    for topic in read {
        match reads(config, &topic) {
            Ok(()) => readable.push(topic),
            Err(error) => unreadable.push(wrong(format!("{topic} can't be read: {error}"))),
        }
    }
    if !readable.is_empty() {
        findings.push(Finding {
            places: readable,
            ..good("may be read")
        });
    }
    findings.extend(unreadable);
    findings.push(offsets(config, CUSTOMER, &deployment.events()));
    findings.push(offsets(config, COHORT, &deployment.deltas()));
    findings.push(transactions(config));
}

/// Reads the first record of a topic, or finds that there is none.
fn reads(config: &Config, topic: &str) -> Result<(), String> {
    let group = config.deployment.group(CUSTOMER);
    let watermarks = Watermarks::open(&config.kafka).map_err(|error| told(&error))?;
    let log = patiently(|| watermarks.range(topic, ShardId(0))).map_err(|error| told(&error))?;
    let reader = PartitionReader::open(&config.kafka, &group, topic);
    let reader = reader.map_err(|error| told(&error))?;
    let first = reader.appended_at(ShardId(0), log.start);
    first.map(|_| ()).map_err(|error| told(&error))
}

fn offsets(config: &Config, stage: &str, source: &str) -> Finding {
    let group = config.deployment.group(stage);
    let asked = GroupOffsets::open(&config.kafka, &group, source)
        .map_err(|error| told(&error))
        .and_then(|offsets| {
            let asked = offsets.committed(&[ShardId(0)]);
            asked.map_err(|error| told(&error))
        });
    match asked {
        Ok(_) => good(format!("the offsets of group {group} may be asked for")),
        Err(error) => wrong(format!("the offsets of group {group}: {error}")),
    }
}

/// Takes a slot of our own, which no worker has, and lets it go.
fn transactions(config: &Config) -> Finding {
    let slot = format!("{}-doctor", config.deployment.group(CUSTOMER));
    match Transactions::new(&config.kafka, &slot).recycle() {
        Ok(()) => good(format!("transactions may be made as {slot}")),
        Err(error) => wrong(format!("transactions as {slot}: {}", told(&error))),
    }
}

fn good(said: impl Into<String>) -> Finding {
    Finding::new(Area::Permissions, State::Good, said)
}

fn wrong(said: impl Into<String>) -> Finding {
    Finding::new(Area::Permissions, State::Wrong, said)
}
