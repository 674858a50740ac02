//! The examples that ship inside the program.

use clap::ValueEnum;
use waymark_engine::definition::Definition;
use waymark_engine::event::Timestamp;

use crate::source::{Input, Mapping};

/// A shipped example.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Example {
    /// An invented lending quarter, events included
    Lending,
    /// The loan applications of the BPI Challenge 2012
    Bpi2012,
    /// The surveys of San Francisco airport, May 2017 and May 2018
    SfoNps,
}

impl Example {
    /// Returns its definition.
    pub(super) fn definition(self) -> Definition {
        let text = match self {
            Example::Lending => return Definition::shipped_default(),
            Example::Bpi2012 => include_str!("../../deploy/examples/bpi2012/definition.yaml"),
            Example::SfoNps => include_str!("../../deploy/examples/sfo-nps/definition.yaml"),
        };
        Definition::parse(text)
            .expect("shipped definitions are checked by a test")
            .0
    }

    /// Returns how to read its log, if that is not in a form of ours.
    pub(super) fn mapping(self) -> Option<Mapping> {
        let (name, text) = match self {
            Example::Lending => return None,
            Example::Bpi2012 => (
                "bpi2012",
                include_str!("../../deploy/examples/bpi2012/mapping.yaml"),
            ),
            Example::SfoNps => (
                "sfo-nps",
                include_str!("../../deploy/examples/sfo-nps/mapping.yaml"),
            ),
        };
        Some(Mapping::parse(name, text).expect("shipped mappings are checked by a test"))
    }

    /// Returns a time at which all its events had happened, if that must not be left to the wall clock of the reader.
    pub(super) fn not_after(self) -> Option<Timestamp> {
        match self {
            Example::Lending => Some(Timestamp::parse("2026-04-06T00:00:00Z").expect("a literal")),
            Example::Bpi2012 | Example::SfoNps => None,
        }
    }

    /// Returns its events, if they ship with the program.
    pub(super) fn events(self) -> Option<Input> {
        match self {
            Example::Lending => Some(Input::Shipped {
                name: "lending",
                bytes: include_bytes!("../../deploy/examples/lending/events.jsonl"),
            }),
            Example::Bpi2012 | Example::SfoNps => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_definition_and_mapping_can_be_read() {
        for example in Example::value_variants() {
            assert!(!example.definition().name.is_empty());
            assert_eq!(example.mapping().is_none(), example.events().is_some());
        }
    }
}
