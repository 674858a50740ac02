//! Rules that can never arm, can never be met, or will not do what they seem to say.

use std::time::Duration;

use super::{mistyped_dimension, rules_of};
use crate::definition::names::nearest;
use crate::definition::problem::Problem;
use crate::definition::raw::{RawCase, RawDefinition, RawRule, RawSelector, RawUntil, RawWithin};
use crate::definition::{Definition, FeedClass, KindSet, Rule, SubjectKind, duration};
use crate::event::{FeedName, Kind};

/// How far event times may run ahead of the broker; a shorter grace can judge before events under way have arrived.
const MAX_SKEW: Duration = Duration::from_mins(5);
/// What reaches us from paper or a call reaches us the next day at the earliest.
const GRACE_OFFLINE_MIN: Duration = Duration::from_hours(24);

const ALERT_KINDS: [&str; 11] = [
    "application_stalled",
    "application_quiet",
    "customer_quiet",
    "milestone_slipping",
    "milestone_missed",
    "enquiry_unanswered",
    "complaint_unresolved",
    "progress_report_overdue",
    "review_overdue",
    "documents_overdue",
    "feed_silent",
];

pub(super) fn check(raw: &RawDefinition, definition: Option<&Definition>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in rules_of(raw) {
        problems.extend(as_typed(rule));
        let meant = definition.and_then(|definition| {
            let mut rules = definition.rules.iter();
            Some((definition, rules.find(|meant| *meant.id == *rule.id.value)?))
        });
        if let Some((definition, meant)) = meant {
            problems.extend(as_meant(rule, meant));
            problems.extend(feeds(rule, meant, definition));
        }
    }
    problems
}

fn as_typed(raw: &RawRule) -> Vec<Problem> {
    let kind = &raw.raise.kind;
    let near = nearest(kind, ALERT_KINDS).filter(|near| *near != kind.value);
    let kind = near.map(|near| {
        let message = format!(
            "alert kind {:?} is not one that subscribers know",
            kind.value
        );
        Problem::warning(kind.place, message).help(format!("did you mean {near:?}?"))
    });
    let useless = raw.raise.warn_severity.is_some() && raw.warn.is_none();
    let useless = useless.then(|| {
        let message = "warn_severity has no effect: the rule does not warn";
        Problem::warning(raw.id.place, message).help("add warn: 80%, or remove warn_severity")
    });
    [kind, useless]
        .into_iter()
        .flatten()
        .chain(cases(raw))
        .collect()
}

fn cases(raw: &RawRule) -> Vec<Problem> {
    let RawWithin::List(cases) = &raw.within else {
        return Vec::new();
    };
    let cases = cases.iter().filter_map(super::readable);
    let mut problems = Vec::new();
    let mut earlier: Vec<&RawCase> = Vec::new();
    for case in cases {
        if let Some(first) = earlier.iter().find(|first| covers(first, case)) {
            let message = "this case is never reached";
            let help = format!(
                "line {} fits first: move this case above it, or remove it",
                first.limit.place.line
            );
            problems.push(Problem::warning(case.limit.place, message).help(help));
        }
        let dimensions = case.when.0.iter();
        problems.extend(dimensions.filter_map(|(name, _)| mistyped_dimension(name, name)));
        earlier.push(case);
    }
    problems
}

/// Whether all that fits `case` fits `first`, too.
fn covers(first: &RawCase, case: &RawCase) -> bool {
    let has = |name: &str, value: &str| {
        let mut when = case.when.0.iter();
        when.any(|(n, v)| **n == *name && ***v == *value)
    };
    let mut when = first.when.0.iter();
    when.all(|(name, value)| has(name, value))
}

fn as_meant(raw: &RawRule, rule: &Rule) -> Vec<Problem> {
    let place = raw.id.place;
    let subject = subject_name(rule.subject);
    let mut problems = Vec::new();
    let concerns = concerning(rule.subject);
    if meet(rule.after.kinds, concerns).is_empty() {
        let message = format!(
            "rule {:?} can never arm: after selects nothing that concerns the {subject}",
            rule.id
        );
        problems.push(Problem::error(place, message).help(format!(
            "write for example after: {}",
            example(rule.subject).0
        )));
    }
    if meet(rule.expect.kinds, concerns).is_empty() {
        let message = format!(
            "rule {:?} can never be met: expect selects nothing that concerns the {subject}",
            rule.id
        );
        problems.push(Problem::error(place, message).help(format!(
            "write for example expect: {}",
            example(rule.subject).1
        )));
    }
    if rule.within.cases.iter().all(|case| case.limit.is_none()) {
        let message = format!("rule {:?} can never arm: within has no limit", rule.id);
        problems
            .push(Problem::error(place, message).help("write within: 5d, or a case with a limit"));
    }
    if rule.subject != SubjectKind::Application {
        problems.extend(only_applications(raw));
    }
    problems.extend(rule_conditions(raw, rule));
    if rule.grace < MAX_SKEW {
        let at = raw.grace.as_ref().map_or(place, |grace| grace.place);
        let message = format!(
            "a grace of {} is shorter than event times may differ ({})",
            duration::show(rule.grace),
            duration::show(MAX_SKEW)
        );
        problems.push(
            Problem::warning(at, message)
                .help("write 5m or more, unless the input is a finished file"),
        );
    }
    let first_mark = rule.shortest_mark();
    if !first_mark.is_zero() && first_mark <= rule.grace {
        let at = raw.grace.as_ref().map_or(place, |grace| grace.place);
        let message = format!(
            "a grace of {} is no shorter than the {} until rule {:?} first warns or raises",
            duration::show(rule.grace),
            duration::show(first_mark),
            rule.id
        );
        problems.push(
            Problem::warning(at, message)
                .help("write a shorter grace, or the order of arrival may decide what is raised"),
        );
    }
    problems
}

/// What means something for applications only.
fn only_applications(raw: &RawRule) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(until) = raw
        .until
        .as_ref()
        .filter(|until| until.value == RawUntil::Decided)
    {
        let message = "until: decided has no effect: only applications are decided";
        problems.push(Problem::warning(until.place, message).help("remove until"));
    }
    if let RawWithin::List(cases) = &raw.within {
        let names = cases.iter().filter_map(super::readable);
        let names = names.flat_map(|case| case.when.0.iter().map(|(name, _)| name));
        for name in names.filter(|name| name.value == "stage") {
            let message = "this case never fits: only applications have a stage";
            problems.push(Problem::warning(name.place, message).help("remove the case"));
        }
    }
    problems
}

fn rule_conditions(raw: &RawRule, rule: &Rule) -> Vec<Problem> {
    let clear_on = raw.clear_on.as_ref().map(|typed| (typed, &rule.clear_on));
    [(&raw.after, &rule.after), (&raw.expect, &rule.expect)]
        .into_iter()
        .chain(clear_on)
        .filter_map(|(typed, meant)| match typed {
            RawSelector::Keys(narrow) => {
                Some((narrow.condition.as_ref()?, meant.condition.as_ref()?))
            }
            RawSelector::Text(_) | RawSelector::List(_) => None,
        })
        .flat_map(|(typed, condition)| {
            condition
                .dimensions()
                .filter_map(|name| mistyped_dimension(name, typed))
        })
        .collect()
}

fn feeds(raw: &RawRule, rule: &Rule, definition: &Definition) -> Vec<Problem> {
    let known = || definition.feeds.classes.keys().map(FeedName::as_str);
    let mistyped = raw.feeds.iter().filter_map(|typed| {
        let near = nearest(typed, known()).filter(|near| *near != typed.value)?;
        let message = format!("feed {:?} is not named under feeds", typed.value);
        Some(Problem::warning(typed.place, message).help(format!("did you mean {near:?}?")))
    });
    let offline = raw.feeds.iter().zip(&rule.feeds).filter(|(_, feed)| {
        definition.feeds.class(feed) == FeedClass::Offline && rule.grace < GRACE_OFFLINE_MIN
    });
    let offline = offline.map(|(typed, feed)| {
        let message = format!(
            "feed {:?} is offline, late by days, but the rule waits only {} for it",
            feed.as_str(),
            duration::show(rule.grace)
        );
        Problem::warning(typed.place, message).help("write grace: 2d, or leave grace out")
    });
    mistyped.chain(offline).collect()
}

/// The kinds of events that can belong to a subject.
fn concerning(subject: SubjectKind) -> KindSet {
    let control = [
        Kind::IdentityLinked,
        Kind::IdentityUnlinked,
        Kind::ConsentChanged,
        Kind::CustomerErased,
        Kind::FeedHeartbeat,
    ];
    let all_but = |out: &[Kind]| {
        KindSet::ALL
            .iter()
            .filter(|kind| !out.contains(kind))
            .collect()
    };
    match subject {
        SubjectKind::Customer => all_but(&[Kind::FeedHeartbeat]),
        SubjectKind::Application => all_but(&control),
        SubjectKind::Enquiry => [
            Kind::EnquiryOpened,
            Kind::EnquiryAnswered,
            Kind::ContactMade,
            Kind::ProgressReported,
            Kind::Custom,
        ]
        .into_iter()
        .collect(),
        SubjectKind::Complaint => [
            Kind::ComplaintRaised,
            Kind::ComplaintResolved,
            Kind::ContactMade,
            Kind::ProgressReported,
            Kind::Custom,
        ]
        .into_iter()
        .collect(),
    }
}

fn meet(one: KindSet, other: KindSet) -> KindSet {
    one.iter().filter(|kind| other.contains(*kind)).collect()
}

/// What a rule on such a subject might wait for: after the first, expect the second.
fn example(subject: SubjectKind) -> (&'static str, &'static str) {
    match subject {
        SubjectKind::Customer => ("any", "any"),
        SubjectKind::Application => ("[application.submitted]", "[stage.entered]"),
        SubjectKind::Enquiry => ("[enquiry.opened]", "[enquiry.answered]"),
        SubjectKind::Complaint => ("[complaint.raised]", "[complaint.resolved]"),
    }
}

fn subject_name(subject: SubjectKind) -> &'static str {
    match subject {
        SubjectKind::Customer => "customer",
        SubjectKind::Application => "application",
        SubjectKind::Enquiry => "enquiry",
        SubjectKind::Complaint => "complaint",
    }
}
