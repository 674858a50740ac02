//! The customer stage: what an event or a due time means for one journey.
//!
//! | chapter     | what it decides                                                       |
//! | ----------- | --------------------------------------------------------------------- |
//! | `admission` | at the gate: ahead of time, late, or to be taken                      |
//! | `expect`    | how one watch lives: armed, satisfied, at risk, breached, closed      |
//! | `index`     | which rules an event of some kind concerns                            |
//! | `subjects`  | which watches an event concerns: of applications, cases, the customer |
//! | `view`      | what a rule sees of an event and its subject                          |
//! | `survey`    | what a reply changes: deltas for the cohorts                          |
//! | `turned`    | the alert on a respondent who promoted and now detracts               |
//! | `emit`      | how a transition becomes an alert                                     |
//!
//! [`Rules::step`](Processor::step) is the front door. Order within one step is that of the rules in the file.

mod admission;
mod emit;
mod expect;
mod index;
mod subjects;
mod survey;
mod turned;
mod view;

use std::time::Duration;

use crate::definition::{Definition, Rule, RuleKey, SubjectKind};
use crate::derived::Delta;
use crate::event::{Body, Event, Kind, Reason, Rejection, Timestamp};
use crate::journey::{APPLICATIONS_MAX, CASES_MAX, Journey, Moment, Watch};
use crate::stage::{Cause, Decision, Outcome, Processor};

use emit::Emitted;
use expect::Expectation;
use index::{Concerned, longest_lateness, positions};

/// A definition, indexed by event kind: an event never visits rules that do not concern it.
#[derive(Debug)]
pub struct Rules {
    definition: Definition,
    /// For each kind, in its order.
    by_kind: Vec<Concerned>,
    /// All rules on applications: an ending concerns each of them.
    of_applications: Vec<usize>,
    /// For each rule, the shortest time from an arming event to the first mark after it.
    shortest: Vec<Duration>,
    /// How old an arming event may be when it arrives.
    lateness: Duration,
}

impl Rules {
    /// Indexes a definition.
    pub fn new(definition: Definition) -> Self {
        let by_kind = Kind::ALL
            .iter()
            .map(|kind| Concerned::by(*kind, &definition.rules))
            .collect();
        let of_applications = positions(&definition.rules, |rule| {
            rule.subject == SubjectKind::Application
        });
        let lateness = longest_lateness(&definition);
        let shortest = definition.rules.iter().map(Rule::shortest_mark).collect();
        Self {
            definition,
            by_kind,
            of_applications,
            shortest,
            lateness,
        }
    }

    /// Returns the definition behind these rules.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    fn expectation(&self, position: usize) -> Expectation<'_> {
        let rule = &self.definition.rules[position];
        Expectation {
            rule,
            shortest: self.shortest[position],
            horizon: self.lateness.max(rule.grace),
        }
    }

    /// Returns the rule of a watch with its place in the file; `None` if the definition has dropped it.
    fn find(&self, key: RuleKey) -> Option<(usize, Expectation<'_>)> {
        let position = self
            .definition
            .rules
            .iter()
            .position(|rule| rule.key == key)?;
        Some((position, self.expectation(position)))
    }
}

impl Processor for Rules {
    type Input = Event;
    type State = Journey;

    fn step(
        &self,
        key: &str,
        state: Option<Journey>,
        cause: Cause<'_, Event>,
        at: Timestamp,
    ) -> Decision<Journey> {
        match cause {
            Cause::Event(event) => self.on_event(key, state, event, at),
            Cause::Due => self.on_due(key, state, at),
        }
    }
}

impl Rules {
    fn on_event(
        &self,
        key: &str,
        state: Option<Journey>,
        event: &Event,
        at: Timestamp,
    ) -> Decision<Journey> {
        if let Some(outcome) = self.refuses(state.as_ref(), event) {
            return unchanged(outcome, state);
        }
        let mut journey = state.unwrap_or_default();
        let mut emitted = Emitted::new(key, &self.definition);
        let arrival = Arrival::new(event, at);
        if matches!(event.body, Body::CustomerErased(_)) {
            self.expire_all(&journey, &arrival, &mut emitted);
            let forgotten = journey.erase(event.occurred_at.max(at));
            return self.decide(forgotten, emitted, Vec::new(), at);
        }
        journey.remember(event, at);
        self.watch_customer(&mut journey, &arrival, &mut emitted);
        self.watch_application(&mut journey, &arrival, &mut emitted);
        self.watch_case(&mut journey, &arrival, &mut emitted);
        let deltas = match &event.body {
            Body::SurveyReplied(reply) => {
                self.count_reply(&mut journey, &arrival, reply, &mut emitted)
            }
            _ => Vec::new(),
        };
        self.decide(journey, emitted, deltas, at)
    }

    fn on_due(&self, key: &str, state: Option<Journey>, at: Timestamp) -> Decision<Journey> {
        let Some(mut journey) = state else {
            return unchanged(Outcome::Applied, None);
        };
        let mut emitted = Emitted::new(key, &self.definition);
        self.fire(&mut journey, at, &mut emitted);
        self.decide(journey, emitted, Vec::new(), at)
    }

    /// Returns why an event must not touch the journey, if so.
    fn refuses(&self, state: Option<&Journey>, event: &Event) -> Option<Outcome> {
        let journey = state?;
        if journey.recent.contains(event.hash) {
            return Some(Outcome::Duplicate);
        }
        if journey
            .erased_at
            .is_some_and(|erased_at| event.occurred_at <= erased_at)
        {
            return Some(Outcome::Ignored);
        }
        self.beyond(journey, event).map(Outcome::DeadLettered)
    }

    /// Returns what a journey is too full for, if an event would add it.
    fn beyond(&self, journey: &Journey, event: &Event) -> Option<Rejection> {
        let new_application = event
            .application
            .as_ref()
            .is_some_and(|id| journey.application(id).is_none());
        let new_case = event
            .case
            .as_ref()
            .is_some_and(|id| journey.cases.iter().all(|known| known.id != *id))
            && !self.by_kind[event.kind() as usize].case.is_empty();
        let (what, max) = if new_application && journey.open_applications() >= APPLICATIONS_MAX {
            ("applications", APPLICATIONS_MAX)
        } else if new_case && journey.open_cases() >= CASES_MAX {
            ("enquiries and complaints", CASES_MAX)
        } else {
            return None;
        };
        let detail = format!("the customer has {max} open {what}, the most we keep");
        Some(Rejection::new(Reason::LimitExceeded, detail))
    }

    /// Tidies the journey, finds out when to look at it next, and puts the answer together.
    fn decide(
        &self,
        mut journey: Journey,
        emitted: Emitted<'_>,
        deltas: Vec<Delta>,
        at: Timestamp,
    ) -> Decision<Journey> {
        self.tidy(&mut journey, at);
        journey.due = self.next_due(&journey);
        Decision {
            outcome: Outcome::Applied,
            due: journey.due,
            state: Some(journey),
            alerts: emitted.into_alerts(),
            deltas,
            scores: Vec::new(),
        }
    }

    /// Forgets what no event can need any more.
    fn tidy(&self, journey: &mut Journey, at: Timestamp) {
        let tidy = |watches: &mut Vec<Watch>| {
            for watch in &mut *watches {
                if let Some((_, expectation)) = self.find(watch.rule) {
                    expectation.forget(watch, at);
                }
            }
            watches.retain(|watch| !watch.is_idle());
        };
        tidy(&mut journey.watches);
        for application in &mut journey.applications {
            tidy(&mut application.watches);
            application.forget_visits();
        }
        for case in &mut journey.cases {
            tidy(&mut case.watches);
        }
        journey.forget_settled_cases();
        journey.forget_ended_applications();
    }

    fn next_due(&self, journey: &Journey) -> Option<Timestamp> {
        let applications = journey
            .applications
            .iter()
            .flat_map(|application| &application.watches);
        let cases = journey.cases.iter().flat_map(|case| &case.watches);
        let watches = journey.watches.iter().chain(applications).chain(cases);
        watches
            .filter_map(|watch| self.find(watch.rule)?.1.next_due(watch))
            .min()
    }
}

/// An event that is being taken in.
struct Arrival<'a> {
    event: &'a Event,
    /// What rules and states remember of it.
    moment: Moment,
    /// Stream time.
    at: Timestamp,
}

impl<'a> Arrival<'a> {
    fn new(event: &'a Event, at: Timestamp) -> Self {
        let moment = Moment {
            at: event.occurred_at,
            kind: event.kind(),
            by: event.hash,
        };
        Self { event, moment, at }
    }
}

/// The answer that changes nothing.
fn unchanged(outcome: Outcome, state: Option<Journey>) -> Decision<Journey> {
    let due = state.as_ref().and_then(|journey| journey.due);
    Decision {
        outcome,
        state,
        due,
        alerts: Vec::new(),
        deltas: Vec::new(),
        scores: Vec::new(),
    }
}
