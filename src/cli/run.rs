//! `waymark run`: Kafka in, journeys in the store, alerts out to Kafka, until told to stop.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context as _;
use clap::Args;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{debug, error, info, warn};
use waymark_engine::STATE_FORMAT;
use waymark_engine::definition::Edition;

use super::config::RuledFlags;
use super::definition::in_force;
use super::exit::Exit;
use crate::clock::TimeOfDay;
use crate::config::Config;
use crate::pipeline::doctor::{Area, Depth, Finding, State, examine};
use crate::pipeline::{self, Topics, Work};
use crate::serve::{Notifier, Server};
use crate::telemetry::{COMMIT, Metrics, Status, VERSION, start_logging};
use crate::trace::Exporter;
use crate::view::Screen;

/// Processes events from Kafka: keeps journeys and cohorts in the store, publishes alerts and scores exactly once
///
/// Runs until SIGTERM or SIGINT; then finishes what is committed and leaves within ten seconds, or at once at a second
/// signal. Exit codes: 0 stopped, 1 a worker has ended by itself, 69 the brokers can't be asked or something that delivery
/// rests on is not fit, 78 a setting is wrong, or the definition was changed and kept its version. Under systemd it says
/// when it is ready, live and stopping (`Type=notify`, `WatchdogSec`).
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: RuledFlags,
    /// Run these stages only: customer, cohort
    #[arg(long, value_name = "STAGE,...")]
    stages: Option<String>,
    /// Serve metrics and probes here, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
}

/// What is not as it must be; each finding has been said in the log.
#[derive(Debug, thiserror::Error)]
#[error("the start is refused for what is said above; `waymark doctor` says it again")]
pub(super) enum Unfit {
    /// Something that delivery rests on.
    Surroundings,
    /// Nothing but the definition, which was changed under its old version.
    Definition,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, the topics are missing or unfit, or a worker ends by itself.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.config()?;
    let instance = instance(&config);
    start_logging(&config.log, &instance)?;
    let definition = in_force(&config)?;
    fit(&config, &definition.edition)?;
    let topics = Topics::learn(&config, &config.stages)?;
    let metrics = Metrics::new();
    let status = Status::new(&metrics);
    let exporter = Exporter::start(config.tracing.as_ref(), &instance, metrics.spans())?;
    let server = config
        .http
        .map(|address| Server::start(address, metrics.clone(), status.clone()))
        .transpose()
        .context("the address for metrics and probes can't be had")?;
    if let Some(server) = &server {
        info!(address = %server.address(), "metrics and probes are served");
    }
    info!(version = VERSION, commit = COMMIT, state_format = STATE_FORMAT, deployment = config.deployment.as_str(), definition = %definition.name, definition_version = &*definition.edition.version, rules = &*definition.edition.fingerprint, "starting");
    let work = Work {
        definition,
        schemas: super::definition::schemas(&config)?,
        topics,
        tracer: exporter.tracer(),
        time: TimeOfDay::Wall,
        metrics,
        status,
    };
    let stop = stop_on_signal()?;
    let notifier = Notifier::start(work.status.clone(), Arc::clone(&stop))?;
    pipeline::run(&config, &work, &stop)?;
    drop((exporter, notifier));
    info!("stopped");
    Ok(Exit::Ok)
}

/// What tells this process from its equals.
fn instance(config: &Config) -> String {
    let deployment = config.deployment.as_str();
    match &config.workers.ordinal {
        Some(ordinal) => format!("{deployment}-{}", ordinal.number),
        None => deployment.to_owned(),
    }
}

impl Arguments {
    fn config(&self) -> anyhow::Result<Config> {
        let mut settings = self.settings.settings();
        if let Some(stages) = &self.stages {
            settings.add("stages", stages);
        }
        if let Some(address) = &self.http {
            settings.add("http", address);
        }
        settings.load()
    }
}

/// The same look as that of `waymark doctor`. A store that does not answer is waited for by the workers.
fn fit(config: &Config, edition: &Edition) -> Result<(), Unfit> {
    let findings = examine(config, Some(edition), Depth::Start);
    for finding in &findings {
        let (area, places) = (finding.area.name(), finding.places.join(", "));
        match finding.state {
            State::Good => debug!(area, places, "{}", finding.said),
            State::Waived | State::Away => warn!(area, places, "{}", finding.said),
            State::Wrong => error!(area, places, "{}", finding.said),
        }
    }
    judge(&findings)
}

fn judge(findings: &[Finding]) -> Result<(), Unfit> {
    let of_definition = |finding: &&Finding| finding.area == Area::Definition;
    let is_wrong = |finding: &Finding| finding.state == State::Wrong;
    let (definition, others): (Vec<_>, Vec<_>) = findings.iter().partition(of_definition);
    if others.into_iter().any(is_wrong) {
        return Err(Unfit::Surroundings);
    }
    // Nobody looks again, once shards run.
    match definition.iter().map(|finding| finding.state).max() {
        Some(State::Wrong) => Err(Unfit::Definition),
        Some(State::Away) => Err(Unfit::Surroundings),
        Some(State::Good | State::Waived) | None => Ok(()),
    }
}

/// Returns a flag that the first SIGTERM or SIGINT sets. The second one ends the process at once, as people expect.
pub(super) fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let wait = move || {
        runtime.block_on(async {
            let (Ok(mut term), Ok(mut int)) = (
                signal(SignalKind::terminate()),
                signal(SignalKind::interrupt()),
            ) else {
                return;
            };
            let mut next = async || {
                tokio::select! {
                    _ = term.recv() => SignalKind::terminate(),
                    _ = int.recv() => SignalKind::interrupt(),
                }
            };
            next().await;
            info!("told to stop");
            flag.store(true, Ordering::Relaxed);
            let again = next().await;
            Screen::give_back();
            #[expect(clippy::disallowed_methods, reason = "who says it twice means at once")]
            process::exit(128 + again.as_raw_value());
        });
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(wait)?;
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(findings: &[(Area, State)]) -> Option<Exit> {
        let findings = findings.iter();
        let findings: Vec<_> = findings
            .map(|(area, state)| Finding::new(*area, *state, "so"))
            .collect();
        let unfit = judge(&findings).err()?;
        Some(Exit::of(&unfit.into()))
    }

    #[test]
    fn a_start_is_refused_for_what_is_wrong_and_for_a_definition_that_nobody_can_look_at() {
        use {Area::*, State::*};
        for (findings, refused) in [
            (
                &[(Brokers, Waived), (Store, Away), (Definition, Good)][..],
                None,
            ),
            (&[(Definition, Wrong), (Store, Away)], Some(Exit::Config)),
            (&[(Definition, Away)], Some(Exit::Unavailable)),
            (
                &[(Definition, Away), (Definition, Wrong)],
                Some(Exit::Config),
            ),
            (
                &[(Definition, Wrong), (Topics, Wrong)],
                Some(Exit::Unavailable),
            ),
        ] {
            assert_eq!(code(findings), refused, "{findings:?}");
        }
    }
}
