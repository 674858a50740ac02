//! The real logs, which are not part of the project: looked for in `WAYMARK_DATA`, else in `../shared/data` beside the
//! repository. Where one is missing, that is said loudly.

use std::path::{Path, PathBuf};

use waymark_testkit::policy::tell_skipped;

/// Returns the path of a real log, if it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no configuration to be handed"
)]
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let folder = std::env::var_os("WAYMARK_DATA").map_or(beside, PathBuf::from);
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    tell_skipped(&format!(
        "{} is not there; set WAYMARK_DATA to the folder of the logs",
        path.display()
    ));
    None
}
