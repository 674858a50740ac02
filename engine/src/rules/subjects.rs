//! Which watches an event concerns: those of its application, its case and the customer.

use super::emit::{Emitted, Subject};
use super::expect::{Expectation, Sighting, Transition};
use super::view::View;
use super::{Arrival, Rules};
use crate::definition::{SubjectKind, Until};
use crate::event::{ApplicationId, Event, Timestamp};
use crate::journey::{Application, Case, CaseKind, Journey, Moment, Visit, Watch};

/// The customer as a whole.
const CUSTOMER: Subject<'static> = Subject {
    sort: "customer",
    application: None,
    case: None,
    stage: None,
};

impl Rules {
    pub(super) fn watch_customer(
        &self,
        journey: &mut Journey,
        arrival: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        let Arrival { event, moment, at } = *arrival;
        let view = View::new(event, &journey.applications, &journey.profile);
        for &position in &self.by_kind[moment.kind as usize].customer {
            let expectation = self.expectation(position);
            let seen = view.sighting(&expectation, moment);
            let transitions = observe(&mut journey.watches, &expectation, &seen, None, at);
            for transition in &transitions {
                emitted.add(position, expectation.rule, &CUSTOMER, transition);
            }
        }
    }

    pub(super) fn watch_application(
        &self,
        journey: &mut Journey,
        arrival: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        let Arrival { event, moment, at } = *arrival;
        let Some(id) = &event.application else { return };
        let place = place_of(&mut journey.applications, id);
        let application = &mut journey.applications[place];
        let stage_entered = self.note(application, event, moment);
        let ending = self
            .definition
            .decided_by
            .union(self.definition.ended_by)
            .contains(moment.kind);
        // The watches are taken out while the rest of the application answers questions.
        let mut watches = std::mem::take(&mut application.watches);
        let application = &journey.applications[place];
        let view = View {
            event,
            application: Some(application),
            profile: &journey.profile,
            stage_entered,
        };
        let concerned = if ending {
            &self.of_applications
        } else {
            &self.by_kind[moment.kind as usize].application
        };
        for &position in concerned {
            let expectation = self.expectation(position);
            let until = expectation.rule.until;
            let seen = Sighting {
                ends: self.ends(until, moment),
                ..view.sighting(&expectation, moment)
            };
            let transitions = observe(
                &mut watches,
                &expectation,
                &seen,
                stop(application, until),
                at,
            );
            for transition in &transitions {
                emitted.add(
                    position,
                    expectation.rule,
                    &of_application(application, transition),
                    transition,
                );
            }
        }
        journey.applications[place].watches = watches;
    }

    pub(super) fn watch_case(
        &self,
        journey: &mut Journey,
        arrival: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        let Arrival { event, moment, at } = *arrival;
        let Some(id) = &event.case else { return };
        let view = View::new(event, &journey.applications, &journey.profile);
        for &position in &self.by_kind[moment.kind as usize].case {
            let expectation = self.expectation(position);
            let seen = view.sighting(&expectation, moment);
            let kind = case_kind(expectation.rule.subject).expect("these rules watch cases");
            let found = journey
                .cases
                .iter()
                .position(|case| case.kind == kind && case.id == *id);
            let place = found.unwrap_or_else(|| {
                journey.cases.push(Case {
                    kind,
                    id: id.clone(),
                    application: None,
                    watches: Vec::new(),
                });
                journey.cases.len() - 1
            });
            let case = &mut journey.cases[place];
            case.application = case
                .application
                .take()
                .or_else(|| event.application.clone());
            let transitions = observe(&mut case.watches, &expectation, &seen, None, at);
            for transition in &transitions {
                emitted.add(position, expectation.rule, &of_case(case), transition);
            }
        }
    }

    /// Decides every mark of the journey whose grace is over.
    pub(super) fn fire(&self, journey: &mut Journey, at: Timestamp, emitted: &mut Emitted<'_>) {
        for watch in &mut journey.watches {
            self.fire_watch(watch, at, |position, expectation, transition| {
                emitted.add(position, expectation.rule, &CUSTOMER, transition);
            });
        }
        for application in &mut journey.applications {
            let mut watches = std::mem::take(&mut application.watches);
            for watch in &mut watches {
                self.fire_watch(watch, at, |position, expectation, transition| {
                    emitted.add(
                        position,
                        expectation.rule,
                        &of_application(application, transition),
                        transition,
                    );
                });
            }
            application.watches = watches;
        }
        for case in &mut journey.cases {
            let mut watches = std::mem::take(&mut case.watches);
            for watch in &mut watches {
                self.fire_watch(watch, at, |position, expectation, transition| {
                    emitted.add(position, expectation.rule, &of_case(case), transition);
                });
            }
            case.watches = watches;
        }
    }

    fn fire_watch(
        &self,
        watch: &mut Watch,
        at: Timestamp,
        mut emit: impl FnMut(usize, &Expectation<'_>, &Transition),
    ) {
        let Some((position, expectation)) = self.find(watch.rule) else {
            return;
        };
        for transition in expectation.fire(watch, at) {
            emit(position, &expectation, &transition);
        }
    }

    /// Ends every open alert of a customer who must be forgotten.
    pub(super) fn expire_all(
        &self,
        journey: &Journey,
        by: &Arrival<'_>,
        emitted: &mut Emitted<'_>,
    ) {
        self.expire_respondents(journey, by, emitted);
        let abandoned = |watch: &Watch| {
            let (position, expectation) = self.find(watch.rule)?;
            Some((
                position,
                expectation.rule,
                expectation.abandon(watch, by.moment, by.at)?,
            ))
        };
        for (position, rule, transition) in journey.watches.iter().filter_map(abandoned) {
            emitted.add(position, rule, &CUSTOMER, &transition);
        }
        for application in &journey.applications {
            for (position, rule, transition) in application.watches.iter().filter_map(abandoned) {
                emitted.add(
                    position,
                    rule,
                    &of_application(application, &transition),
                    &transition,
                );
            }
        }
        for case in &journey.cases {
            for (position, rule, transition) in case.watches.iter().filter_map(abandoned) {
                emitted.add(position, rule, &of_case(case), &transition);
            }
        }
    }

    /// Takes over what an event says of its application, and returns the stage it enters.
    fn note<'e>(
        &'e self,
        application: &mut Application,
        event: &'e Event,
        moment: Moment,
    ) -> Option<&'e str> {
        if let crate::event::Body::ApplicationSubmitted(submitted) = &event.body {
            application.submit(submitted, &event.dimensions, moment.at);
        }
        let earliest = |known: Option<Moment>| match known {
            Some(known) if known.at <= moment.at => Some(known),
            _ => Some(moment),
        };
        if self.definition.decided_by.contains(moment.kind) {
            application.decided = earliest(application.decided);
        }
        if self.definition.ended_by.contains(moment.kind) {
            application.ended = earliest(application.ended);
        }
        let stage = self.definition.stage_entered(event)?;
        let over = application.ended.is_some_and(|ended| ended.at <= moment.at);
        if !over {
            application.enter(Visit {
                stage: stage.into(),
                since: moment.at,
                by: moment.by,
            });
        }
        Some(stage)
    }

    fn ends(&self, until: Until, moment: Moment) -> bool {
        let ended = self.definition.ended_by.contains(moment.kind);
        match until {
            Until::Ended => ended,
            Until::Decided => ended || self.definition.decided_by.contains(moment.kind),
        }
    }
}

/// Lets the watch of a rule take in an event, if it means anything to it.
fn observe(
    watches: &mut Vec<Watch>,
    expectation: &Expectation<'_>,
    seen: &Sighting,
    stop: Option<Moment>,
    at: Timestamp,
) -> Vec<Transition> {
    let found = watches
        .iter()
        .position(|watch| watch.rule == expectation.rule.key);
    let new_facts = seen.clears || seen.arms.is_some();
    let place = match found {
        Some(place) => place,
        None if new_facts => {
            watches.push(Watch::new(expectation.rule.key));
            watches.len() - 1
        }
        None => return Vec::new(),
    };
    expectation.observe(&mut watches[place], seen, stop, at)
}

/// Returns the event after which an application can't fail a rule any more.
fn stop(application: &Application, until: Until) -> Option<Moment> {
    match until {
        Until::Ended => application.ended,
        Until::Decided => [application.decided, application.ended]
            .into_iter()
            .flatten()
            .min_by_key(|moment| moment.at),
    }
}

fn place_of(applications: &mut Vec<Application>, id: &ApplicationId) -> usize {
    applications
        .iter()
        .position(|known| known.id == *id)
        .unwrap_or_else(|| {
            applications.push(Application::new(id.clone()));
            applications.len() - 1
        })
}

fn of_application<'a>(application: &'a Application, transition: &Transition) -> Subject<'a> {
    Subject {
        sort: "application",
        application: Some(&application.id),
        case: None,
        stage: application.stage_entered_by(transition.overdue.by),
    }
}

fn of_case(case: &Case) -> Subject<'_> {
    let sort = match case.kind {
        CaseKind::Enquiry => "enquiry",
        CaseKind::Complaint => "complaint",
    };
    Subject {
        sort,
        application: case.application.as_ref(),
        case: Some(&case.id),
        stage: None,
    }
}

fn case_kind(subject: SubjectKind) -> Option<CaseKind> {
    match subject {
        SubjectKind::Enquiry => Some(CaseKind::Enquiry),
        SubjectKind::Complaint => Some(CaseKind::Complaint),
        SubjectKind::Customer | SubjectKind::Application => None,
    }
}
