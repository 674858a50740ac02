//! When a collection is full.

use super::*;

const HOUR: Duration = Duration::from_hours(1);

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
    for customer in ["a", "b", "a"] {
        extent.add(Some(customer), 10);
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
