//! The changelog of a stage: read to its end, copied into a store.
//!
//! | chapter  | what it does                                                                     |
//! | -------- | -------------------------------------------------------------------------------- |
//! | `reader` | reads one partition up to its end, without a group; finds the last progress      |
//! | `copy`   | applies changes to a store, chunk by chunk, each a compare-and-set               |
//!
//! Copying never runs the engine: it needs no old events, no old rules and no determinism. What to do with what is found
//! is decided in `protocol`.

mod copy;
mod reader;

pub use copy::{Copied, CopyError, Copying, DueOf};
pub use reader::{Change, ChangelogReader, ReadError, Seen};
