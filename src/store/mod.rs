//! Where states live between steps.
//!
//! Bytes in, bytes out: a store knows keys, values and due times, and nothing of what a journey is. For now in memory; the
//! contract that other stores will share (compare-and-set on a checkpoint) comes with the first store that can fail.

mod memory;

pub use memory::{Change, Loaded, MemoryStore};
