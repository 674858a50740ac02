//! How a command ended, for scripts: the codes of BSD's `sysexits.h` where one fits.

use std::io;
use std::process::ExitCode;

use super::definition::WrongDefinition;
use crate::pipeline::ReplayError;
use crate::publish::PublishError;
use crate::source::{MappingError, SourceError};
use crate::story::StoryError;

/// How a command ended.
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
    /// An output can't be written.
    CantCreate = 73,
    /// A definition, mapping or story file can't be read, or has errors.
    Config = 78,
}

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
            (cause.is::<StoryError>(), Exit::Config),
            (cause.is::<PublishError>(), Exit::CantCreate),
            (cause.is::<Unreadable>(), Exit::Data),
        ];
        known.into_iter().find(|(is, _)| *is).map(|(_, exit)| exit)
    }
}
