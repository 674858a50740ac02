//! What can be read, and yet is not what anybody means.
//!
//! | chapter  | what it looks at                                              |
//! | -------- | ------------------------------------------------------------- |
//! | `rules`  | rules that can never arm or be met, cases never reached, grace |
//! | `stages` | stages that nothing reaches, stages without a limit           |
//!
//! Errors are for what can't work; warnings for what works, but probably not as its author thinks. Each warning can be
//! heeded by changing the file: a warning that one has to live with teaches to ignore warnings.

mod rules;
mod stages;

use std::collections::BTreeMap;

use super::names::nearest;
use super::placed::{At, Entry};
use super::problem::{Place, Problem};
use super::raw::{RawDefinition, RawNps, RawRule, RawStage};
use super::{Definition, RuleKey};

/// Looks through a file; `definition` is missing where reading has already failed.
pub(super) fn check(raw: &RawDefinition, definition: Option<&Definition>) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(named_twice(raw));
    problems.extend(outputs(raw));
    problems.extend(rule_ids(raw));
    problems.extend(cohorts(raw));
    problems.extend(stages::check(raw, definition));
    problems.extend(rules::check(raw, definition));
    problems
}

fn stages_of(raw: &RawDefinition) -> impl Iterator<Item = &RawStage> + Clone {
    raw.stages.iter().filter_map(readable)
}

fn rules_of(raw: &RawDefinition) -> impl Iterator<Item = &RawRule> {
    raw.rules.iter().filter_map(readable)
}

fn readable<T>(entry: &Entry<T>) -> Option<&T> {
    entry.0.as_ref()
}

fn named_twice(raw: &RawDefinition) -> Vec<Problem> {
    let stages = stages_of(raw).map(|stage| ("stage", &stage.name));
    let outputs = raw.outputs.iter().flatten().map(|name| ("output", name));
    let cohorts = raw.nps.iter().flat_map(|nps| &nps.cohorts);
    let cohorts = cohorts
        .filter_map(readable)
        .map(|cohort| ("cohort", &cohort.by));
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    for (what, name) in stages.chain(outputs).chain(cohorts) {
        if let Some(first) = seen.insert((what, name.value.as_str()), name.place) {
            problems.push(twice(what, name, first));
        }
    }
    problems
}

fn twice(what: &str, name: &At<String>, first: Place) -> Problem {
    let message = format!("{what} {:?} is declared twice", name.value);
    Problem::error(name.place, message).help(format!(
        "the first stands in line {}; rename one or remove one",
        first.line
    ))
}

/// Outputs beyond the first are names without a topic: nothing binds them yet.
fn outputs(raw: &RawDefinition) -> Vec<Problem> {
    let further = raw.outputs.iter().flatten().skip(1);
    let warn = |name: &At<String>| {
        let message = format!("output {:?} has no topic of its own", name.value);
        Problem::warning(name.place, message)
            .help("all alerts go to one topic: leave one output, and tell alerts apart by their rule or kind")
    };
    further.map(warn).collect()
}

/// Rules, the shift and the turned detractor share one space of ids: alert ids and stored states are made from them.
fn rule_ids(raw: &RawDefinition) -> Vec<Problem> {
    let own = rules_of(raw).map(|rule| &rule.id);
    let of_nps = raw.nps.iter().flat_map(|nps| {
        let shift = nps.shift.as_ref().and_then(|shift| shift.rule.as_ref());
        let turned = nps.turned_detractor.as_ref();
        shift
            .into_iter()
            .chain(turned.and_then(|turned| turned.rule.as_ref()))
    });
    let mut seen: BTreeMap<RuleKey, &At<String>> = BTreeMap::new();
    let mut problems = Vec::new();
    for id in own.chain(of_nps) {
        match seen.insert(RuleKey::of(id), id) {
            Some(first) if first.value == id.value => {
                problems.push(twice("rule", id, first.place));
            }
            Some(first) => {
                let message = format!(
                    "rules {:?} and {:?} have the same key in stored states",
                    first.value, id.value
                );
                problems.push(Problem::error(id.place, message).help("rename one of them"));
            }
            None => {}
        }
    }
    problems
}

fn cohorts(raw: &RawDefinition) -> Vec<Problem> {
    let Some(nps) = &raw.nps else {
        return Vec::new();
    };
    if nps.cohorts.is_empty() {
        let place = raw.definition.place;
        return vec![
            Problem::error(place, "nps has no cohorts: nothing would be scored")
                .help("write cohorts: [{ by: all }], or remove nps"),
        ];
    }
    let known = nps.cohorts.iter().filter_map(readable);
    let slips = known.filter_map(|cohort| mistyped_dimension(&cohort.by, &cohort.by));
    slips.chain(more_than_kept(nps)).collect()
}

fn more_than_kept(nps: &RawNps) -> impl Iterator<Item = Problem> {
    let cohorts = nps.cohorts.iter().filter_map(readable);
    cohorts.filter_map(|cohort| {
        let (most, expected) = (cohort.values_max.as_ref()?, cohort.expected.as_ref()?);
        (expected.value > most.value).then(|| {
            let message = format!(
                "{} groups are expected by {:?}, but only {} are kept",
                expected.value, cohort.by.value, most.value
            );
            Problem::warning(expected.place, message)
                .help(format!("write values_max: {} or more", expected.value))
        })
    })
}

const DIMENSIONS: [&str; 8] = [
    "tier",
    "industry",
    "region",
    "branch",
    "relationship_manager",
    "product",
    "stage",
    "all",
];

/// Events may state any dimension, so only a name that looks like a known one is suspicious.
fn mistyped_dimension(name: &str, at: &At<String>) -> Option<Problem> {
    let near = nearest(name, DIMENSIONS).filter(|near| *near != name)?;
    let message = format!("no feed we know of states a dimension {name:?}");
    Some(Problem::warning(at.place, message).help(format!("did you mean {near:?}?")))
}
