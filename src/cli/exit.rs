//! How a command ended, for scripts: the codes of BSD's `sysexits.h` where one fits.

use std::io;
use std::process::ExitCode;
use std::sync::LazyLock;

use super::definition::WrongDefinition;
use super::run::Unfit;
use super::top::NoAnswer;
use crate::config::ConfigError;
use crate::kafka::FollowError;
use crate::kafka::admin::AdminError;
use crate::pipeline::inspect::{AdoptError, InspectError};
use crate::pipeline::tap::TapError;
use crate::pipeline::verify::VerifyError;
use crate::pipeline::{LiveError, ReplayError};
use crate::publish::{PlainError, PublishError};
use crate::registry::RegistryError;
use crate::schemas::FileError;
use crate::source::{MappingError, SchemasError, SourceError};
use crate::story::StoryError;

/// How a command ended. What `--help`, the manual and `docs/install.md` say of it stands in [`Exit::meaning`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// All is well.
    Ok = 0,
    /// The command did its work and found something wrong, or failed on the way.
    Findings = 1,
    /// The command line makes no sense.
    Usage = 64,
    /// An input can't be understood.
    Data = 65,
    /// An input can't be opened.
    NoInput = 66,
    /// A server can't be asked.
    Unavailable = 69,
    /// An output can't be written.
    CantCreate = 73,
    /// What could be looked at is in order, and some of it could not: try again later.
    Retry = 75,
    /// A setting is wrong, or a definition, mapping or story file can't be read, or has errors.
    Config = 78,
}

/// All codes with what they mean, for the end of `--help`.
pub(super) static CODES: LazyLock<String> = LazyLock::new(|| {
    let lines = Exit::ALL.map(|exit| format!("\n  {:>2}  {}", exit as u8, exit.meaning()));
    format!("Exit codes:{}", lines.concat())
});

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The command line makes no sense, although its grammar is right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) &'static str);

/// Not one record could be read: this is no event log, whatever its name says.
#[derive(Debug, thiserror::Error)]
#[error("none of the records is an event; the first one is {0}")]
pub(super) struct Unreadable(pub(super) String);

impl Exit {
    const ALL: [Self; 9] = [
        Exit::Ok,
        Exit::Findings,
        Exit::Usage,
        Exit::Data,
        Exit::NoInput,
        Exit::Unavailable,
        Exit::CantCreate,
        Exit::Retry,
        Exit::Config,
    ];

    /// Returns what a code means, in words for scripts' authors.
    const fn meaning(self) -> &'static str {
        match self {
            Exit::Ok => "all is well",
            Exit::Findings => {
                "the command did its work and found something wrong, or failed on the way"
            }
            Exit::Usage => "the command line makes no sense",
            Exit::Data => "an input can't be understood",
            Exit::NoInput => "an input can't be opened, or the topic to read is missing",
            Exit::Unavailable => "a server can't be asked, or it or its topics are not fit for use",
            Exit::CantCreate => "an output can't be written",
            Exit::Retry => {
                "what could be looked at is in order, and some of it could not: try again later"
            }
            Exit::Config => "a setting, definition, mapping or story file is wrong",
        }
    }

    /// Prints what clap has to say; help and version are no mistakes.
    pub(super) fn of_clap(said: &clap::Error) -> Self {
        // A reader that went away has seen enough of it.
        drop(said.print());
        if said.use_stderr() {
            Exit::Usage
        } else {
            Exit::Ok
        }
    }

    /// Finds the code of an error: the first cause that has one decides.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(Self::of_cause)
            .unwrap_or(Exit::Findings)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(source) = cause.downcast_ref::<SourceError>() {
            return Some(match source {
                SourceError::Open { .. } => Exit::NoInput,
                SourceError::Mapping(_) => Exit::Config,
                _ => Exit::Data,
            });
        }
        if let Some(error) = cause.downcast_ref::<FileError>() {
            return Some(match error {
                FileError::Read { .. } | FileError::Empty(_) => Exit::NoInput,
                FileError::Schema { .. } => Exit::Data,
            });
        }
        if let Some(error) = cause.downcast_ref::<VerifyError>() {
            return Self::of_verify(error);
        }
        if let Some(error) = cause.downcast_ref::<LiveError>() {
            return Some(match error {
                LiveError::NoTopic(_) | LiveError::Admin(_) | LiveError::Registry(_) => {
                    Exit::Unavailable
                }
                LiveError::TooManyWorkers { .. } => Exit::Config,
                LiveError::Worker { .. } | LiveError::Thread(_) => Exit::Findings,
            });
        }
        if let Some(unfit) = cause.downcast_ref::<Unfit>() {
            return Some(match unfit {
                Unfit::Surroundings => Exit::Unavailable,
                Unfit::Definition => Exit::Config,
            });
        }
        if let Some(error) = cause.downcast_ref::<InspectError>() {
            return Self::of_inspect(error);
        }
        if let Some(error) = cause.downcast_ref::<AdoptError>() {
            return match error {
                AdoptError::Inspect(error) => Self::of_inspect(error),
                AdoptError::Commit(_) => Some(Exit::Unavailable),
                AdoptError::NoStep(_) | AdoptError::Other(_) | AdoptError::Members(_) => None,
            };
        }
        if let Some(error) = cause.downcast_ref::<FollowError>() {
            return Self::of_follow(error);
        }
        if let Some(TapError::Follow(error)) = cause.downcast_ref() {
            return Self::of_follow(error);
        }
        if let Some(ReplayError::Publish(_)) = cause.downcast_ref() {
            return Some(Exit::CantCreate);
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            // A reader such as `head` has seen enough and went away.
            return (error.kind() == io::ErrorKind::BrokenPipe).then_some(Exit::Ok);
        }
        let known = [
            (cause.is::<Usage>(), Exit::Usage),
            (
                cause.is::<WrongDefinition>() || cause.is::<MappingError>(),
                Exit::Config,
            ),
            (
                cause.is::<StoryError>() || cause.is::<ConfigError>() || cause.is::<SchemasError>(),
                Exit::Config,
            ),
            (
                matches!(cause.downcast_ref(), Some(AdminError::Ask { .. })),
                Exit::Unavailable,
            ),
            (
                cause.is::<PublishError>() || cause.is::<PlainError>(),
                Exit::CantCreate,
            ),
            (cause.is::<RegistryError>(), Exit::Unavailable),
            (cause.is::<Unreadable>(), Exit::Data),
            (cause.is::<NoAnswer>(), Exit::Unavailable),
        ];
        known.into_iter().find(|(is, _)| *is).map(|(_, exit)| exit)
    }

    fn of_follow(error: &FollowError) -> Option<Self> {
        match error {
            FollowError::NoTopic(_) => Some(Exit::NoInput),
            FollowError::Kafka { .. } => Some(Exit::Unavailable),
            FollowError::Client(_) => None,
        }
    }

    fn of_inspect(error: &InspectError) -> Option<Self> {
        match error {
            InspectError::NoShard { .. } | InspectError::NoCustomer(_) => Some(Exit::Usage),
            InspectError::State(_) => Some(Exit::Data),
            InspectError::Topics(LiveError::NoTopic(_)) => Some(Exit::NoInput),
            InspectError::Topics(_)
            | InspectError::Kafka(_)
            | InspectError::Read(_)
            | InspectError::Changelog(_)
            | InspectError::Store(_)
            | InspectError::Registry(_) => Some(Exit::Unavailable),
            InspectError::NoScores => Some(Exit::Config),
            InspectError::Client(_) => None,
        }
    }

    fn of_verify(error: &VerifyError) -> Option<Self> {
        match error {
            VerifyError::OtherRules { .. } | VerifyError::NoStore => Some(Exit::Config),
            VerifyError::SourceCut { .. }
            | VerifyError::OutputCut { .. }
            | VerifyError::NoTopic(_) => Some(Exit::NoInput),
            VerifyError::Foreign { .. } => Some(Exit::Data),
            VerifyError::OpenTransaction { .. }
            | VerifyError::Ask { .. }
            | VerifyError::Read(_)
            | VerifyError::Registry(_)
            | VerifyError::Store(_) => Some(Exit::Unavailable),
            VerifyError::Client(_) | VerifyError::Changelog(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_a_row_for_each_exit_code_and_no_other() {
        let document = include_str!("../../docs/install.md");
        let (_, behind) = document.split_once("## Exit codes").expect("a chapter");
        let chapter = behind.split("\n## ").next().expect("it has an end");
        let rows: Vec<&str> = chapter
            .lines()
            .filter(|line| line.starts_with("| "))
            .collect();
        let expected = Exit::ALL.map(|exit| format!("| {} | {} |", exit as u8, exit.meaning()));
        assert_eq!(rows[2..], expected); // behind the heads
        assert_eq!(rows[0], "| code | meaning |");
    }

    #[test]
    fn the_help_lists_each_exit_code_once_in_order() {
        let codes: Vec<&str> = CODES
            .lines()
            .skip(1)
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(codes, ["0", "1", "64", "65", "66", "69", "73", "75", "78"]);
    }
}
