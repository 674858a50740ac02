//! Writes what a run derives: alerts, deltas and scores, and what it set aside.
//!
//! | chapter        | what it holds                                                       |
//! | -------------- | ------------------------------------------------------------------- |
//! | `transactions` | the transactional producer, and how it is recycled                  |
//! | `notary`       | the calls that may never return, on a thread of their own           |
//! | `plain`        | a producer without transactions, for what is written from outside   |
//! | `form`         | JSON, or Avro in the framing of a registry                          |
//! | `alert`        | an alert's headers                                                  |
//! | `channels`     | what one stage tells the next, numbered                             |
//! | `set_aside`    | dead letters and late records, as much of them as fits              |
//! | `files`        | a folder of JSON lines that appears whole or not at all             |
//!
//! Nothing here decides what to write, or reads.

mod alert;
mod channels;
mod files;
mod form;
mod notary;
mod plain;
mod set_aside;
mod transactions;

pub use alert::Origin;
pub use channels::Channels;
pub use files::{FileOutputs, PublishError};
pub use form::{Form, Forms, Written, subjects};
pub use plain::{PlainError, PlainProducer};
pub use set_aside::{SetAside, dead_letter, late};
pub use transactions::{Outgoing, PublishDoubt, Receipt, Transactions};
