//! What the workers of each stage share: its names, its limits, its topics.

use std::sync::Arc;
use std::time::Duration;

use waymark_engine::cohort::Cohorts;
use waymark_engine::rules::Rules;

use super::{Vigil, Work, topics};
use crate::config::{Config, StartAt};
use crate::pipeline::stage::{CohortStage, CustomerStage, Stage};
use crate::pipeline::worker::{Outputs, Shared, Topic};
use crate::publish::{Forms, Origin};

/// Bytes of a record beside its value: key, headers, framing.
const RECORD_OVERHEAD: usize = 4 * 1024;
/// The shortest wait for the deltas of a step. Cohorts decide by the hour and are few and large: each step writes those it
/// touches whole, so a second for all of them is well spent.
const COHORT_WAIT: Duration = Duration::from_secs(1);

/// Returns what workers of the customer stage share.
pub(super) fn customer(
    config: &Config,
    work: &Work,
    forms: Forms,
    vigil: &Vigil,
) -> Shared<CustomerStage> {
    let stage = CustomerStage {
        rules: Arc::new(Rules::new(work.definition.clone())),
        schemas: work.schemas.clone(),
        max_skew: config.time.max_skew,
    };
    let deployment = &config.deployment;
    let mut shared = shared(config, work, forms, vigil, stage, deployment.events());
    shared.outputs.deltas = Some(topic(config, work, deployment.deltas()));
    shared.start = config.time.start;
    shared
}

/// Returns what workers of the cohort stage share; none if the definition keeps no score.
pub(super) fn cohort(
    config: &Config,
    work: &Work,
    forms: Forms,
    vigil: &Vigil,
) -> Option<Shared<CohortStage>> {
    let deployment = &config.deployment;
    let stage = CohortStage {
        cohorts: Arc::new(Cohorts::of(&work.definition)?),
        schemas: work.schemas.clone(),
        upstream_shards: work.topics.get(&deployment.events()).partitions,
    };
    let mut shared = shared(config, work, forms, vigil, stage, deployment.deltas());
    shared.outputs.scores = Some(topic(config, work, deployment.scores()));
    shared.step.wait = shared.step.wait.max(COHORT_WAIT);
    Some(shared)
}

fn shared<S: Stage>(
    config: &Config,
    work: &Work,
    forms: Forms,
    vigil: &Vigil,
    stage: S,
    source_topic: String,
) -> Shared<S> {
    let deployment = &config.deployment;
    let changelog = deployment.changelog(S::NAME);
    let about = work.topics.get(&changelog);
    Shared {
        stage,
        group: deployment.group(S::NAME),
        partitions: work.topics.get(&source_topic).partitions,
        source_topic,
        state_bytes_max: bytes_max(config, about) - RECORD_OVERHEAD,
        delete_retention: about.delete_retention,
        outputs: Outputs {
            alerts: topic(config, work, deployment.alerts()),
            deltas: None,
            scores: None,
            dead_letter: topic(config, work, deployment.dead_letter()),
            late: topic(config, work, deployment.late()),
            changelog,
            origin: Origin::new(deployment.as_str(), S::NAME),
            forms,
        },
        edition: work.definition.edition.clone(),
        step: config.workers.step,
        flush: config.workers.flush,
        tick_resume: config.time.tick_resume,
        // What a stage before has told is read from its beginning, or numbers would be missing.
        start: StartAt::Earliest,
        metrics: work.metrics.clone(),
        status: work.status.clone(),
        tracer: work.tracer.clone(),
        vigil: vigil.clone(),
        time: work.time.clone(),
    }
}

fn topic(config: &Config, work: &Work, name: String) -> Topic {
    let about = work.topics.get(&name);
    Topic {
        partitions: about.partitions,
        bytes_max: bytes_max(config, about),
        name,
    }
}

/// The largest record that a topic takes and our clients send.
fn bytes_max(config: &Config, topic: &topics::Topic) -> usize {
    topic.bytes_max.min(config.kafka.record_bytes_max())
}
