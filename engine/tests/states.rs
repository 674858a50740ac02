//! Stored journeys: what this release writes it reads, what earlier releases wrote stays readable, damage is told.
//!
//! `states/N.hex` holds a journey as schema version N wrote it; the files stay for ever. When a change of
//! `schemas/journey.avsc` makes the first test fail, keep the old line and reader in the table of `journey/codec` and add a
//! file; nothing written may become unreadable.

use proptest::prelude::*;
use serde_avro_fast::Schema;
use waymark_engine::STATE_FORMAT;
use waymark_engine::definition::Definition;
use waymark_engine::event::{Decoded, Timestamp, decode_json};
use waymark_engine::journey::{Journey, StateError};
use waymark_engine::rules::Rules;
use waymark_engine::stage::{Derived, Shard, Table};

/// A customer about whom everything that a journey can hold is known.
const HISTORY: &str = r#"
{"event_id":"e1","customer_id":"ACME","occurred_at":"2026-03-02T09:00:00Z","source":"core","dimensions":{"segment":"export"},"body":{"type":"profile.changed","tier":"A","industry":"software","region":"north","branch":"17","relationship_manager":"rm-4"}}
{"event_id":"e2","customer_id":"ACME","occurred_at":"2026-03-02T10:00:00Z","source":"core","actor":{"type":"customer"},"application_id":"A-1","dimensions":{"channel_of_sale":"fair"},"body":{"type":"application.submitted","product":"project_finance","amount":2500000,"currency":"EUR"}}
{"event_id":"e3","customer_id":"ACME","occurred_at":"2026-03-03T10:00:00Z","source":"core","actor":{"type":"bank"},"application_id":"A-1","body":{"type":"stage.entered","stage":"documents_check","owner":"intake"}}
{"event_id":"e4","customer_id":"ACME","occurred_at":"2026-03-03T11:00:00Z","source":"web","actor":{"type":"customer"},"case_id":"E-1","body":{"type":"enquiry.opened","topic":"documents"}}
{"event_id":"e5","customer_id":"ACME","occurred_at":"2026-03-04T09:00:00Z","source":"crm","actor":{"type":"customer"},"case_id":"C-1","application_id":"A-1","body":{"type":"complaint.raised"}}
{"event_id":"e6","customer_id":"ACME","occurred_at":"2026-03-05T09:00:00Z","source":"survey","actor":{"type":"customer"},"body":{"type":"survey.replied","instrument":"NPS","score":9,"respondent":"cfo"}}
{"event_id":"e7","customer_id":"ACME","occurred_at":"2026-03-06T09:00:00Z","source":"core","application_id":"A-0","body":{"type":"application.withdrawn"}}
{"event_id":"e8","customer_id":"ACME","occurred_at":"2026-03-09T09:00:00Z","source":"survey","actor":{"type":"customer"},"body":{"type":"survey.replied","instrument":"NPS","score":3,"respondent":"cfo"}}
{"event_id":"e9","customer_id":"ACME","occurred_at":"2026-03-09T09:30:00Z","source":"web","actor":{"type":"customer"},"body":{"type":"digital.logged_in"}}
"#;

fn journey() -> Journey {
    let mut shard = Shard::new(Rules::new(Definition::shipped_default()), None);
    let (mut table, mut derived) = (Table::new(), Derived::default());
    for line in HISTORY.trim().lines() {
        let Decoded::Event(event) = decode_json(line.as_bytes()).expect("a literal") else {
            panic!("every kind is known");
        };
        let _ = shard.take(&mut table, &event, Timestamp::MAX, &mut derived);
    }
    table.states().first().expect("one customer").1.clone()
}

#[test]
fn a_journey_stored_by_each_released_schema_can_be_read() {
    let stored = include_str!("states/1.hex");
    let bytes = from_hex(stored);
    let read = Journey::decode(&bytes).expect("version 1 stays readable");
    assert_eq!(read, journey(), "version 1 keeps its meaning");
}

/// Fingerprints of the schemas of journeys and cohorts, for each version of the state format.
const STATE_FORMATS: [[&str; 2]; 1] = [["1733c30d8b37a5c2", "014ec4b841f6ad42"]];

#[test]
fn each_change_of_a_stored_form_counts_the_state_format_up() {
    let schemas = [
        include_str!("../../schemas/journey.avsc"),
        include_str!("../../schemas/cohort.avsc"),
    ];
    let fingerprints = schemas.map(|text| {
        let schema: Schema = text.parse().expect("it is sound");
        u64::from_be_bytes(*schema.rabin_fingerprint())
    });
    let fingerprints = fingerprints.map(|it| format!("{it:016x}"));
    assert_eq!(
        (STATE_FORMATS.len(), &STATE_FORMATS[STATE_FORMATS.len() - 1]),
        (
            STATE_FORMAT as usize,
            &fingerprints.each_ref().map(String::as_str)
        ),
        "a changed form is a new version: add it here, and count STATE_FORMAT up"
    );
}

#[test]
fn the_journey_of_the_fixture_holds_something_of_everything() {
    let journey = journey();
    assert!(journey.profile.tier.is_some() && !journey.profile.dimensions.is_empty());
    assert!(
        journey
            .watches
            .iter()
            .any(|watch| !watch.pending.is_empty())
    );
    assert!(
        journey
            .applications
            .iter()
            .any(|application| application.ended.is_some())
    );
    let open = journey
        .applications
        .iter()
        .find(|application| application.ended.is_none())
        .expect("A-1");
    assert!(!open.visits.is_empty() && !open.dimensions.is_empty());
    assert!(open.watches.iter().any(|watch| watch.episode.is_some()));
    assert!(journey.cases.iter().any(|case| case.application.is_some()));
    assert!(
        journey
            .respondents
            .iter()
            .any(|it| it.replies.len() == 2 && it.episode.is_some())
    );
    assert_eq!(journey.timeline.entries().len(), 8);
    assert!(journey.due.is_some());
}

#[test]
fn what_is_written_is_read_again_and_writing_is_repeatable() {
    let journey = journey();
    let bytes = journey.encode();
    assert_eq!(Journey::decode(&bytes).expect("just written"), journey);
    assert_eq!(bytes, journey.encode());
}

#[test]
fn damage_is_told_apart() {
    let bytes = journey().encode();
    let told = |bytes: &[u8]| Journey::decode(bytes).expect_err("damaged");
    assert!(matches!(told(&[]), StateError::NotSingleObject));
    assert!(matches!(
        told(b"not avro at all"),
        StateError::NotSingleObject
    ));
    let mut newer = bytes.clone();
    newer[2] ^= 1;
    assert!(matches!(told(&newer), StateError::UnknownSchema { .. }));
    assert!(matches!(
        told(&bytes[..bytes.len() - 1]),
        StateError::Damaged(_)
    ));
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert!(matches!(told(&longer), StateError::TrailingBytes));
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(place in 10..400_usize, byte in any::<u8>(), keep in 0..400_usize) {
        let mut bytes = journey().encode();
        let place = place % bytes.len();
        bytes[place] = byte;
        bytes.truncate(keep.max(10));
        // Some damage still reads as a journey; what must never happen is a panic or a huge allocation.
        if let Ok(journey) = Journey::decode(&bytes) {
            prop_assert!(journey.encode().len() < 4_096);
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("ASCII");
        u8::from_str_radix(pair, 16).expect("hex digits")
    };
    digits.chunks(2).map(byte).collect()
}
