//! The slow, obvious version: one walk over the whole history for each rule and subject.

use std::collections::BTreeSet;

use waymark_engine::definition::{Definition, Rule, SubjectKind, Until};
use waymark_engine::derived::{Alert, AlertId, Level, Status};
use waymark_engine::event::{Event, EventHash, Timestamp};

/// What the two versions must agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) rule: String,
    pub(crate) alert_id: AlertId,
    pub(crate) sequence: u32,
    pub(crate) status: Status,
    pub(crate) level: Option<Level>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) at: Timestamp,
}

impl From<&Alert> for Line {
    fn from(alert: &Alert) -> Self {
        Line {
            rule: alert.rule.to_string(),
            alert_id: alert.alert_id,
            sequence: alert.sequence,
            status: alert.status,
            level: alert.level,
            due: alert.due,
            at: alert.occurred_at,
        }
    }
}

/// Returns every transition that a history means under a definition, once all is over.
pub(crate) fn expected(definition: &Definition, customer: &str, history: &[Event]) -> Vec<Line> {
    let mut lines = Vec::new();
    for rule in &definition.rules {
        let subjects: BTreeSet<Vec<String>> = history
            .iter()
            .filter_map(|event| subject(rule, event))
            .collect();
        for ids in subjects {
            let of_subject = history
                .iter()
                .filter(|event| subject(rule, event).as_ref() == Some(&ids));
            let mut parts = vec![sort(rule), customer];
            parts.extend(ids.iter().map(String::as_str));
            lines.extend(walk(
                definition,
                rule,
                &parts,
                of_subject.cloned().collect(),
            ));
        }
    }
    lines.sort();
    lines
}

fn subject(rule: &Rule, event: &Event) -> Option<Vec<String>> {
    match rule.subject {
        SubjectKind::Customer => Some(Vec::new()),
        SubjectKind::Application => event.application.as_ref().map(|id| vec![id.to_string()]),
        SubjectKind::Enquiry | SubjectKind::Complaint => {
            event.case.as_ref().map(|id| vec![id.to_string()])
        }
    }
}

fn sort(rule: &Rule) -> &'static str {
    match rule.subject {
        SubjectKind::Customer => "customer",
        SubjectKind::Application => "application",
        SubjectKind::Enquiry => "enquiry",
        SubjectKind::Complaint => "complaint",
    }
}

struct Armed {
    by: EventHash,
    due: Timestamp,
    marks: Vec<(Timestamp, Level)>,
}

struct Open {
    by: EventHash,
    level: Level,
    due: Timestamp,
    sequence: u32,
}

/// Walks over marks and events in the order of time; at the same time a mark comes first: exactly at due is too late.
fn walk(definition: &Definition, rule: &Rule, parts: &[&str], mut events: Vec<Event>) -> Vec<Line> {
    events.sort_by_key(|event| event.occurred_at);
    let mut lines = Vec::new();
    let mut armed: Vec<Armed> = Vec::new();
    let mut open: Option<Open> = None;
    let mut stopped = false;
    let mut stage: Option<String> = None;
    let line = |open: &Open, status, at| Line {
        rule: rule.id.to_string(),
        alert_id: AlertId::derive(&rule.id, parts, open.by),
        sequence: open.sequence,
        status,
        level: Some(open.level),
        due: Some(open.due),
        at,
    };
    for event in events.iter().map(Some).chain([None]) {
        let now = event.map_or(Timestamp::MAX, |event| event.occurred_at);
        while let Some((place, at, level)) = next_mark(&armed, now) {
            armed[place].marks.remove(0);
            let (by, due) = (armed[place].by, armed[place].due);
            let worse = open.as_ref().is_none_or(|open| level > open.level);
            let status = if open.is_none() {
                Status::Raised
            } else {
                Status::Updated
            };
            if worse {
                let (by, sequence) = open
                    .as_ref()
                    .map_or((by, 1), |open| (open.by, open.sequence + 1));
                let reached = Open {
                    by,
                    level,
                    due,
                    sequence,
                };
                lines.push(line(&reached, status, at));
                open = Some(reached);
            }
            if armed[place].marks.is_empty() {
                armed.remove(place);
            }
        }
        let Some(event) = event else { break };
        let kind = event.kind();
        let ends = definition.ended_by.contains(kind)
            || rule.until == Until::Decided && definition.decided_by.contains(kind);
        let ends = ends && rule.subject == SubjectKind::Application;
        let satisfies = rule.expect.concerns(kind);
        let clears = satisfies || rule.clear_on.concerns(kind);
        if let Some(mut closing) = open.take_if(|_| clears || ends) {
            closing.sequence += 1;
            lines.push(line(
                &closing,
                if clears {
                    Status::Resolved
                } else {
                    Status::Expired
                },
                now,
            ));
            // What had warned belongs to the episode and goes with it.
            armed.retain(|armed| armed.marks.len() == 2 || rule.warn_percent.is_none());
        }
        if satisfies || ends {
            armed.clear();
        }
        stopped |= ends;
        stage = definition.stage_entered(event).map(str::to_owned).or(stage);
        if rule.after.concerns(kind) && !stopped {
            let current = |name: &str| {
                if name == "stage" {
                    stage.as_deref()
                } else {
                    None
                }
            };
            let limit = rule
                .within
                .limit(current)
                .expect("the last case fits everything");
            let due = now + limit;
            let warn = rule.warn_at(now, due).map(|at| (at, Level::AtRisk));
            armed.push(Armed {
                by: event.hash,
                due,
                marks: warn.into_iter().chain([(due, Level::Breached)]).collect(),
            });
        }
    }
    lines
}

fn next_mark(armed: &[Armed], until: Timestamp) -> Option<(usize, Timestamp, Level)> {
    let marks = armed
        .iter()
        .enumerate()
        .map(|(place, armed)| (place, armed.marks[0].0, armed.marks[0].1));
    marks
        .filter(|(_, at, _)| *at <= until)
        .min_by_key(|(_, at, _)| *at)
}
