//! What a rule sees of an event and its subject, and what it makes of it.

use std::time::Duration;

use super::expect::{Expectation, Sighting};
use crate::definition::{ApplicationFacts, Facts};
use crate::event::Event;
use crate::journey::{Application, Moment, Profile};

/// Everything a rule may ask about an event and its subject.
pub(super) struct View<'a> {
    pub(super) event: &'a Event,
    pub(super) application: Option<&'a Application>,
    pub(super) profile: &'a Profile,
    pub(super) stage_entered: Option<&'a str>,
}

impl<'a> View<'a> {
    /// What is known of an event that enters no stage.
    pub(super) fn new(
        event: &'a Event,
        applications: &'a [Application],
        profile: &'a Profile,
    ) -> Self {
        let id = event.application.as_ref();
        Self {
            event,
            application: id.and_then(|id| applications.iter().find(|known| known.id == *id)),
            profile,
            stage_entered: None,
        }
    }

    pub(super) fn sighting(&self, expectation: &Expectation<'_>, moment: Moment) -> Sighting {
        let rule = expectation.rule;
        let dimension = |name: &str| self.dimension(name);
        let facts = Facts {
            event: self.event,
            application: self.application_facts(),
            dimension: &dimension,
        };
        let satisfies = rule.expect.selects(&facts);
        Sighting {
            moment,
            arms: if rule.after.selects(&facts) {
                self.limit(expectation)
            } else {
                None
            },
            satisfies,
            clears: satisfies || rule.clear_on.selects(&facts),
            ends: false,
        }
    }

    fn limit(&self, expectation: &Expectation<'_>) -> Option<Duration> {
        expectation.rule.within.limit(|name| match name {
            "stage" => self.stage_entered.or_else(|| self.application?.stage()),
            _ => self.dimension(name),
        })
    }

    /// What the event itself says wins over its application, that over the profile.
    fn dimension(&self, name: &str) -> Option<&'a str> {
        let of_event = self.event.dimensions.get(name).map(|value| &**value);
        of_event
            .or_else(|| self.application?.dimension(name))
            .or_else(|| self.profile.dimension(name))
    }

    fn application_facts(&self) -> Option<ApplicationFacts<'a>> {
        let application = self.application?;
        Some(ApplicationFacts {
            product: application.product.as_deref(),
            amount: application.amount,
            stage: application.stage(),
        })
    }
}
