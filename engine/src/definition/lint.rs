//! What can be read, and yet is not what anybody means.

use super::Definition;
use super::problem::Problem;
use super::raw::RawDefinition;

/// Looks for what can be read and yet is not meant; `definition` is missing where reading already failed.
pub(super) fn check(_raw: &RawDefinition, _definition: &Option<Definition>) -> Vec<Problem> {
    Vec::new()
}
