//! Whether all that delivery rests on is as it must be: one list of findings, for `waymark doctor` and the start of
//! `waymark run` alike, so that the two can't disagree.
//!
//! | chapter       | what it looks at                                                                    |
//! | ------------- | ----------------------------------------------------------------------------------- |
//! | `brokers`     | limits and durability that topics can't set for themselves                          |
//! | `topics`      | the topics, as `kafka::topics` has them, and whether there is work for all workers  |
//! | `definition`  | whether the shards know it as its version names it                                  |
//! | `permissions` | what may be read, asked and taken, as far as trying tells without writing anything  |
//! | `store`       | Redis, as it tells about itself                                                     |
//! | `registry`    | the Schema Registry, if there is one                                                |
//! | `clock`       | our clock against the brokers'                                                      |
//!
//! A start leaves out the last: permissions are tried by the workers a moment later, and a clock stops nobody.

mod brokers;
mod clock;
mod definition;
mod permissions;
mod registry;
mod store;
mod topics;

use serde::Serialize;
use waymark_engine::definition::Edition;

use crate::config::Config;
use crate::kafka::admin::{Admin, AdminError};
use crate::pipeline::error::told;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What sort of thing.
    pub area: Area,
    /// How it is.
    pub state: State,
    /// What was found, in a sentence without a full stop.
    pub said: String,
    /// Where, if the same was found in several places.
    pub places: Vec<String>,
}

/// What sort of thing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Area {
    Definition,
    Brokers,
    Topics,
    Permissions,
    Store,
    Registry,
    Clock,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it must be.
    Good,
    /// Not as it should be, and waived: by the assurance asked for, or because it harms nobody.
    Waived,
    /// It does not answer: perhaps later.
    Away,
    /// Not as it must be: nothing starts.
    Wrong,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What a start must know.
    Start,
    /// Everything.
    Whole,
}

impl Finding {
    /// A finding in one place.
    pub fn new(area: Area, state: State, said: impl Into<String>) -> Self {
        Self {
            area,
            state,
            said: said.into(),
            places: Vec::new(),
        }
    }
}

impl Area {
    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Area::Definition => "definition",
            Area::Brokers => "brokers",
            Area::Topics => "topics",
            Area::Permissions => "permissions",
            Area::Store => "store",
            Area::Registry => "registry",
            Area::Clock => "clock",
        }
    }
}

/// Looks at everything and returns what was found, the good included. Joins no group, writes nothing. `edition` is that of
/// the definition in force, if it can be read.
pub fn examine(config: &Config, edition: Option<&Edition>, depth: Depth) -> Vec<Finding> {
    let mut findings = Vec::new();
    match Admin::new(config) {
        Err(error) => findings.push(away(Area::Brokers, &error)),
        Ok(admin) => kafka(config, &admin, edition, depth, &mut findings),
    }
    store::examine(config, &mut findings);
    registry::examine(config, &mut findings);
    findings
}

fn kafka(
    config: &Config,
    admin: &Admin,
    edition: Option<&Edition>,
    depth: Depth,
    findings: &mut Vec<Finding>,
) {
    let looked = brokers::examine(config, admin, findings)
        .and_then(|()| topics::examine(config, admin, findings));
    let topics_are_there = match looked {
        Ok(there) => there,
        // Whatever else is asked would not be answered either.
        Err(error) => return findings.push(away(Area::Brokers, &error)),
    };
    if !topics_are_there {
        return;
    }
    if let Some(edition) = edition {
        definition::examine(config, edition, depth, findings);
    }
    if depth == Depth::Whole {
        permissions::examine(config, findings);
        clock::examine(config, findings);
    }
}

fn away(area: Area, error: &AdminError) -> Finding {
    let state = match error {
        AdminError::Ask { .. } => State::Away,
        AdminError::Secret(_) | AdminError::Runtime(_) | AdminError::Create { .. } => State::Wrong,
    };
    Finding::new(area, state, told(error))
}
