//! The topics of the deployment: what `waymark topics check` says, and whether there is work for every worker.

use super::{Area, Finding, State};
use crate::config::Config;
use crate::kafka::admin::{Admin, AdminError};
use crate::kafka::topics::{Shape, Weight, differences, wanted};

/// Looks at the topics; returns whether all of them are there.
pub(super) fn examine(
    config: &Config,
    admin: &Admin,
    findings: &mut Vec<Finding>,
) -> Result<bool, AdminError> {
    let wanted = wanted(&config.deployment, &Shape::new(config.assurance));
    let names: Vec<String> = wanted.into_iter().map(|topic| topic.name).collect();
    let found = admin.topics(&names)?;
    let differences = differences(config, &found);
    for difference in &differences {
        let state = match difference.weight {
            Weight::Warning => State::Waived,
            Weight::Refusal => State::Wrong,
        };
        let (said, topic) = (difference.to_string(), difference.topic.clone());
        let mut known = findings.iter_mut();
        match known.find(|it| it.area == Area::Topics && it.said == said) {
            Some(same) => same.places.push(topic),
            None => findings.push(Finding {
                places: vec![topic],
                ..Finding::new(Area::Topics, state, said)
            }),
        }
    }
    let fine = |name: &&String| !differences.iter().any(|it| it.topic == **name);
    let fine: Vec<String> = names.iter().filter(fine).cloned().collect();
    if !fine.is_empty() {
        findings.push(Finding {
            places: fine,
            ..Finding::new(Area::Topics, State::Good, "as they must be")
        });
    }
    if let Some(events) = found.get(&config.deployment.events()) {
        let threads = ("workers.threads", config.workers.threads);
        findings.push(workers(config, threads, events.partitions));
    }
    if let Some(deltas) = found.get(&config.deployment.deltas()) {
        let threads = ("workers.cohort_threads", config.workers.cohort_threads);
        findings.push(workers(config, threads, deltas.partitions));
    }
    Ok(names.iter().all(|name| found.contains_key(name)))
}

/// A worker without a partition has nothing to do.
fn workers(config: &Config, (setting, threads): (&str, u32), partitions: u32) -> Finding {
    let ordinal = config.workers.ordinal.as_ref();
    let last = (ordinal.map_or(0, |ordinal| ordinal.number) + 1).saturating_mul(threads);
    let (state, said) = if threads > partitions {
        let said = format!(
            "{threads} workers in this process and only {partitions} partitions: set {setting} lower"
        );
        (State::Wrong, said)
    } else if last > partitions {
        let said = format!(
            "{last} workers up to this process ({setting}) and only {partitions} partitions: some will have nothing to do"
        );
        (State::Waived, said)
    } else {
        let said =
            format!("{partitions} partitions for {last} workers up to this process ({setting})");
        (State::Good, said)
    };
    Finding::new(Area::Topics, state, said)
}
