//! `waymark config`: which settings are in force, and where each was set. Also the flags that every command with settings has.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Output;
use super::exit::{Exit, Usage};
use super::report::{table, write_table};
use crate::config::{Config, ConfigError, Environment, Flag, Setting, StageName};

/// Shows the settings in force, and where each of them was set
///
/// Later layers win: defaults, the file, `WAYMARK_...` variables, flags. Secrets are masked. Exit code 78: a setting is
/// wrong.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    settings: SettingFlags,
    /// How to print them
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Where settings come from.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Settings")]
pub(super) struct SettingFlags {
    /// The configuration file; default: the one that `WAYMARK_CONFIG` names
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The name that topics and groups begin with
    #[arg(long, value_name = "NAME")]
    deployment: Option<String>,
    /// Brokers to ask first
    #[arg(long, value_name = "HOST:PORT,...")]
    bootstrap_servers: Option<String>,
    /// What must be proven before the start
    #[arg(long, value_name = "LEVEL")]
    assurance: Option<String>,
    /// Any setting by its path, as `waymark config` prints it: workers.threads=4
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

/// The same, for commands that look at the rules as well.
#[derive(Debug, Clone, Args)]
pub(super) struct RuledFlags {
    #[command(flatten)]
    settings: SettingFlags,
    /// The definition in force; the shipped default if no setting names one
    #[arg(long, value_name = "FILE")]
    definition: Option<PathBuf>,
}

/// A stage, for commands that look at one.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(super) enum Stage {
    /// Events of customers in
    #[default]
    Customer,
    /// What the customer stage tells of cohorts in
    Cohort,
}

impl From<Stage> for StageName {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Customer => Self::Customer,
            Stage::Cohort => Self::Cohort,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// If a setting is wrong, or standard output can't be written.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (_, settings) = arguments.settings.load_with_origins()?;
    arguments.output.print(&settings, |to, settings| {
        let mut rows = table(&["setting", "value", "from"], 3);
        for Setting {
            path,
            value,
            origin,
        } in settings
        {
            rows.add_row([path, value.as_deref().unwrap_or("-"), origin]);
        }
        write_table(to, &rows)
    })?;
    Ok(Exit::Ok)
}

impl RuledFlags {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`ConfigError`], or [`Usage`] if a flag is no setting.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        self.settings().load()
    }

    /// Returns the flags as settings, to add more.
    pub(super) fn settings(&self) -> SettingFlags {
        let mut settings = self.settings.clone();
        if let Some(file) = &self.definition {
            settings.add("definition", &file.display().to_string());
        }
        settings
    }
}

impl SettingFlags {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`ConfigError`], or [`Usage`] if a flag is no setting.
    pub(super) fn load(&self) -> anyhow::Result<Config> {
        self.load_with_origins().map(|(config, _)| config)
    }

    /// Sets one more setting, by its path.
    pub(super) fn add(&mut self, path: &str, value: &str) {
        self.set.push(format!("{path}={value}"));
    }

    fn load_with_origins(&self) -> anyhow::Result<(Config, Vec<Setting>)> {
        let flags = self.flags()?;
        let loaded: Result<_, ConfigError> =
            Config::load_with_origins(self.config.as_deref(), &Environment::of_process(), &flags);
        Ok(loaded?)
    }

    fn flags(&self) -> Result<Vec<Flag>, Usage> {
        let flag = |path: &str, name: &str, value: &Option<String>| {
            value.as_ref().map(|value| Flag {
                path: path.to_owned(),
                value: value.clone(),
                name: name.to_owned(),
            })
        };
        let mut flags = Vec::new();
        for text in &self.set {
            let (path, value) = text
                .split_once('=')
                .ok_or(Usage("--set takes PATH=VALUE"))?;
            flags.extend(flag(path, "--set", &Some(value.to_owned())));
        }
        flags.extend(flag("deployment", "--deployment", &self.deployment));
        flags.extend(flag(
            "kafka.bootstrap.servers",
            "--bootstrap-servers",
            &self.bootstrap_servers,
        ));
        flags.extend(flag("assurance", "--assurance", &self.assurance));
        Ok(flags)
    }
}
