//! The definition: what a bank wants to be watched, as one reviewable file.
//!
//! | chapter     | what it holds                                                        |
//! | ----------- | -------------------------------------------------------------------- |
//! | `rule`      | expectations as meant: after this, expect that, within so long       |
//! | `scores`    | survey statistics as meant: cohorts, windows, waves, shift detection |
//! | `kind_set`  | sets of event kinds and of parties, as bits                          |
//! | `duration`  | elapsed time as people type it: `90s`, `24h`, `5d`                   |
//! | `condition` | a CEL expression over an event and its subject                       |
//! | `tree`, `shape`, `placed`, `raw` | the file as typed: every value with its place    |
//! | `parse`     | from as typed to as meant, telling everything that is wrong          |
//! | `lint`      | what can be read, and yet is not what anybody means                  |
//! | `problem`   | what is wrong, where, and what to write instead                      |
//! | `edition`   | which definition it is: version and fingerprint                      |
//! | `names`     | names that were mistyped, and those probably meant                   |
//! | `explain`   | the definition in plain words                                        |
//! | `graph`     | the definition as a picture                                          |
//!
//! A [`Definition`] that exists is consistent: names resolve, durations are positive, conditions are typed.

mod condition;
mod duration;
mod edition;
mod explain;
mod graph;
mod kind_set;
mod lint;
mod names;
mod parse;
mod placed;
mod problem;
mod raw;
mod rule;
mod scores;
mod shape;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::event::{FeedName, Kind, Text};

pub use condition::{ApplicationFacts, Condition, ConditionError, Facts};
pub use edition::Edition;
pub use explain::{ExpectedDelay, Fall};
pub use kind_set::{KindSet, PartySet};
pub use problem::{Place, Problem, ProblemSeverity};
pub use rule::{Raise, Rule, RuleKey, Selector, SubjectKind, Until, Within, WithinCase};
pub use scores::{CohortBy, Nps, Shift, TurnedDetractor, Waves};

/// The definition that ships with Waymark: enterprise lending, a start to be tuned for each bank.
pub const DEFAULT_TEXT: &str = include_str!("default.yaml");

/// Returns the JSON Schema of the file (draft 2020-12), for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(raw::RawDefinition).to_value()
}

/// A definition as meant.
#[derive(Debug, Clone)]
pub struct Definition {
    /// Its name.
    pub name: Text,
    /// Its version, recorded on every alert, and what tells whether that was changed with every change.
    pub edition: Edition,
    /// Feeds and how late they may be.
    pub feeds: Feeds,
    /// The zone of civil days.
    pub zone: jiff::tz::TimeZone,
    /// Kinds that decide an application: it can't be quiet any more.
    pub decided_by: KindSet,
    /// Kinds that end an application: nothing is expected of it any more.
    pub ended_by: KindSet,
    /// The stages of an application, in the order of the file.
    pub stages: Vec<Stage>,
    /// Expectations, in the order of the file.
    pub rules: Vec<Rule>,
    /// Net promoter score, where asked for.
    pub nps: Option<Nps>,
    /// Names of outputs that rules may send to; the first is the default.
    pub outputs: Vec<Text>,
}

impl Definition {
    /// Returns the definition that ships with Waymark, [`DEFAULT_TEXT`] as meant.
    pub fn shipped_default() -> Self {
        let (definition, _) = Self::parse(DEFAULT_TEXT).expect("a test reads it");
        definition
    }

    /// Returns the stage that an event enters: the one it names, or the one whose `entered_by` lists its kind.
    pub fn stage_entered<'a>(&'a self, event: &'a crate::event::Event) -> Option<&'a str> {
        match &event.body {
            crate::event::Body::StageEntered(entered) => Some(&entered.stage),
            body => self.stage_entered_by(body.kind()),
        }
    }

    fn stage_entered_by(&self, kind: Kind) -> Option<&str> {
        self.stages
            .iter()
            .find(|stage| stage.entered_by.contains(kind))
            .map(|stage| &*stage.name)
    }
}

/// A stage of an application.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name, as events state it.
    pub name: Text,
    /// Kinds, other than `stage.entered`, that enter this stage.
    pub entered_by: KindSet,
    /// Stages that may follow.
    pub next: Vec<Text>,
}

/// How old an event of a feed may be and still count.
#[derive(Debug, Clone)]
pub struct Feeds {
    /// For feeds that are late by minutes.
    pub digital: Duration,
    /// For feeds that are late by nature.
    pub offline: Duration,
    /// The class of each feed named in the file.
    pub classes: BTreeMap<FeedName, FeedClass>,
    /// The class of any other feed.
    pub otherwise: FeedClass,
}

impl Feeds {
    /// Returns the class of a feed.
    pub fn class(&self, feed: &FeedName) -> FeedClass {
        self.classes.get(feed).copied().unwrap_or(self.otherwise)
    }

    /// Returns the allowed lateness of a feed.
    pub fn allowed_lateness(&self, feed: &FeedName) -> Duration {
        match self.class(feed) {
            FeedClass::Digital => self.digital,
            FeedClass::Offline => self.offline,
        }
    }
}

/// The lateness class of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedClass {
    /// Late by minutes.
    Digital,
    /// Late by nature: paper, calls noted in the evening, nightly exports.
    Offline,
}

#[cfg(test)]
mod tests;
