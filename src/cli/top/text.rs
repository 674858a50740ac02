//! A deployment, once, for people.

use std::io::{self, Write};

use super::state::{Deployment, Shard};
use crate::cli::report::{HEADING, table, write_table};

/// Prints a deployment.
///
/// # Errors
/// If `to` can't take it.
pub(super) fn write(to: &mut dyn Write, deployment: &Deployment) -> io::Result<()> {
    for process in &deployment.processes {
        let (url, version, commit) = (&process.url, &process.version, &process.commit);
        let ready = if process.unready.is_empty() {
            "ready"
        } else {
            "not ready"
        };
        writeln!(
            to,
            "{HEADING}{url}{HEADING:#}  waymark {version} ({commit}), {ready}"
        )?;
        for unready in &process.unready {
            writeln!(to, "  {unready}")?;
        }
    }
    writeln!(to, "\n{HEADING}Shards{HEADING:#}")?;
    let mut shards = table(&SHARDS, 2);
    for shard in &deployment.shards {
        shards.add_row(shard_cells(shard));
    }
    write_table(to, &shards)?;
    writeln!(to, "\n{HEADING}Alerts since the start{HEADING:#}")?;
    if deployment.alerts.is_empty() {
        return writeln!(to, "  none");
    }
    let mut alerts = table(&ALERTS, 1);
    for cells in alert_cells(deployment) {
        alerts.add_row(cells);
    }
    write_table(to, &alerts)
}

/// What is told of a shard.
pub(super) const SHARDS: [&str; 6] = [
    "shard",
    "state",
    "lag",
    "lag seconds",
    "stream time",
    "store lag",
];
/// What is told of a kind of alerts.
pub(super) const ALERTS: [&str; 6] = [
    "kind",
    "raised",
    "updated",
    "resolved",
    "expired",
    "corrected",
];

/// Returns the cells of a shard, in the order of [`SHARDS`].
pub(super) fn shard_cells(shard: &Shard) -> Vec<String> {
    let dash = || "-".to_owned();
    let number = |number: Option<u64>| number.map_or_else(dash, |it| it.to_string());
    vec![
        shard.name(),
        shard.condition(),
        number(shard.lag_records),
        shard.lag_seconds.map_or_else(dash, |it| format!("{it:.1}")),
        shard
            .stream_time
            .map_or_else(dash, |at| at.to_string().chars().take(19).collect()),
        number(shard.store_lag_steps),
    ]
}

/// Returns the cells of each kind of alerts, in the order of [`ALERTS`].
pub(super) fn alert_cells(deployment: &Deployment) -> Vec<Vec<String>> {
    let kinds = deployment.alerts.iter();
    let kinds = kinds.map(|(kind, statuses)| {
        let counts = ALERTS[1..].iter().map(|status| {
            let count = statuses.get(*status).copied().unwrap_or_default();
            count.to_string()
        });
        [kind.clone()].into_iter().chain(counts).collect()
    });
    kinds.collect()
}
