//! What an exit code says, in the names of BSD's `sysexits.h`.

use std::process::ExitCode;

use super::definition::WrongDefinition;
use crate::pipeline::ReplayError;
use crate::publish::PublishError;
use crate::source::{MappingError, SourceError};

/// The command was given something it can't use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) &'static str);

/// Prints what clap has to say and returns its code: help and version are no errors.
pub(super) fn of_clap(said: &clap::Error) -> ExitCode {
    // Nobody is left to tell if even this can't be printed.
    drop(said.print());
    if said.use_stderr() {
        sysexits::ExitCode::Usage.into()
    } else {
        ExitCode::SUCCESS
    }
}

/// Returns the code of an error.
pub(super) fn of_error(error: &anyhow::Error) -> ExitCode {
    let is_a = |fits: &dyn Fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(fits);
    if is_a(&|cause| cause.is::<Usage>()) {
        sysexits::ExitCode::Usage.into()
    } else if is_a(&|cause| cause.is::<WrongDefinition>() || cause.is::<MappingError>()) {
        sysexits::ExitCode::Config.into()
    } else if is_a(&|cause| matches!(cause.downcast_ref(), Some(SourceError::Open { .. }))) {
        sysexits::ExitCode::NoInput.into()
    } else if is_a(&|cause| cause.is::<SourceError>()) {
        sysexits::ExitCode::DataErr.into()
    } else if is_a(&|cause| {
        cause.is::<PublishError>() || matches!(cause.downcast_ref(), Some(ReplayError::Publish(_)))
    }) {
        sysexits::ExitCode::CantCreat.into()
    } else {
        ExitCode::FAILURE
    }
}
