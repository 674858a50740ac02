//! The replay, proved from outside.
//!
//! | chapter   | what it holds                                                                         |
//! | --------- | ------------------------------------------------------------------------------------- |
//! | `bpi2012` | each silence of the loan log, found a second time with nothing of ours                |
//! | `sfo_nps` | scores and comparisons of the airport surveys, computed a second time                 |
//! | `cli`     | the command as a user meets it: files, pipes, the shipped example                     |
//! | `damage`  | what is wrong is named, has its exit code, and leaves nothing half written            |
//! | `steps`   | steps of any size give the same bytes                                                 |
//! | `nervous` | a definition under which NPS shifts soon; shared with `tests/live`                    |
//! | `nps`     | scores and intervals by hand; shared with `tests/live`                                |
//! | `rows`    | reading a CSV log; shared as well                                                     |
//! | `support` | running the program, reading what it wrote                                            |
//!
//! The real logs are not part of the project. They are looked for in `WAYMARK_DATA`, else in `../shared/data` beside the
//! repository; where they are missing, each test that needs them says loudly that it was skipped.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on stops here, helpers included"
)]

mod bpi2012;
mod cli;
mod damage;
#[path = "../support/data.rs"]
mod data;
#[path = "../support/nervous.rs"]
mod nervous;
#[path = "../support/nps.rs"]
mod nps;
#[path = "../support/rows.rs"]
mod rows;
mod sfo_nps;
mod steps;
mod support;
