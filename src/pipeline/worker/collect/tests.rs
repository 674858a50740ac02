//! When a collection is full.

use super::*;

const HOUR: Duration = Duration::from_hours(1);
const MINUTE: Duration = Duration::from_mins(1);

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
    for is_new in [true, true, false] {
        extent.add(10, is_new);
    }
    extent
}

/// How long to wait for more when the collection before has just been closed.
fn left(extent: &Extent, limits: &StepLimits) -> Option<Duration> {
    extent.left(limits, Duration::ZERO, true)
}

#[test]
fn a_state_is_loaded_once_however_many_records_concern_it() {
    let mut batch = Batch::<()>::default();
    let new = ["a", "b", "a"].map(|customer| batch.enter(Some(customer)));
    assert_eq!(new, [true, true, false]);
    assert!(!batch.enter(None), "a record of nobody");
    assert_eq!(batch.keys, KeySet::from_iter(["a".into(), "b".into()]));
}

#[test]
fn before_the_first_record_nobody_waits_for_more() {
    assert_eq!(
        Extent::default().left(&limits(), Duration::ZERO, true),
        None
    );
}

#[test]
fn a_collection_waits_for_the_rest_of_its_time() {
    let left = left(&three(), &limits()).expect("time is left");
    assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
    let no_time = StepLimits {
        wait: Duration::ZERO,
        ..limits()
    };
    assert_eq!(three().left(&no_time, Duration::ZERO, true), None);
}

#[test]
fn records_at_hand_are_taken_with_a_look_at_the_clock_now_and_then() {
    let limits = StepLimits {
        records: 1_000,
        ..limits()
    };
    let mut extent = three();
    let mut unseen = 0;
    for _ in extent.records..400 {
        unseen += usize::from(extent.goes_on_unseen(&limits));
        extent.add(1, false);
    }
    assert_eq!(unseen, 397 - 400 / UNSEEN);
    let full = StepLimits {
        records: 400,
        ..limits
    };
    assert!(extent.goes_on_unseen(&limits) && !extent.goes_on_unseen(&full));
}

#[test]
fn few_records_wait_no_longer_than_until_the_next_step_is_due() {
    let left = |paced, more_at_hand| three().left(&limits(), paced, more_at_hand);
    let soon = left(59 * MINUTE, false).expect("a minute is left");
    assert_eq!(soon, MINUTE);
    assert_eq!(left(HOUR, true), Some(Duration::ZERO), "take what is there");
    assert_eq!(left(HOUR, false), None);
    assert_eq!(left(Duration::MAX, false), None, "there was no step before");
}

#[test]
fn many_records_wait_for_more_for_more_will_come() {
    let roomy = StepLimits {
        records: 2 * MANY,
        bytes: usize::MAX,
        ..limits()
    };
    let mut extent = Extent::default();
    for _ in 0..MANY {
        extent.add(10, false);
    }
    assert!(extent.left(&roomy, HOUR, false) > Some(HOUR / 2));
}

#[test]
fn records_bytes_and_customers_each_have_their_limit() {
    let goes_on = |limits| left(&three(), &limits).is_some();
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
