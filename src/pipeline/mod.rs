//! Where records, engine, store and outputs meet: the only place where effects are ordered.
//!
//! | chapter    | what it holds                                            |
//! | ---------- | -------------------------------------------------------- |
//! | `live`     | a process at work: its workers                           |
//! | `vigil`    | whether all is still as delivery rests on it             |
//! | `worker`   | Kafka in, Kafka and store out: one thread, exactly once  |
//! | `stage`    | what one stage is to a worker: customers, cohorts        |
//! | `doctor`   | whether all that delivery rests on is as it must be      |
//! | `inspect`  | a deployment looked at from outside                      |
//! | `verify`   | a deployment held against a run in one thread            |
//! | `replay`   | files through both stages, in one thread, step by step   |
//! | `tap`      | alerts as they come, for whoever looks                   |
//! | `readable` | what was published, as people read it                    |
//! | `account`  | what a run has to tell at its end                        |
//! | `error`    | why a run stops                                          |

mod account;
pub mod doctor;
mod error;
pub mod inspect;
mod live;
mod readable;
mod replay;
mod stage;
pub mod tap;
pub mod verify;
mod vigil;
mod worker;

pub use account::{Account, Applications, Clock, States, Summary};
pub use error::ReplayError;
pub use live::{LiveError, Topics, Work, run};
pub use replay::{Replay, STEP_RECORDS};
pub use stage::Schemas;
