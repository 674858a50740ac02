//! A deployment as a picture, looked at again and again until somebody leaves.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ask::Process;
use super::state::{Deployment, Shard};
use super::text::{ALERTS, SHARDS, alert_cells, shard_cells};
use crate::cli::paint;
use crate::clock::Stopwatch;
use crate::view::{Fleet, Grid, Heard, Mood, Screen};

/// How soon a signal is noticed.
const SLICE: Duration = Duration::from_millis(100);

/// Shows a deployment until somebody leaves or `stop` is set. A process that no longer answers is named, and asked again.
///
/// # Errors
/// If the terminal fails.
pub(super) fn watch(
    processes: &[Process],
    mut deployment: Deployment,
    every: Duration,
    stop: &AtomicBool,
) -> io::Result<()> {
    let mut screen = Screen::take(paint())?;
    let mut since = Stopwatch::start();
    let mut shown = picture(&deployment, None, &[]);
    while wait(&mut screen, &shown, every, stop)? == ControlFlow::Continue(()) {
        let seconds = since.elapsed().as_secs_f64();
        since = Stopwatch::start();
        let (now, away) = look(processes);
        let rates = now.since(&deployment);
        let rates = rates.map(|counts| counts.map(|count| count as f64 / seconds));
        shown = picture(&now, rates, &away);
        deployment = now;
    }
    Ok(())
}

/// Asks all processes; returns what they say, and those that don't answer.
fn look(processes: &[Process]) -> (Deployment, Vec<String>) {
    let (mut answers, mut away) = (Vec::new(), Vec::new());
    for process in processes {
        match process.ask() {
            Ok(answer) => answers.push(answer),
            Err(error) => away.push(error.to_string()),
        }
    }
    (Deployment::of(answers), away)
}

/// Shows a picture for a while; breaks off if somebody wants to leave.
fn wait(
    screen: &mut Screen,
    picture: &Fleet,
    every: Duration,
    stop: &AtomicBool,
) -> io::Result<ControlFlow<()>> {
    screen.draw(picture)?;
    let since = Stopwatch::start();
    loop {
        let left = every.saturating_sub(since.elapsed());
        match Screen::listen(left.min(SLICE))? {
            Heard::Farewell => return Ok(ControlFlow::Break(())),
            Heard::Resized => screen.draw(picture)?,
            Heard::Nothing | Heard::Other => {}
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(ControlFlow::Break(()));
        }
        if left.is_zero() {
            return Ok(ControlFlow::Continue(()));
        }
    }
}

fn picture(deployment: &Deployment, rates: Option<[f64; 3]>, away: &[String]) -> Fleet {
    let builds = deployment.processes.iter();
    let builds: BTreeSet<String> = builds
        .map(|process| format!("{} ({})", process.version, process.commit))
        .collect();
    let builds: Vec<String> = builds.into_iter().collect();
    let unready = deployment.processes.iter().flat_map(|it| &it.unready);
    let mut shards: Vec<&Shard> = deployment.shards.iter().collect();
    shards.sort_by_key(|shard| rank(shard)); // stable: otherwise by stage and number
    let rows = shards.into_iter().map(|it| (mood(it), shard_cells(it)));
    let alerts = alert_cells(deployment).into_iter();
    Fleet {
        title: format!("waymark top  {}", builds.join(", ")),
        facts: facts(deployment, rates),
        troubles: away.iter().chain(unready).cloned().collect(),
        shards: Grid {
            header: SHARDS.to_vec(),
            rows: rows.collect(),
        },
        alerts: Grid {
            header: ALERTS.to_vec(),
            rows: alerts.map(|cells| (Mood::Plain, cells)).collect(),
        },
    }
}

fn facts(deployment: &Deployment, rates: Option<[f64; 3]>) -> Vec<(&'static str, String)> {
    let running = deployment.shards.iter().filter(|it| it.state == "running");
    let lag: u64 = deployment
        .shards
        .iter()
        .filter_map(|it| it.lag_records)
        .sum();
    let [records, alerts, steps] = match rates {
        Some(rates) => rates.map(|rate| format!("{rate:.0}")),
        None => std::array::from_fn(|_| "-".to_owned()),
    };
    vec![
        ("records/s", records),
        ("alerts/s", alerts),
        ("steps/s", steps),
        ("records wait", lag.to_string()),
        (
            "shards run",
            format!("{} of {}", running.count(), deployment.shards.len()),
        ),
        ("processes", deployment.processes.len().to_string()),
    ]
}

fn mood(shard: &Shard) -> Mood {
    match shard.state.as_str() {
        "halted" => Mood::Bad,
        "running" => Mood::Plain,
        _ => Mood::Warning,
    }
}

/// Those that need somebody come first.
fn rank(shard: &Shard) -> u8 {
    match mood(shard) {
        Mood::Bad => 0,
        Mood::Warning => 1,
        Mood::Plain | Mood::Good => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halted_shard_stands_on_top_and_others_keep_their_order() {
        let shard = |number, state: &str| Shard {
            stage: "customer".to_owned(),
            number,
            state: state.to_owned(),
            ..Shard::default()
        };
        let states = ["running", "waiting", "running", "halted"];
        let mut deployment = Deployment::of(Vec::new());
        deployment.shards = (0..)
            .zip(states)
            .map(|(it, state)| shard(it, state))
            .collect();
        let picture = picture(
            &deployment,
            Some([1.0, 2.0, 3.4]),
            &["b is away".to_owned()],
        );
        let names = picture
            .shards
            .rows
            .iter()
            .map(|(_, cells)| cells[0].as_str());
        let expected = ["customer/3", "customer/1", "customer/0", "customer/2"];
        assert_eq!(names.collect::<Vec<_>>(), expected);
        assert_eq!(picture.troubles, ["b is away"]);
        assert_eq!(picture.facts[2], ("steps/s", "3".to_owned()));
        assert_eq!(picture.facts[4], ("shards run", "2 of 4".to_owned()));
    }
}
