//! What moves an application, for those who count: a stage that is entered, a decision, an end.
//!
//! Which kinds and stages there are is the definition's to say, so there are few of them.

use waymark_engine::definition::Definition;
use waymark_engine::event::{Event, Kind, Text};

/// By which kind of event, and into which stage of the definition: empty where it enters none, [`OTHER`] where events name
/// a stage that the definition does not know.
pub(crate) type Move = (Kind, Text);

const OTHER: &str = "other";

/// Returns where an event moves its application, if it does.
pub(super) fn move_of(definition: &Definition, event: &Event) -> Option<Move> {
    let kind = event.kind();
    let Some(entered) = definition.stage_entered(event) else {
        return decides(definition, kind).then(|| (kind, Text::from("")));
    };
    let mut stages = definition.stages.iter();
    let known = stages.find(|stage| &*stage.name == entered);
    Some((
        kind,
        known.map_or_else(|| OTHER.into(), |stage| stage.name.clone()),
    ))
}

/// Returns every move there may be.
pub(super) fn moves(definition: &Definition) -> Vec<Move> {
    let stages = || definition.stages.iter();
    let named = stages().map(|stage| (Kind::StageEntered, stage.name.clone()));
    let by_kind = stages().flat_map(|stage| {
        let kinds = stage.entered_by.iter();
        kinds.map(|kind| (kind, stage.name.clone()))
    });
    let enters = |kind| stages().any(|stage| stage.entered_by.contains(kind));
    let others = Kind::ALL.iter().copied();
    let others = others.filter(|kind| decides(definition, *kind) && !enters(*kind));
    let others = others.map(|kind| (kind, Text::from("")));
    let unknown = (Kind::StageEntered, Text::from(OTHER));
    named
        .chain(by_kind)
        .chain(others)
        .chain([unknown])
        .collect()
}

/// Returns whether a kind begins, decides or ends an application.
fn decides(definition: &Definition, kind: Kind) -> bool {
    kind == Kind::ApplicationSubmitted
        || definition.decided_by.contains(kind)
        || definition.ended_by.contains(kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use waymark_engine::event::{Decoded, decode_json};

    use super::*;

    fn moved(body: &str) -> Option<(&'static str, String)> {
        let line = format!(
            r#"{{"event_id": "e", "customer_id": "C1", "application_id": "a", "occurred_at": "2026-05-02T12:00:00Z", "source": "los", "body": {body}}}"#
        );
        let Ok(Decoded::Event(event)) = decode_json(line.as_bytes()) else {
            panic!("not an event: {line}")
        };
        let definition = Definition::shipped_default();
        let (kind, stage) = move_of(&definition, &event)?;
        let known: BTreeSet<_> = moves(&definition).into_iter().collect();
        assert!(known.contains(&(kind, stage.clone())), "{kind:?} {stage}");
        Some((kind.name(), stage.to_string()))
    }

    #[test]
    fn stages_decisions_and_ends_move_an_application_and_nothing_else_does() {
        let told = |kind, stage: &str| Some((kind, stage.to_owned()));
        assert_eq!(
            moved(r#"{"type": "stage.entered", "stage": "credit_review"}"#),
            told("stage.entered", "credit_review")
        );
        assert_eq!(
            moved(r#"{"type": "stage.entered", "stage": "of somebody's own"}"#),
            told("stage.entered", "other")
        );
        assert_eq!(
            moved(r#"{"type": "application.approved"}"#),
            told("application.approved", "offer")
        );
        assert_eq!(
            moved(r#"{"type": "application.withdrawn"}"#),
            told("application.withdrawn", "")
        );
        assert_eq!(moved(r#"{"type": "digital.logged_in"}"#), None);
    }
}
