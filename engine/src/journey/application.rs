//! An application, as far as a journey remembers it.

use super::watch::{Moment, Watch};
use crate::event::{ApplicationId, ApplicationSubmitted, Dimensions, EventHash, Text, Timestamp};

/// One application of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// Its id, unique within the customer.
    pub id: ApplicationId,
    /// When it was submitted, if that was heard of.
    pub submitted_at: Option<Timestamp>,
    /// Product applied for.
    pub product: Option<Text>,
    /// Amount asked for, in whole currency units.
    pub amount: Option<i64>,
    /// Dimensions stated at submission.
    pub dimensions: Dimensions,
    /// Stage visits in time order: the current one last, before it those that an open expectation or episode refers to.
    pub visits: Vec<Visit>,
    /// The first event that decided it.
    pub decided: Option<Moment>,
    /// The first event that ended it.
    pub ended: Option<Moment>,
    /// What rules wait for on it.
    pub watches: Vec<Watch>,
}

impl Application {
    /// An application of which nothing but the id is known.
    pub fn new(id: ApplicationId) -> Self {
        Self {
            id,
            submitted_at: None,
            product: None,
            amount: None,
            dimensions: Dimensions::new(),
            visits: Vec::new(),
            decided: None,
            ended: None,
            watches: Vec::new(),
        }
    }

    /// Takes over what a submission says, unless a newer one is known.
    pub fn submit(
        &mut self,
        submitted: &ApplicationSubmitted,
        dimensions: &Dimensions,
        at: Timestamp,
    ) {
        if self.submitted_at.is_some_and(|known| known > at) {
            return;
        }
        self.submitted_at = Some(at);
        self.product = Some(submitted.product.clone());
        self.amount = submitted.amount;
        self.dimensions.clone_from(dimensions);
    }

    /// Notes that a stage was entered, wherever in time that was.
    pub fn enter(&mut self, visit: Visit) {
        let place = self
            .visits
            .partition_point(|known| known.since <= visit.since);
        self.visits.insert(place, visit);
    }

    /// Returns whether an alert on it is open or may come.
    pub fn is_watched(&self) -> bool {
        self.watches.iter().any(Watch::is_open)
    }

    /// Returns the stage the application is in.
    pub fn stage(&self) -> Option<&str> {
        self.visits.last().map(|visit| &*visit.stage)
    }

    /// Returns the stage that an event entered, if it is still remembered.
    pub fn stage_entered_by(&self, event: EventHash) -> Option<&str> {
        self.visits
            .iter()
            .find(|visit| visit.by == event)
            .map(|visit| &*visit.stage)
    }

    /// Forgets visits that nothing refers to any more; an application that has ended is in no stage.
    pub fn forget_visits(&mut self) {
        let over = self.ended.is_some();
        let mut left = self.visits.len();
        let watches = &self.watches;
        self.visits.retain(|visit| {
            left -= 1;
            left == 0 && !over || watches.iter().any(|watch| watch.refers_to(visit.by))
        });
    }

    /// Returns a dimension of the application by name.
    pub fn dimension(&self, name: &str) -> Option<&str> {
        match name {
            "product" => self
                .product
                .as_deref()
                .or_else(|| self.dimensions.get(name).map(|value| &**value)),
            _ => self.dimensions.get(name).map(|value| &**value),
        }
    }
}

/// A stay in a stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Visit {
    /// The stage, as events name it.
    pub stage: Text,
    /// When it was entered.
    pub since: Timestamp,
    /// The event that entered it.
    pub by: EventHash,
}
