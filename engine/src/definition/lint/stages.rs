//! Stages that nothing reaches, and stages in which nobody would notice a standstill.

use std::collections::{BTreeMap, BTreeSet};

use super::stages_of;
use crate::definition::problem::Problem;
use crate::definition::raw::RawDefinition;
use crate::definition::{Definition, Rule, Stage, SubjectKind};
use crate::event::Kind;

pub(super) fn check(raw: &RawDefinition, definition: Option<&Definition>) -> Vec<Problem> {
    let Some(definition) = definition else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    problems.extend(entered_twice(raw, definition));
    problems.extend(unreachable(raw, definition));
    problems.extend(without_limit(raw, definition));
    problems
}

/// One kind of event can enter one stage only.
fn entered_twice(raw: &RawDefinition, definition: &Definition) -> Vec<Problem> {
    let mut entered: BTreeMap<Kind, &str> = BTreeMap::new();
    let mut problems = Vec::new();
    for (raw, stage) in stages_of(raw).zip(&definition.stages) {
        for kind in stage.entered_by.iter() {
            if let Some(first) = entered.insert(kind, &stage.name) {
                let message = format!("{kind} enters both {first:?} and {:?}", stage.name);
                let help = "let it enter one stage, and the other by stage.entered";
                problems.push(Problem::error(raw.name.place, message).help(help));
                break;
            }
        }
    }
    problems
}

/// A file that declares no moves at all says nothing about what reaches what, nor does one with mistyped moves.
fn unreachable(raw: &RawDefinition, definition: &Definition) -> Vec<Problem> {
    let mut moves = stages_of(raw).zip(&definition.stages);
    let mistyped = moves.any(|(raw, stage)| raw.next.len() != stage.next.len());
    if mistyped || definition.stages.iter().all(|stage| stage.next.is_empty()) {
        return Vec::new();
    }
    let reached = reached(&definition.stages);
    stages_of(raw)
        .filter(|stage| !reached.contains(stage.name.as_str()))
        .map(|stage| {
            let message = format!("no stage leads to {:?}", stage.name.value);
            let help = format!(
                "add {:?} to next of the stage before it, or say what it is entered_by",
                stage.name.value
            );
            Problem::warning(stage.name.place, message).help(help)
        })
        .collect()
}

/// Everything that can be reached from the first stage and from those that an event enters by itself.
fn reached(stages: &[Stage]) -> BTreeSet<&str> {
    let first = stages.first().map(|stage| &*stage.name);
    let entered = stages.iter().filter(|stage| !stage.entered_by.is_empty());
    let mut waiting: Vec<&str> = entered.map(|stage| &*stage.name).chain(first).collect();
    let mut reached = BTreeSet::new();
    while let Some(name) = waiting.pop() {
        if reached.insert(name) {
            let here = stages.iter().filter(|stage| *stage.name == *name);
            waiting.extend(here.flat_map(|stage| &stage.next).map(|next| &**next));
        }
    }
    reached
}

/// A file whose rules never speak of stages does not mean to limit them.
fn without_limit(raw: &RawDefinition, definition: &Definition) -> Vec<Problem> {
    let of_stages: Vec<&Rule> = definition
        .rules
        .iter()
        .filter(|rule| rule.subject == SubjectKind::Application && names_stages(rule))
        .collect();
    let limited = |name: &str| of_stages.iter().any(|rule| speaks_of(rule, name));
    let ends = |stage: &Stage| {
        let ending = stage.entered_by.iter();
        let mut ending = ending.filter(|kind| definition.ended_by.contains(*kind));
        stage.next.is_empty() && ending.next().is_some()
    };
    if of_stages.is_empty() {
        return Vec::new();
    }
    stages_of(raw)
        .zip(&definition.stages)
        .filter(|(_, stage)| !limited(&stage.name) && !ends(stage))
        .map(|(raw, stage)| {
            let message = format!("no rule limits how long stage {:?} may take", stage.name);
            let help = format!(
                "add {{ when: {{ stage: {} }}, is: 5d }} to a rule, or is: none where nothing is expected",
                stage.name
            );
            Problem::warning(raw.name.place, message).help(help)
        })
        .collect()
}

fn names_stages(rule: &Rule) -> bool {
    let mut names = rule.within.cases.iter().flat_map(|case| &case.when);
    rule.after.concerns(Kind::StageEntered) && names.any(|(name, _)| &**name == "stage")
}

/// Whether a case fits the stage whatever else is known; saying `none` is speaking of it, too.
fn speaks_of(rule: &Rule, stage: &str) -> bool {
    rule.within.cases.iter().any(|case| {
        let mut named = case.when.iter().filter(|(name, _)| &**name == "stage");
        named.all(|(_, value)| &**value == stage)
    })
}
