//! Looks every minute whether the topics are still what delivery rests on.
//!
//! A setting that was right at the start may be changed by hand later, as when somebody gives the changelog a `delete` policy
//! to save room. Then every shard of this process stops and says which setting it was: going on could lose states.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::warn;

use crate::clock::Stopwatch;
use crate::config::Config;
use crate::kafka::admin::Admin;
use crate::kafka::topics::{Difference, Shape, Weight, differences, wanted};
use crate::protocol::Halt;

/// How often we look.
const EVERY: Duration = Duration::from_mins(1);
/// How often we look whether we are to stop.
const LOOK: Duration = Duration::from_millis(200);

/// What the watch has found, shared with the workers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vigil {
    found: Arc<Mutex<Option<Halt>>>,
    /// Looked at in every turn of a worker, hence without a lock.
    is_violated: Arc<AtomicBool>,
}

impl Vigil {
    /// Returns which setting is no longer right, if one isn't.
    pub(crate) fn violation(&self) -> Option<Halt> {
        if !self.is_violated.load(Ordering::Relaxed) {
            return None;
        }
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    /// Watches on a thread of its own until `stop` is set.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn keep(&self, config: &Config, stop: &Arc<AtomicBool>) -> std::io::Result<()> {
        let (vigil, config, stop) = (self.clone(), config.clone(), Arc::clone(stop));
        let watch = move || {
            let mut since = Stopwatch::start();
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(LOOK);
                if since.elapsed() >= EVERY {
                    since = Stopwatch::start();
                    vigil.look(&config);
                }
            }
        };
        thread::Builder::new()
            .name("vigil".to_owned())
            .spawn(watch)?;
        Ok(())
    }

    fn look(&self, config: &Config) {
        match violations(config) {
            // Brokers that don't answer have changed nothing.
            Err(error) => warn!(%error, "the settings of the topics could not be looked at"),
            Ok(found) => {
                if let Some(difference) = found.into_iter().next() {
                    let mut known = self.found.lock().unwrap_or_else(PoisonError::into_inner);
                    *known = Some(halt(difference));
                    self.is_violated.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

fn violations(config: &Config) -> Result<Vec<Difference>, crate::kafka::admin::AdminError> {
    let topics = wanted(&config.deployment, &Shape::new(config.assurance));
    let names: Vec<String> = topics.into_iter().map(|topic| topic.name).collect();
    let found = Admin::new(config)?.topics(&names)?;
    let refusals = differences(config, &found).into_iter();
    Ok(refusals.filter(|it| it.weight == Weight::Refusal).collect())
}

fn halt(difference: Difference) -> Halt {
    Halt::SettingChanged {
        setting: format!("topic {}: {}", difference.topic, difference.setting),
        demanded: difference.wanted,
        found: difference.found,
    }
}
