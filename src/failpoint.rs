//! Places where a test may stop the process, named after the lines of the delivery protocol.
//!
//! `customer=return(C-5)` makes deciding crash over one customer, as a mistake of ours might.
//!
//! Built without the feature `failpoints`, as every release is, nothing is left of them. With it, `FAILPOINTS` says what
//! happens where: `step.7=1*off->return(kill)` kills the process at the second visit of line 7 of a step.

/// A place of the protocol, such as `step.7`.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn here(_place: &str) {}

/// A place of the protocol, such as `step.7`. Kills or stops the process if a test has asked for it.
#[cfg(feature = "failpoints")]
pub(crate) fn here(place: &str) {
    use nix::sys::signal::{Signal, raise};
    fail::fail_point!(place, |asked: Option<String>| {
        let signal = match asked.as_deref() {
            Some("kill") => Signal::SIGKILL,
            Some("stop") => Signal::SIGSTOP,
            other => panic!("a failpoint can kill or stop, not {other:?}"),
        };
        eprintln!("failpoint {place}: {signal}");
        raise(signal).expect("we may signal ourselves");
    });
}

/// A customer, such as `C-5`.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub(crate) fn over(_customer: &str) {}

/// A customer, such as `C-5`. Crashes if a test has asked for this one.
#[cfg(feature = "failpoints")]
pub(crate) fn over(customer: &str) {
    fail::fail_point!("customer", |asked: Option<String>| {
        assert!(asked.as_deref() != Some(customer), "failpoint {customer}");
    });
}
