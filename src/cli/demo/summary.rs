//! What a show came to: in numbers that agree with each other, and in a few words.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use waymark_engine::event::{Text, Timestamp};
use waymark_engine::stage::Books;

use crate::cli::report::{HEADING, table, write_table};
use crate::demo::{Seen, Told};
use crate::words::{plain, reason};

/// What a show came to.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// When the story begins and where it was left.
    from: Timestamp,
    to: Timestamp,
    /// How long it took to tell.
    seconds: f64,
    /// Records sent, and of them the heartbeats that close the story.
    sent: u64,
    heartbeats: u64,
    /// How they ended.
    books: Books,
    /// Steps of both stages, each a transaction of its shard.
    steps: u64,
    customers: usize,
    /// Applications by the stage they are in.
    stages: Vec<(Text, u64)>,
    /// Applications by what ended them.
    ended: BTreeMap<&'static str, u64>,
    /// Transitions of alerts by kind and status.
    alerts: BTreeMap<String, BTreeMap<String, u64>>,
    /// Shifts of scores and turned promoters as they were published.
    turns: Vec<Value>,
    /// The last closed day of each cohort.
    scores: Vec<Value>,
}

/// Adds up what was seen.
pub(super) fn sum_up(
    seen: &Seen,
    told: &Told,
    (from, to): (Timestamp, Timestamp),
    took: Duration,
) -> Summary {
    let stages = seen.stages.iter();
    Summary {
        from,
        to,
        seconds: took.as_secs_f64(),
        sent: told.sent.load(Ordering::Relaxed),
        heartbeats: told.heartbeats.load(Ordering::Relaxed),
        books: seen.books(),
        steps: seen.steps(),
        customers: seen.known_customers(),
        stages: stages
            .map(|it| (it.name.clone(), it.applications))
            .collect(),
        ended: seen.ended.clone(),
        alerts: seen.alerts.clone(),
        turns: seen.turns.iter().cloned().collect(),
        scores: seen.scores.values().cloned().collect(),
    }
}

/// Prints a summary for people.
///
/// # Errors
/// If `to` can't take it.
pub(super) fn write(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let Summary {
        from, to: until, ..
    } = summary;
    let seconds = summary.seconds;
    writeln!(
        to,
        "\n{HEADING}From {from} to {until}, told in {seconds:.0} s{HEADING:#}"
    )?;
    write_records(to, summary)?;
    write_applications(to, summary)?;
    write_alerts(to, summary)?;
    write_turns(to, summary)?;
    write_scores(to, summary)
}

fn write_records(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let books = &summary.books;
    writeln!(
        to,
        "  {} records of {} customers = {} applied + {} duplicate + {} late + {} ignored + {} dead letters",
        books.received,
        summary.customers,
        books.applied,
        books.duplicate,
        books.late,
        books.ignored,
        books.dead_lettered,
    )?;
    let waiting = summary.sent.saturating_sub(books.received);
    if summary.heartbeats > 0 && waiting == 0 {
        let heartbeats = summary.heartbeats;
        writeln!(
            to,
            "  {heartbeats} of them are heartbeats that close the story, one a partition"
        )?;
    }
    if waiting > 0 {
        writeln!(to, "  {waiting} more were sent and not waited for")?;
    }
    Ok(())
}

fn write_applications(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let open = summary.stages.iter().filter(|(_, number)| *number > 0);
    let open: Vec<String> = open
        .map(|(stage, number)| format!("{number} {}", plain(stage)))
        .collect();
    let ended = summary.ended.iter();
    let ended: Vec<String> = ended
        .map(|(kind, number)| format!("{number} {kind}"))
        .collect();
    let all: u64 = summary.stages.iter().map(|(_, number)| number).sum();
    if all > 0 {
        writeln!(to, "  {all} applications are open: {}", open.join(", "))?;
    }
    if !ended.is_empty() {
        let number: u64 = summary.ended.values().sum();
        writeln!(to, "  {number} have ended: {}", ended.join(", "))?;
    }
    Ok(())
}

fn write_alerts(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    writeln!(to, "\n{HEADING}Alerts{HEADING:#}")?;
    if summary.alerts.is_empty() {
        return writeln!(to, "  none");
    }
    let columns = ["raised", "updated", "resolved", "expired", "corrected"];
    let header: Vec<&str> = ["kind"]
        .into_iter()
        .chain(columns)
        .chain(["open"])
        .collect();
    let mut rows = table(&header, 1);
    for (kind, statuses) in &summary.alerts {
        let count = |status: &str| statuses.get(status).copied().unwrap_or_default();
        let closed: u64 = ["resolved", "expired", "corrected"].map(count).iter().sum();
        let counts = columns.map(|status| count(status).to_string());
        let open = count("raised").saturating_sub(closed).to_string();
        rows.add_row([plain(kind)].into_iter().chain(counts).chain([open]));
    }
    write_table(to, &rows)
}

/// The few that a manager would like to hear of: scores that moved, promoters who turned.
fn write_turns(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    if summary.turns.is_empty() {
        return Ok(());
    }
    writeln!(to, "\n{HEADING}What turned{HEADING:#}")?;
    for alert in &summary.turns {
        let say = |value: &Value| plain(value.as_str().unwrap_or_default());
        let day: String = say(&alert["occurred_at"]).chars().take(10).collect();
        let cohort = match say(&alert["cohort"]["value"]) {
            cohort if cohort.is_empty() => cohort,
            cohort => format!("{cohort}: "),
        };
        writeln!(to, "  {day}  {cohort}{}", reason(alert))?;
    }
    Ok(())
}

fn write_scores(to: &mut dyn Write, summary: &Summary) -> io::Result<()> {
    let last = summary
        .scores
        .iter()
        .filter_map(|score| score["to"].as_str())
        .max();
    let Some(last) = last.map(plain) else {
        return Ok(());
    };
    writeln!(to, "\n{HEADING}NPS at the close of {last}{HEADING:#}")?;
    let mut rows = table(&["cohort", "replies", "NPS", "95 % interval"], 1);
    for score in &summary.scores {
        let say = |value: &Value| plain(value.as_str().unwrap_or_default());
        let cohort = match say(&score["cohort"]["dimension"]).as_str() {
            "all" => "all".to_owned(),
            dimension => format!("{dimension}={}", say(&score["cohort"]["value"])),
        };
        let points = |value: &Value| value.as_f64().map(|it| format!("{it:+.1}"));
        let interval = points(&score["low"]).zip(points(&score["high"]));
        rows.add_row([
            cohort,
            score["replies"].to_string(),
            points(&score["nps"]).unwrap_or_default(),
            interval.map_or_else(String::new, |(low, high)| format!("{low} to {high}")),
        ]);
    }
    write_table(to, &rows)
}
