//! Which rules an event of some kind concerns: found once, when a definition is loaded.

use std::time::Duration;

use crate::definition::{Definition, FeedClass, Rule, SubjectKind};
use crate::event::Kind;

/// Rules that some kind of event concerns, by what they watch; as positions in the file.
#[derive(Debug, Default)]
pub(super) struct Concerned {
    pub(super) customer: Vec<usize>,
    pub(super) application: Vec<usize>,
    pub(super) case: Vec<usize>,
}

impl Concerned {
    pub(super) fn by(kind: Kind, rules: &[Rule]) -> Self {
        let concerns = |rule: &Rule| {
            rule.after.concerns(kind) || rule.expect.concerns(kind) || rule.clear_on.concerns(kind)
        };
        let on = |subjects: &[SubjectKind]| {
            positions(rules, |rule| {
                subjects.contains(&rule.subject) && concerns(rule)
            })
        };
        Self {
            customer: on(&[SubjectKind::Customer]),
            application: on(&[SubjectKind::Application]),
            case: on(&[SubjectKind::Enquiry, SubjectKind::Complaint]),
        }
    }
}

/// Returns the places in the file of the rules that fit.
pub(super) fn positions(rules: &[Rule], fits: impl Fn(&Rule) -> bool) -> Vec<usize> {
    (0..rules.len())
        .filter(|position| fits(&rules[*position]))
        .collect()
}

/// Returns how late the latest event of any feed of the definition may be.
pub(super) fn longest_lateness(definition: &Definition) -> Duration {
    let feeds = &definition.feeds;
    let offline = feeds.otherwise == FeedClass::Offline
        || feeds
            .classes
            .values()
            .any(|class| *class == FeedClass::Offline);
    if offline {
        feeds.offline.max(feeds.digital)
    } else {
        feeds.digital
    }
}
