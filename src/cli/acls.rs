//! `waymark acls`: what a worker must be allowed to do, for the tools that hand out permissions.

use std::io::{self, Write};

use clap::{Args, Subcommand};

use super::config::SettingFlags;
use super::exit::Exit;
use super::strimzi;
use super::topics::{Format, ToolFlags, servers};
use crate::config::Config;
use crate::kafka::access::{Grant, Resource, grants};

/// Prints what a worker must be allowed to do
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the permissions, to grant them with other tools
    Print(Print),
}

#[derive(Debug, Args)]
struct Print {
    #[command(flatten)]
    settings: SettingFlags,
    /// Who is to have them
    #[arg(long, value_name = "NAME", default_value = "waymark")]
    user: String,
    #[command(flatten)]
    tool: ToolFlags,
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let What::Print(arguments) = &arguments.what;
    let config = arguments.settings.load()?;
    let grants = grants(&config.deployment);
    let text = match arguments.tool.format {
        Format::Kafka => grants
            .iter()
            .map(|grant| command(grant, &arguments.user, &config))
            .collect(),
        Format::Strimzi => strimzi::user(&arguments.user, &grants, &arguments.tool.cluster),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Ok)
}

fn command(grant: &Grant, user: &str, config: &Config) -> String {
    let resource = match &grant.resource {
        Resource::Topic(name) => format!("--topic {name}"),
        Resource::Groups(prefix) => format!("--resource-pattern-type prefixed --group {prefix}"),
        Resource::TransactionalIds(prefix) => {
            format!("--resource-pattern-type prefixed --transactional-id {prefix}")
        }
        Resource::Cluster => "--cluster".to_owned(),
    };
    let operations = grant.operations.iter();
    let operations: Vec<String> = operations
        .map(|name| format!("--operation {name}"))
        .collect();
    format!(
        "# {}\nkafka-acls.sh --bootstrap-server {} --add --allow-principal 'User:{user}' {} {resource}\n",
        grant.why,
        servers(config),
        operations.join(" "),
    )
}
