//! Which definition it is: a version for people, and a fingerprint that tells whether it still is what had that version.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::tree::{Content, Node};
use crate::event::{EventHash, Text};

/// An edition of a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edition {
    /// What its author calls it; every alert carries it.
    pub version: Text,
    /// What it says, as a hash: 16 hexadecimal digits.
    pub fingerprint: Text,
}

impl Edition {
    /// Returns whether the two have one version and do not say the same: somebody forgot to change it.
    pub fn contradicts(&self, other: &Self) -> bool {
        self.version == other.version && self.fingerprint != other.fingerprint
    }
}

/// `version 2026.1 (0123456789abcdef)`.
impl fmt::Display for Edition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "version {} ({})", self.version, self.fingerprint)
    }
}

/// Hashes what a file says, and not how: comments, quotes, aliases, line breaks and the order of keys are left out, the
/// order of lists is not. 64 bits of the SHA-256 of the values as compact JSON with sorted keys.
pub(super) fn fingerprint(file: &Node) -> Text {
    let said = serde_json::to_string(&Said::of(file)).expect("texts always serialise");
    EventHash::of(&said).to_string().into()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Nothing,
    Scalar(&'a str),
    List(Vec<Said<'a>>),
    Map(BTreeMap<&'a str, Said<'a>>),
}

impl<'a> Said<'a> {
    fn of(node: &'a Node) -> Self {
        match &node.content {
            Content::Nothing => Self::Nothing,
            Content::Scalar(text) => Self::Scalar(text),
            Content::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Content::Map(pairs) => {
                let pairs = pairs.iter();
                Self::Map(
                    pairs
                        .map(|(key, value)| (key.name.as_str(), Self::of(value)))
                        .collect(),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DEFAULT_TEXT, Definition};
    use super::*;

    const PLAIN: &str =
        "definition: a\nversion: \"1\"\nstages:\n  - { name: x, next: [y] }\n  - { name: y }\n";

    fn edition(text: &str) -> Edition {
        let (definition, _) = Definition::parse(text).expect("sound");
        definition.edition
    }

    #[test]
    fn how_a_thing_is_said_does_not_count() {
        for same in [
            "# A comment.\nversion: 1\n\ndefinition: 'a'\nstages:\n  - next: [y]\n    name: x\n  - name: y\n",
            "definition: a\nversion: &v \"1\"\nstages: [{ name: x, next: [&y y] }, { name: *y }]\n",
        ] {
            assert_eq!(edition(same), edition(PLAIN), "{same}");
        }
    }

    #[test]
    fn what_is_said_counts_and_a_new_version_says_so() {
        let other = |from: &str, to: &str| edition(&PLAIN.replacen(from, to, 1));
        let plain = edition(PLAIN);
        for (from, to) in [
            ("definition: a", "definition: b"),
            ("next: [y]", "next: [x, y]"),
            ("version", "zone: Europe/Berlin\nversion"),
        ] {
            assert!(other(from, to).contradicts(&plain), "{to}");
        }
        let next = other("\"1\"", "\"2\"");
        assert_ne!(next.fingerprint, plain.fingerprint);
        assert!(!next.contradicts(&plain) && !plain.contradicts(&plain));
    }

    #[test]
    fn the_order_of_a_list_counts() {
        let turned = DEFAULT_TEXT.replacen(
            "[risk_review, documents_check]",
            "[documents_check, risk_review]",
            1,
        );
        assert!(edition(&turned).contradicts(&edition(DEFAULT_TEXT)));
    }

    /// Running deployments know this version by what it says: whoever changes the default gives it a new version, and
    /// changes both lines.
    #[test]
    fn the_shipped_default_is_what_its_version_names() {
        let Edition {
            version,
            fingerprint,
        } = edition(DEFAULT_TEXT);
        assert_eq!(&*version, "2026.1");
        assert_eq!(&*fingerprint, "61c63061673c7fe7");
    }
}
