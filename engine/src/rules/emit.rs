//! How a transition becomes an alert, and in which order alerts leave a step.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::expect::Transition;
use crate::definition::{Definition, Rule};
use crate::derived::{Alert, AlertId, Evidence, Level};
use crate::event::{ApplicationId, CaseId, CustomerId, Text, Timestamp};
use crate::journey::Moment;

/// Alerts of one step, to be put in order.
pub(super) struct Emitted<'a> {
    customer: &'a str,
    definition: &'a Definition,
    alerts: Vec<(Timestamp, usize, Alert)>,
}

/// What an alert is about.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The sort of subject and the ids within the customer: parts of the alert id.
    pub(super) sort: &'static str,
    pub(super) application: Option<&'a ApplicationId>,
    pub(super) case: Option<&'a CaseId>,
    /// The stage that the arming event entered, where it entered one.
    pub(super) stage: Option<&'a str>,
}

impl<'a> Emitted<'a> {
    pub(super) fn new(customer: &'a str, definition: &'a Definition) -> Self {
        Self {
            customer,
            definition,
            alerts: Vec::new(),
        }
    }

    /// Adds what happened to one watch. `position` is that of its rule in the file.
    pub(super) fn add(
        &mut self,
        position: usize,
        rule: &Rule,
        subject: &Subject<'_>,
        transition: &Transition,
    ) {
        let alert = self.alert(rule, subject, transition);
        self.push(transition.decided_at, position, alert);
    }

    /// Adds an alert made elsewhere.
    pub(super) fn push(&mut self, decided_at: Timestamp, position: usize, alert: Alert) {
        self.alerts.push((decided_at, position, alert));
    }

    /// Returns the alerts by the time they were decided, then by rule; a subject's own in the order of its life.
    pub(super) fn into_alerts(mut self) -> Vec<Alert> {
        self.alerts
            .sort_by_key(|(decided_at, position, _)| (*decided_at, *position));
        self.alerts.into_iter().map(|(_, _, alert)| alert).collect()
    }

    pub(super) fn customer_id(&self) -> CustomerId {
        CustomerId::parse(self.customer)
            .expect("the key of the customer stage is a checked customer id")
    }

    fn alert(&self, rule: &Rule, subject: &Subject<'_>, transition: &Transition) -> Alert {
        let warning = transition.level == Some(Level::AtRisk);
        let overdue = Some(transition.overdue).filter(|it| it.by != transition.armed.by);
        let evidence = [Some(transition.armed), overdue, transition.closed_by];
        Alert {
            alert_id: self.alert_id(rule, subject, transition.armed),
            sequence: transition.sequence,
            kind: rule.raise.kind.clone(),
            level: transition.level,
            status: transition.status,
            severity: if warning {
                rule.raise.warn_severity
            } else {
                rule.raise.severity
            },
            customer_id: Some(self.customer_id()),
            application_id: subject.application.cloned(),
            case_id: subject.case.cloned(),
            cohort: None,
            occurred_at: transition.at,
            due: transition.due,
            rule: rule.id.clone(),
            definition_version: self.definition.edition.version.clone(),
            evidence: evidence.into_iter().flatten().map(evidence_of).collect(),
            details: details(subject, transition),
        }
    }

    fn alert_id(&self, rule: &Rule, subject: &Subject<'_>, armed: Moment) -> AlertId {
        let application = match subject.case {
            // A case is unique within its customer, whichever application it is about.
            Some(_) => None,
            None => subject.application.map(ApplicationId::as_str),
        };
        let case = subject.case.map(CaseId::as_str);
        let parts: Vec<&str> = [Some(subject.sort), Some(self.customer), application, case]
            .into_iter()
            .flatten()
            .collect();
        AlertId::derive(&rule.id, &parts, armed.by)
    }
}

/// Returns how evidence shows an event.
pub(super) fn evidence_of(moment: Moment) -> Evidence {
    Evidence {
        kind: moment.kind,
        occurred_at: moment.at,
        event_hash: moment.by,
    }
}

fn details(subject: &Subject<'_>, transition: &Transition) -> BTreeMap<Text, Text> {
    let limit = transition.due.map(|due| due.since(transition.overdue.at));
    let elapsed = transition.at.since(transition.overdue.at);
    let named = [
        ("stage", subject.stage.map(Text::from)),
        ("limit", limit.map(|limit| span(limit).into())),
        ("elapsed", Some(span(elapsed).into())),
        (
            "closed_by",
            transition.closed_by.map(|moment| moment.kind.name().into()),
        ),
    ];
    named
        .into_iter()
        .filter_map(|(name, value)| Some((name.into(), value?)))
        .collect()
}

/// Writes a length of time for people: `4d 2h`, `36m`, `12s`, down to the millisecond if there is one.
fn span(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let mut text = String::new();
    for (unit, size) in units {
        if rest >= size {
            let gap = if text.is_empty() { "" } else { " " };
            write!(text, "{gap}{}{unit}", rest / size).expect("a String takes everything");
            rest %= size;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let said = |millis| span(Duration::from_millis(millis));
        assert_eq!(said(0), "0s");
        assert_eq!(said(5 * 86_400_000), "5d");
        assert_eq!(
            said(86_400_000 + 2 * 3_600_000 + 60_000 + 1),
            "1d 2h 1m 1ms"
        );
    }
}
