//! Keys of states, and maps by key that no step waits for.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use crate::event::Text;

/// Key of a state: a customer id, or the name of a cohort.
pub type Key = Text;

/// Values by key, or by a borrowed key. Nobody may rely on its order.
pub type KeyMap<V, K = Key> = HashMap<K, V, RandomState>;

/// A set of keys, or of borrowed keys. Nobody may rely on its order.
pub type KeySet<K = Key> = HashSet<K, RandomState>;
