//! `waymark verify`: a deployment held against a run in one thread over the same input, as a verdict a person can read.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use clap::Args;
use indicatif::ProgressBar;

use super::Output;
use super::config::RuledFlags;
use super::definition::{in_force, schemas};
use super::exit::Exit;
use super::report::{table, write_table};
use crate::pipeline::verify::{
    Damage, Difference, Given, Scope, ShardVerdict, StoreLook, Tally, Verdict, Wrong, verify,
};

/// Holds what a deployment published and keeps against a run in one thread over the same input
///
/// Reads source, outputs and changelog as any reader of committed records does, joins no group, and compares alerts,
/// deltas, scores, records set aside, journeys and cohorts byte for byte; with a Redis also every value there. Only a store
/// that stands still can be compared: stop the workers, or look when nothing moves.
///
/// Exit codes: 0 nothing is wrong, 1 something is, 66 source or outputs no longer reach back to the beginning, 69 a server
/// can't be asked, 75 nothing is wrong but a store would not stand still and was not compared, 78 the definition is not the
/// one that was in force, or there is no store for `--store`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: RuledFlags,
    /// Compare the store with the changelog, and nothing else, but for cohorts' due times: whatever source and outputs still
    /// hold, and whatever definition was in force
    #[arg(long)]
    store: bool,
    /// Mark copies in the store that are wrong, so that their owners copy the changelog anew
    #[arg(long)]
    mark_damaged: bool,
    /// How to print the verdict
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or something that must be compared can't be read.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let definition = in_force(&config)?;
    let given = Given {
        definition,
        schemas: schemas(&config)?,
        scope: if arguments.store {
            Scope::Store
        } else {
            Scope::Everything
        },
        damage: if arguments.mark_damaged {
            Damage::Mark
        } else {
            Damage::Tell
        },
    };
    let progress = ProgressBar::new_spinner();
    let verdict = verify(&config, given, &mut |what| {
        progress.set_message(what.to_owned());
        progress.tick();
    })?;
    progress.finish_and_clear();
    arguments.output.print(&verdict, write)?;
    Ok(exit_of(&verdict))
}

fn exit_of(verdict: &Verdict) -> Exit {
    match (verdict.fine, verdict.whole) {
        (true, true) => Exit::Ok,
        (true, false) => Exit::Retry,
        (false, _) => Exit::Findings,
    }
}

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

fn write(to: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    write_shards(to, verdict.scope, &verdict.shards)?;
    writeln!(to)?;
    write_tallies(to, verdict)?;
    for difference in &verdict.differences {
        writeln!(to)?;
        write_difference(to, difference)?;
    }
    let total = &verdict.total;
    let (style, word) = match (verdict.fine, verdict.whole) {
        (true, true) => (GOOD, "fine"),
        (true, false) => (BAD, "fine, but for a store that was not compared"),
        (false, _) => (BAD, "not fine"),
    };
    let problems: usize = verdict
        .shards
        .iter()
        .map(|shard| shard.problems.len())
        .sum();
    let problems = match problems {
        0 => String::new(),
        number => format!(", {number} other problems"),
    };
    writeln!(
        to,
        "\n{} lost, {} doubled, {} different, {} unknown{problems}: {style}{word}{style:#}",
        total.lost, total.doubled, total.different, total.unknown
    )
}

/// A column of the table of shards, and whether there is anything in it when only stores were looked at.
type Column = (&'static str, bool, fn(&ShardVerdict) -> String);

const COLUMNS: [Column; 12] = [
    ("stage", true, |it| it.stage.to_owned()),
    ("shard", true, |it| it.shard.to_string()),
    ("step", true, |it| it.step.to_string()),
    ("position", true, |it| it.position.to_string()),
    ("records", false, |it| it.records.to_string()),
    ("ticks", false, |it| it.ticks.to_string()),
    ("alerts", false, |it| it.alerts.to_string()),
    ("deltas", false, |it| it.deltas.to_string()),
    ("scores", false, |it| it.scores.to_string()),
    ("set aside", false, |it| it.set_aside.to_string()),
    ("states", true, |it| it.states.to_string()),
    ("store", true, |it| it.store.name().to_owned()),
];

fn write_shards(to: &mut dyn Write, scope: Scope, shards: &[ShardVerdict]) -> io::Result<()> {
    let mut columns = COLUMNS.to_vec();
    columns.retain(|(_, always, _)| *always || scope == Scope::Everything);
    let names: Vec<_> = columns.iter().map(|(name, ..)| *name).collect();
    let mut rows = table(&names, 1);
    for shard in shards {
        rows.add_row(columns.iter().map(|(_, _, cell)| cell(shard)));
    }
    write_table(to, &rows)?;
    for shard in shards {
        if let StoreLook::NotCompared(why) = &shard.store {
            writeln!(
                to,
                "  shard {} of {}: the store was not compared: {why}",
                shard.shard, shard.stage
            )?;
        }
        for problem in &shard.problems {
            writeln!(
                to,
                "  {BAD}shard {} of {}: {problem}{BAD:#}",
                shard.shard, shard.stage
            )?;
        }
    }
    Ok(())
}

fn write_tallies(to: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let mut rows = table(
        &["", "expected", "lost", "doubled", "different", "unknown"],
        1,
    );
    let tallies = [
        ("alerts", verdict.alerts),
        ("deltas", verdict.deltas),
        ("scores", verdict.scores),
        ("dead letters", verdict.dead_letters),
        ("late records", verdict.late),
        ("states", verdict.states),
        ("in the store", verdict.store),
    ];
    let looked_at = match verdict.scope {
        Scope::Everything => &tallies[..],
        Scope::Store => &tallies[tallies.len() - 1..],
    };
    for (name, tally) in looked_at {
        let Tally {
            expected,
            lost,
            doubled,
            different,
            unknown,
        } = tally;
        let numbers = [expected, lost, doubled, different, unknown].map(u64::to_string);
        rows.add_row([(*name).to_owned()].into_iter().chain(numbers));
    }
    write_table(to, &rows)
}

/// Says what is wrong with a thing, and shows where the two sides differ: a journey has many lines.
fn write_difference(to: &mut dyn Write, difference: &Difference) -> io::Result<()> {
    let wrong = match difference.wrong {
        Wrong::Lost => "lost",
        Wrong::Doubled => "doubled",
        Wrong::Different => "different",
        Wrong::Unknown => "unknown",
    };
    writeln!(to, "{BAD}{wrong}{BAD:#}: {}", difference.which)?;
    let lines = |text: &Option<String>| -> Vec<String> {
        let lines = text.iter().flat_map(|text| text.lines());
        lines.map(str::to_owned).collect()
    };
    let (expected, found) = (lines(&difference.expected), lines(&difference.found));
    let (expected, found) = without_common(&expected, &found);
    for (words, style, lines) in [("should be", GOOD, expected), ("       is", BAD, found)] {
        for line in lines.iter().take(LINES) {
            writeln!(to, "  {words} {style}{line}{style:#}")?;
        }
        if lines.len() > LINES {
            writeln!(to, "  {words} ... {} lines more", lines.len() - LINES)?;
        }
    }
    Ok(())
}

/// Lines of a difference that are shown; `-o json` has all of them.
const LINES: usize = 12;

/// Leaves out the lines that both have: each in its place if there are as many, else those at both ends.
fn without_common<'a>(
    left: &'a [String],
    right: &'a [String],
) -> (Vec<&'a String>, Vec<&'a String>) {
    let differs = |(left, right): &(&String, &String)| left != right;
    if left.len() == right.len() {
        return left.iter().zip(right).filter(differs).unzip();
    }
    let same = left.iter().zip(right).take_while(|pair| !differs(pair));
    let first = same.count();
    let (left, right) = (&left[first..], &right[first..]);
    let same = left.iter().rev().zip(right.iter().rev());
    let last = same.take_while(|pair| !differs(pair)).count();
    let middle = |lines: &'a [String]| lines[..lines.len() - last].iter().collect();
    (middle(left), middle(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(left: &str, right: &str) -> (String, String) {
        let lines = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let (left, right) = (lines(left), lines(right));
        let (left, right) = without_common(&left, &right);
        let text = |lines: Vec<&String>| lines.into_iter().map(String::as_str).collect();
        (text(left), text(right))
    }

    #[test]
    fn only_the_lines_that_differ_are_shown() {
        let pair = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        assert_eq!(differ("abcde", "aXcYe"), pair("bd", "XY"));
        assert_eq!(differ("abcd", "abXYcd"), pair("", "XY"));
        assert_eq!(differ("aa", "aaa"), pair("", "a"));
        assert_eq!(differ("abc", ""), pair("abc", ""));
    }
}
