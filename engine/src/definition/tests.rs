//! The shipped default is sound, and says what it means.

use super::*;

#[test]
fn the_shipped_default_is_free_of_problems() {
    match Definition::parse(DEFAULT_TEXT) {
        Ok((_, warnings)) => assert_eq!(warnings, []),
        Err(problems) => panic!("{problems:#?}"),
    }
}
