//! What several tests of the kit need to look at the machine around them.

use std::fs;

/// Whether a process with this id runs; one that has ended and waits to be noticed does not.
pub(crate) fn runs(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = status
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}
