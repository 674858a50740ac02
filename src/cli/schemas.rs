//! `waymark schemas`: the schemas that ship, whether a changed one can take the place of an earlier one, and the AsyncAPI
//! document of all topics.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};
use waymark_engine::definition;

use super::Output;
use super::config::SettingFlags;
use super::exit::Exit;
use super::topics::ShapeFlags;
use crate::schemas::{Compatibility, SHIPPED, Shipped, Verdict, asyncapi, compare_files};

/// Prints schemas, checks changes of schemas, describes all topics
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a schema, or the names of all
    ///
    /// Avro for what comes in, goes out and is stored. JSON Schema for the definition: editors with a YAML language server
    /// read it from a first line such as `# yaml-language-server: $schema=definition.schema.json`.
    Print(Print),
    /// Say whether new schemas can take the place of earlier ones, without a server
    ///
    /// Exit code 0: they can; 1: one can't, and each reason is told.
    Check(Check),
    /// Print the AsyncAPI document of a deployment: its topics, their keys, headers and schemas
    Asyncapi(Asyncapi),
}

#[derive(Debug, Args)]
struct Print {
    /// Which one
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(names()))]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Check {
    /// Files or folders of earlier schemas: all releases of them, as every one may still be read
    #[arg(value_name = "OLD", required = true)]
    old: Vec<PathBuf>,
    /// What takes their place: a file, or a folder with files of the same names
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Who must be able to read what
    #[arg(long, value_name = "DIRECTION", value_enum, default_value_t)]
    compatibility: Direction,
    /// How to say it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Args)]
struct Asyncapi {
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    shape: ShapeFlags,
}

/// [`Compatibility`] in the words of schema registries.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Direction {
    /// New and old schemas read each other's records
    #[default]
    Full,
    /// New schemas read old records
    Backward,
    /// Old schemas read new records
    Forward,
}

/// Runs the command.
///
/// # Errors
/// If a file can't be read or is no schema, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        What::Print(arguments) => print(arguments),
        What::Check(arguments) => check(arguments),
        What::Asyncapi(arguments) => document(arguments),
    }
}

/// The one schema that is not Avro, and is made when asked for.
const DEFINITION: &str = "definition";

fn names() -> impl Iterator<Item = &'static str> {
    let avro = SHIPPED.iter().map(|schema| schema.name);
    avro.chain([DEFINITION])
}

fn print(arguments: &Print) -> anyhow::Result<Exit> {
    let mut to = io::stdout().lock();
    match arguments.name.as_deref() {
        None => list(&mut to)?,
        Some(DEFINITION) => {
            let schema = serde_json::to_string_pretty(&definition::json_schema())?;
            writeln!(to, "{schema}")?;
        }
        Some(name) => {
            let named = SHIPPED.iter().find(|schema| schema.name == name);
            let schema = named.expect("the flag takes no other names");
            to.write_all(schema.text.as_bytes())?;
        }
    }
    Ok(Exit::Ok)
}

fn list(to: &mut dyn Write) -> io::Result<()> {
    for Shipped { name, what, .. } in SHIPPED {
        writeln!(to, "{name:<18} {what}")?;
    }
    writeln!(to, "{DEFINITION:<18} JSON Schema: the definition file")
}

fn check(arguments: &Check) -> anyhow::Result<Exit> {
    let wanted = match arguments.compatibility {
        Direction::Full => Compatibility::Full,
        Direction::Backward => Compatibility::Backward,
        Direction::Forward => Compatibility::Forward,
    };
    let verdicts = compare_files(&arguments.old, &arguments.new, wanted)?;
    let output = arguments.output;
    output.print(&verdicts, |to, verdicts| {
        verdicts.iter().try_for_each(|verdict| tell(to, verdict))
    })?;
    let compatible = verdicts.iter().all(Verdict::is_compatible);
    Ok(if compatible { Exit::Ok } else { Exit::Findings })
}

fn document(arguments: &Asyncapi) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let document = asyncapi(&config, &arguments.shape.of(&config));
    let document = serde_json::to_string_pretty(&document)?;
    writeln!(io::stdout(), "{document}")?;
    Ok(Exit::Ok)
}

fn tell(to: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let (old, new) = (verdict.old.display(), verdict.new.display());
    if verdict.missing {
        return writeln!(to, "{old}: not compatible, there is no {new} any more");
    }
    if verdict.misfits.is_empty() {
        return writeln!(to, "{old}: compatible with {new}");
    }
    writeln!(to, "{old}: not compatible with {new}")?;
    verdict
        .misfits
        .iter()
        .try_for_each(|misfit| writeln!(to, "  {misfit}"))
}
