//! The cohort stage: what a branch, a product or everybody together say of us, and whether that has really changed.
//!
//! Deltas of single replies come in, one for each cohort concerned; daily scores and shift alerts go out.
//!
//! | chapter    | what it holds                                                              |
//! | ---------- | -------------------------------------------------------------------------- |
//! | `process`  | [`Cohorts`], the processor: one delta or one due time, one decision        |
//! | `state`    | [`Cohort`], the state of one key: its series and what they wait for        |
//! | `window`   | the rolling window of civil days                                           |
//! | `waves`    | calendar periods and the comparison of one with the next                   |
//! | `watch`    | the life of a monitored series: learn a reference, watch, alarm, learn     |
//! | `waiting`  | replies that wait until their hours close                                  |
//! | `detector` | the e-detector behind it, and how long it needs                            |
//! | `tally`    | counts of replies, the NPS and its interval                                |
//! | `news`     | how days that close and scores that shift are told                         |
//! | `form`     | the stored bytes (Avro)                                                    |
//!
//! Windows and waves take every reply whenever it comes; detectors depend on order and therefore read hours that are
//! closed, so that it does not matter which shard of the customer stage was faster.

mod detector;
mod form;
mod news;
mod process;
mod state;
mod tally;
mod waiting;
mod watch;
mod waves;
mod window;

#[cfg(test)]
mod tests;

pub use detector::{Detector, Direction, expected_delay};
pub use process::{Cohorts, SeriesSummary};
pub use state::Cohort;
pub use tally::{Interval, Tally};
pub use watch::expected_references;
pub use waves::{Comparison, Difference, Period, Wave};
