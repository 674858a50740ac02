//! `waymark topics`: what the topics of a deployment must be like; creates them, checks them, prints them for other tools.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::Output;
use super::config::SettingFlags;
use super::exit::Exit;
use super::strimzi;
use crate::clock::Stopwatch;
use crate::config::{Config, parse_span};
use crate::kafka::admin::{Admin, AdminError};
use crate::kafka::topics::{
    Difference, FoundTopic, Shape, WantedTopic, Weight, differences, wanted,
};

/// How long brokers may take to hear of a new topic.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at what is about to be there.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Prints, creates or checks the topics of a deployment
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the topics, to create them with other tools
    Print(Print),
    /// Create the topics that are missing, to fit those that are there; alters none
    ///
    /// Exit code 0: nothing that matters at this assurance is wrong with any topic; 1: something is; 69: the brokers can't be
    /// asked.
    Create(Create),
    /// Say what differs from what delivery rests on
    ///
    /// Exit code 0: nothing that matters at this assurance; 1: something does; 69: the brokers can't be asked.
    Check(Check),
}

#[derive(Debug, Args)]
struct Print {
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    shape: ShapeFlags,
    #[command(flatten)]
    tool: ToolFlags,
}

#[derive(Debug, Args)]
struct Create {
    #[command(flatten)]
    settings: SettingFlags,
    #[command(flatten)]
    shape: ShapeFlags,
}

#[derive(Debug, Args)]
struct Check {
    #[command(flatten)]
    settings: SettingFlags,
    /// How to say it
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// What other tools must be told.
#[derive(Debug, Args)]
pub(super) struct ToolFlags {
    /// For which tool
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// The Kafka cluster in Strimzi's words
    #[arg(long, value_name = "NAME", default_value = "kafka")]
    pub(super) cluster: String,
}

/// What is decided once, when the topics are created.
#[derive(Debug, Args)]
pub(super) struct ShapeFlags {
    /// Partitions: the most workers there can ever be. They can't be changed later [default: 12, or as topics have them that
    /// `create` finds]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    partitions: Option<u32>,
    /// How long events are kept [default: 7d, or as `create` finds it]
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    retention: Option<Duration>,
}

/// Which tool the text is for.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Format {
    /// Kafka's own shell commands
    #[default]
    Kafka,
    /// Resources of Strimzi's operators
    Strimzi,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, the brokers can't be asked, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        What::Print(arguments) => print(arguments),
        What::Create(arguments) => create(arguments),
        What::Check(arguments) => check(arguments),
    }
}

fn print(arguments: &Print) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let topics = wanted(&config.deployment, &arguments.shape.of(&config));
    let text: String = match arguments.tool.format {
        Format::Kafka => topics.iter().map(|topic| command(topic, &config)).collect(),
        Format::Strimzi => topics
            .iter()
            .map(|topic| strimzi::topic(topic, &arguments.tool.cluster))
            .collect(),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Ok)
}

fn command(topic: &WantedTopic, config: &Config) -> String {
    let WantedTopic {
        name,
        partitions,
        replication,
        settings,
        ..
    } = topic;
    let servers = servers(config);
    let settings = settings.iter();
    let settings: Vec<String> = settings
        .map(|setting| format!(" \\\n  --config {}={}", setting.name, setting.value))
        .collect();
    let settings = settings.concat();
    format!(
        "kafka-topics.sh --bootstrap-server {servers} --create --if-not-exists --topic {name} \\\n  \
         --partitions {partitions} --replication-factor {replication}{settings}\n"
    )
}

/// Returns where the brokers are, as one word of a shell.
pub(super) fn servers(config: &Config) -> String {
    let servers = config.kafka.properties.get("bootstrap.servers");
    let servers = servers.map_or("localhost:9092", String::as_str);
    let plain = |c: char| c.is_ascii_alphanumeric() || ".:,-_[]/".contains(c);
    if servers.chars().all(plain) && !servers.contains(['[', ']']) {
        servers.to_owned()
    } else {
        format!("'{}'", servers.replace('\'', "'\\''"))
    }
}

fn create(arguments: &Create) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let admin = Admin::new(&config)?;
    let names = names(&config);
    let found = admin.topics(&names)?;
    let there = Shape::new(config.assurance).fitting(&config.deployment, &found);
    let missing = wanted(&config.deployment, &arguments.shape.over(there)).into_iter();
    let missing: Vec<WantedTopic> = missing
        .filter(|topic| !found.contains_key(&topic.name))
        .collect();
    let created = admin.create(&missing)?;
    for name in &names {
        let word = if created.contains(name) {
            "created"
        } else {
            "was there"
        };
        writeln!(io::stdout(), "{name}: {word}")?;
    }
    let mut differences = differences(&config, &look(&admin, &names, &created)?);
    // What is waived of a topic is no news to whoever has just had it created so.
    differences.retain(|it| it.weight == Weight::Refusal || !created.contains(&it.topic));
    say_differences(&differences)
}

/// Looks at topics, some of which are new: brokers hear of those one after the other.
fn look(
    admin: &Admin,
    names: &[String],
    new: &[String],
) -> Result<BTreeMap<String, FoundTopic>, AdminError> {
    let since = Stopwatch::start();
    loop {
        let found = admin.topics(names)?;
        let is_known = |name| found.get(name).is_some_and(|topic| topic.settings.is_ok());
        if new.iter().all(is_known) || since.elapsed() >= PATIENCE {
            return Ok(found);
        }
        thread::sleep(LOOK_AGAIN);
    }
}

/// Returns what the topics of a deployment are called.
fn names(config: &Config) -> Vec<String> {
    let topics = wanted(&config.deployment, &Shape::new(config.assurance)).into_iter();
    topics.map(|topic| topic.name).collect()
}

fn say_differences(differences: &[Difference]) -> anyhow::Result<Exit> {
    tell(&mut anstream::stderr().lock(), differences)?;
    Ok(exit_of(differences))
}

fn check(arguments: &Check) -> anyhow::Result<Exit> {
    let config = arguments.settings.load()?;
    let admin = Admin::new(&config)?;
    let names = names(&config);
    let differences = differences(&config, &admin.topics(&names)?);
    arguments.output.print(&differences, |to, differences| {
        tell(to, differences)?;
        let (topics, exit) = (names.len(), exit_of(differences));
        let word = if exit == Exit::Ok { "fine" } else { "not fine" };
        writeln!(to, "{topics} topics of {}: {word}", config.deployment)
    })?;
    Ok(exit_of(&differences))
}

/// Tells what differs, once for all topics that have it.
fn tell(to: &mut dyn Write, differences: &[Difference]) -> io::Result<()> {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for difference in differences {
        let text = describe(difference);
        match told.iter_mut().find(|(same, _)| *same == text) {
            Some((_, topics)) => topics.push(&difference.topic),
            None => told.push((text, vec![&difference.topic])),
        }
    }
    told.iter()
        .try_for_each(|(text, topics)| writeln!(to, "{text} ({})", topics.join(", ")))
}

fn describe(difference: &Difference) -> String {
    let word = match difference.weight {
        Weight::Warning => "warning",
        Weight::Refusal => "wrong",
    };
    format!("{word}: {difference}")
}

fn exit_of(differences: &[Difference]) -> Exit {
    let wrong = differences.iter().any(|it| it.weight == Weight::Refusal);
    if wrong { Exit::Findings } else { Exit::Ok }
}

impl ShapeFlags {
    /// Returns the shape, as the assurance has it where no flag says otherwise.
    pub(super) fn of(&self, config: &Config) -> Shape {
        self.over(Shape::new(config.assurance))
    }

    /// Returns a shape with what the flags say instead.
    fn over(&self, shape: Shape) -> Shape {
        let kept = self.retention.map_or(shape, |it| shape.keeping(it));
        Shape {
            partitions: self.partitions.unwrap_or(shape.partitions),
            ..kept
        }
    }
}
