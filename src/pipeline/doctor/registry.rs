//! The Schema Registry, if one is configured: whether it answers, takes Avro, and would take our schemas. Nothing is
//! registered here.

use serde_avro_fast::Schema;

use super::{Area, Finding, State};
use crate::config::{Config, OutputForm};
use crate::publish::subjects;
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
        Err(error) => trouble(&error),
    };
    findings.push(Finding::new(Area::Registry, state, said));
    if state == State::Good && settings.outputs == OutputForm::Avro {
        findings.push(outputs(config, &registry));
    }
}

/// Looks whether what we publish can be published under its subjects.
fn outputs(config: &Config, registry: &SchemaRegistry) -> Finding {
    let fit = |(subject, schema): &(String, &Schema)| {
        let known = registry.number(subject, schema.json())?;
        known.map_or_else(|| registry.check(subject, schema.json()), |_| Ok(()))
    };
    let subjects = subjects(&config.deployment);
    let names = subjects.each_ref().map(|(subject, _)| subject.as_str());
    let (state, said) = match subjects.iter().try_for_each(fit) {
        Ok(()) => {
            let said = format!("outputs leave in Avro, as {} allow", names.join(", "));
            (State::Good, said)
        }
        Err(error) => trouble(&error),
    };
    Finding::new(Area::Registry, state, said)
}

fn trouble(error: &RegistryError) -> (State, String) {
    let state = match error {
        RegistryError::Away(_) | RegistryError::Wanting(_) => State::Away,
        RegistryError::Denied(_)
        | RegistryError::Incompatible { .. }
        | RegistryError::Refused { .. } => State::Wrong,
    };
    (state, error.to_string())
}
