//! Where records, engine, store and outputs meet: the only place where effects are ordered.
//!
//! | chapter   | what it holds                                            |
//! | --------- | -------------------------------------------------------- |
//! | `replay`  | files through both stages, in one thread, step by step   |
//! | `account` | what a run has to tell at its end                        |

mod account;
mod replay;

pub use account::{Account, Applications, Clock, States, Summary};
pub use replay::{Replay, ReplayError, STEP_RECORDS};
