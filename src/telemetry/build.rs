//! Which build this is: for `--version`, the first line of the log, and the metric `waymark_build_info`, which all say
//! the same.

use std::sync::LazyLock;

use rdkafka::util::get_rdkafka_version;
use waymark_engine::STATE_FORMAT;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, with `-dirty` behind it if files were changed, or `unknown`: see `build.rs`.
pub const COMMIT: &str = env!("WAYMARK_BUILD_COMMIT");

/// The version of librdkafka that is linked in, such as `2.12.1`.
pub(super) static LIBRDKAFKA: LazyLock<String> = LazyLock::new(|| get_rdkafka_version().1);

/// Version and commit, in one line.
pub(crate) static SHORT: LazyLock<String> = LazyLock::new(|| format!("{VERSION} ({COMMIT})"));

/// All that tells one build from another, a fact a line.
pub(crate) static LONG: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{VERSION}\ncommit {COMMIT}\nstate format {STATE_FORMAT}\nlibrdkafka {}",
        *LIBRDKAFKA
    )
});
