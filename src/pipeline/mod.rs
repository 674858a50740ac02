//! Where records, engine, store and outputs meet: the only place where effects are ordered.
//!
//! | chapter   | what it holds                                            |
//! | --------- | -------------------------------------------------------- |
//! | `replay`  | files through both stages, in one thread, step by step   |
//! | `account` | what a run has to tell at its end                        |
//! | `error`   | why a run stops                                          |

mod account;
mod error;
mod replay;

pub use account::{Account, Applications, Clock, States, Summary};
pub use error::ReplayError;
pub use replay::{Replay, STEP_RECORDS};
