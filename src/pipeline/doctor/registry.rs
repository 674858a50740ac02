//! The Schema Registry, if one is configured: whether it answers, and takes Avro.

use super::{Area, Finding, State};
use crate::config::Config;
use crate::registry::{RegistryError, SchemaRegistry};

/// Looks at the registry.
pub(super) fn examine(config: &Config, findings: &mut Vec<Finding>) {
    let Some(settings) = &config.registry else {
        return;
    };
    let registry = SchemaRegistry::new(settings);
    let place = registry.place();
    let (state, said) = match registry.kinds() {
        Ok(kinds) if kinds.iter().any(|kind| kind == "AVRO") => {
            (State::Good, format!("{place} answers and takes Avro"))
        }
        Ok(kinds) => (
            State::Wrong,
            format!("{place} takes {} and no Avro", kinds.join(", ")),
        ),
        Err(error @ RegistryError::Away(_)) => (State::Away, error.to_string()),
        Err(error) => (State::Wrong, error.to_string()),
    };
    findings.push(Finding::new(Area::Registry, state, said));
}
