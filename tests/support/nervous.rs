//! The shipped default with a detector so nervous that a few hundred replies make it speak.

use std::fs;
use std::path::Path;

pub(crate) fn nervous_default() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/src/definition/default.yaml");
    let mut text = fs::read_to_string(path).unwrap();
    for (calm, nervous) in [
        ("baseline_replies: 500", "baseline_replies: 20"),
        ("tolerance: 5", "tolerance: 0"),
        (
            "false_alarms_per_year: 2 ",
            "false_alarms_per_year: 100000 ",
        ),
    ] {
        assert_eq!(text.matches(calm).count(), 1, "{calm}");
        text = text.replace(calm, nervous);
    }
    text
}
