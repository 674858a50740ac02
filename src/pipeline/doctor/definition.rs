//! Whether the definition still is what its version names. Alerts tell their subscribers the version alone, so whoever
//! changes a definition gives it a new one (section 3 of `docs/delivery.md`).

use std::ops::ControlFlow;

use waymark_engine::definition::Edition;

use super::{Area, Depth, Finding, State};
use crate::changelog::{ChangelogReader, ReadError};
use crate::config::{Config, StageName};
use crate::kafka::{Watermarks, patiently};
use crate::pipeline::error::told;
use crate::protocol::ShardId;

/// A shard, and the definition of its last step.
type LastRun = (ShardId, Edition);

/// Looks by which definition each shard of both stages was last run: alerts come from both.
///
/// A start that finds a shard run by this very definition leaves the others of the stage alone: restarts are quick.
pub(super) fn examine(
    config: &Config,
    edition: &Edition,
    depth: Depth,
    findings: &mut Vec<Finding>,
) {
    let is_enough = |last: &Edition| depth == Depth::Start && last == edition;
    let mut topics = Vec::new();
    for stage in [StageName::Customer, StageName::Cohort] {
        let group = config.deployment.group(stage.as_str());
        let topic = config.deployment.changelog(stage.as_str());
        let mut shards = Vec::new();
        let read = last_runs(config, &group, &topic, &is_enough, &mut shards);
        topics.push((topic, shards));
        if let Err(cause) = read {
            let said = format!("which definition shards last ran can't be read: {cause}");
            findings.push(Finding::new(Area::Definition, State::Away, said));
            break; // others would let us wait as long
        }
    }
    findings.extend(judge(edition, &topics));
}

/// Reads the definition of the last step of each shard that made one, until one is enough. What this release can't read is
/// left to recovery, which halts the shard by name.
fn last_runs(
    config: &Config,
    group: &str,
    topic: &str,
    is_enough: &dyn Fn(&Edition) -> bool,
    shards: &mut Vec<LastRun>,
) -> Result<(), String> {
    let watermarks = Watermarks::open(&config.kafka).map_err(|error| told(&error))?;
    let changelog = ChangelogReader::open(&config.kafka, group, topic);
    let changelog = changelog.map_err(|error| told(&error))?;
    let all = patiently(|| watermarks.shards(topic)).map_err(|error| told(&error))?;
    if all.is_empty() {
        return Err(format!("a broker does not know {topic} yet")); // another one did, a moment ago
    }
    for shard in all {
        let settled = patiently(|| watermarks.settled(topic, shard));
        let settled = settled.map_err(|error| told(&error))?;
        let go_on = &mut || ControlFlow::Continue(());
        let last = match changelog.last_progress(shard, settled, go_on) {
            Ok(last) => last.and_then(|last| last.record.ok()),
            Err(ReadError::Foreign { .. }) => None,
            Err(error) => return Err(told(&error)),
        };
        if let Some(edition) = last.and_then(|progress| progress.edition()) {
            let enough = is_enough(&edition);
            shards.push((shard, edition));
            if enough {
                break;
            }
        }
    }
    Ok(())
}

fn judge(edition: &Edition, topics: &[(String, Vec<LastRun>)]) -> Option<Finding> {
    let Edition {
        version,
        fingerprint,
    } = edition;
    let mut last = topics.iter().flat_map(|(_, shards)| shards);
    let Some((_, other)) = last.clone().find(|(_, it)| edition.contradicts(it)) else {
        let said = format!("shards know version {version} as it is");
        let known = last.any(|(_, it)| it == edition);
        return known.then(|| Finding::new(Area::Definition, State::Good, said));
    };
    let said = format!(
        "shards last ran another definition as version {version} ({}, this one is {fingerprint}): give what you changed a \
         version of its own",
        other.fingerprint
    );
    let places = topics.iter().filter_map(|(topic, shards)| {
        let those = shards.iter().filter(|(_, it)| edition.contradicts(it));
        let those: Vec<_> = those.map(|(shard, _)| shard.to_string()).collect();
        (!those.is_empty()).then(|| format!("{topic}: {}", those.join(" ")))
    });
    Some(Finding {
        places: places.collect(),
        ..Finding::new(Area::Definition, State::Wrong, said)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(shard: i32, version: &str, fingerprint: &str) -> LastRun {
        let (version, fingerprint) = (version.into(), fingerprint.into());
        (
            ShardId(shard),
            Edition {
                version,
                fingerprint,
            },
        )
    }

    #[test]
    fn only_another_definition_of_the_same_version_is_wrong() {
        let (_, ours) = ran(0, "2", "bb");
        let mut topics = [
            ("a".to_owned(), vec![]),
            ("b".to_owned(), vec![ran(0, "1", "aa")]),
        ];
        assert_eq!(judge(&ours, &topics), None, "nobody has run it");
        topics[0].1.push(ran(3, "2", "bb"));
        let state = |finding: Option<Finding>| finding.map(|it| it.state);
        assert_eq!(state(judge(&ours, &topics)), Some(State::Good));
        topics[1].1.extend([ran(4, "2", "cc"), ran(7, "2", "cc")]);
        let found = judge(&ours, &topics).expect("two shards");
        assert_eq!(found.state, State::Wrong);
        assert_eq!(found.places, ["b: 4 7"]);
        assert!(
            found.said.contains("(cc, this one is bb)"),
            "{}",
            found.said
        );
    }
}
