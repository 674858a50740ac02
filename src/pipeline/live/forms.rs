//! How a process writes what it publishes: where a registry is to know of it, the schemas are registered first.
//!
//! No worker joins before that: its shards stay with processes that can publish. A registry that does not answer is waited
//! for, as everything is that may come back; one that refuses a schema ends the process by name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tracing::{info, warn};

use super::LOOK;
use crate::clock::Stopwatch;
use crate::config::{Config, OutputForm};
use crate::publish::Forms;
use crate::registry::{RegistryError, SchemaRegistry};
use crate::telemetry::Status;

/// How long to wait before a registry is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Returns the forms of all outputs; none if told to stop before they were known.
///
/// # Errors
/// [`RegistryError::Incompatible`], [`RegistryError::Refused`]: asking again would not help.
pub(super) fn learn(
    config: &Config,
    status: &Status,
    stop: &AtomicBool,
) -> Result<Option<Forms>, RegistryError> {
    let registry = config.registry.as_ref();
    let Some(settings) = registry.filter(|it| it.outputs == OutputForm::Avro) else {
        return Ok(Some(Forms::JSON));
    };
    let registry = SchemaRegistry::new(settings);
    while !stop.load(Ordering::Relaxed) {
        match Forms::register(&registry, &config.deployment) {
            Ok(forms) => {
                info!(
                    registry = registry.place(),
                    ?forms,
                    "schemas of outputs are registered"
                );
                status.wait_for(None);
                return Ok(Some(forms));
            }
            Err(error @ (RegistryError::Away(_) | RegistryError::Denied(_))) => {
                let cause = error.to_string();
                warn!(cause, "waiting to register the schemas of outputs");
                status.wait_for(Some(cause));
                pause(stop);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn pause(stop: &AtomicBool) {
    let since = Stopwatch::start();
    while since.elapsed() < PAUSE && !stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
    }
}
