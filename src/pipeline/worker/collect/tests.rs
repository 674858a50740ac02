//! Which form a value is written in, and when a collection is full.

use waymark_engine::event::{encode_avro, event_schema};

use super::*;
use crate::pipeline::intake::SINGLE_OBJECT;
use crate::pipeline::worker::fixture::submitted;

const HOUR: Duration = Duration::from_hours(1);

fn decode_plainly(value: &[u8]) -> Result<Decoded, Rejection> {
    decode(Some(value), &WriterSchemas::default())
}

fn refusal(value: Option<&[u8]>) -> String {
    let decoded = decode(value, &WriterSchemas::default());
    decoded.expect_err("not an event").to_string()
}

#[test]
fn the_first_bytes_tell_json_from_avro() {
    let json = submitted(0, "a", 2).decoded.expect("an event");
    let Decoded::Event(event) = &json else {
        panic!("an event")
    };
    let mut value = SINGLE_OBJECT.to_vec();
    value.extend_from_slice(event_schema().rabin_fingerprint());
    value.extend_from_slice(&encode_avro(event));
    assert_eq!(decode_plainly(&value), Ok(json));
}

#[test]
fn a_value_framed_for_a_registry_is_refused_by_name() {
    let says = "unreadable: the value is framed for a schema registry, and none is configured";
    assert_eq!(refusal(Some(&[0, 0, 0, 0, 7, 1, 2])), says);
    assert_eq!(refusal(Some(&[0])), says);
}

#[test]
fn a_record_without_a_value_is_a_dead_letter() {
    assert_eq!(refusal(None), "unreadable: the record has no value");
}

#[test]
fn garbage_is_unreadable_and_never_more() {
    for garbage in [&b""[..], b"\xC3", b"\xC3\x01", b"\xFF\xFE", b"hello", b"[]"] {
        let says = refusal(Some(garbage));
        assert!(says.starts_with("unreadable: "), "{garbage:?}: {says}");
    }
}

/// Limits that nothing reaches.
fn limits() -> StepLimits {
    StepLimits {
        records: 100,
        changed_keys: 100,
        bytes: 10_000,
        wait: HOUR,
        timers: 100,
    }
}

/// What has been collected after three records of 10 bytes, two of them of one customer.
fn three() -> Extent {
    let mut extent = Extent::default();
    for (offset, customer) in [(0, "a"), (1, "b"), (2, "a")] {
        extent.add(&submitted(offset, customer, 2), 10);
    }
    extent
}

#[test]
fn before_the_first_record_nobody_waits_for_more() {
    assert_eq!(Extent::default().left(&limits()), None);
}

#[test]
fn a_collection_waits_for_the_rest_of_its_time() {
    let left = three().left(&limits()).expect("time is left");
    assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
    let no_time = StepLimits {
        wait: Duration::ZERO,
        ..limits()
    };
    assert_eq!(three().left(&no_time), None);
}

#[test]
fn records_bytes_and_customers_each_have_their_limit() {
    let goes_on = |limits| three().left(&limits).is_some();
    let records = |records| StepLimits {
        records,
        ..limits()
    };
    assert!(goes_on(records(4)) && !goes_on(records(3)));
    let bytes = |bytes| StepLimits { bytes, ..limits() };
    assert!(goes_on(bytes(31)) && !goes_on(bytes(30)));
    let customers = |changed_keys| StepLimits {
        changed_keys,
        ..limits()
    };
    assert!(goes_on(customers(3)) && !goes_on(customers(2)));
}
