//! Why a store did not do what was asked: a variant for each different reaction.

/// What lies behind an error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a store did not do what was asked.
///
/// | variant   | was anything written?           | what to do                                    |
/// | --------- | ------------------------------- | --------------------------------------------- |
/// | `Stalled` | no                              | keep what you have, ask again a little later  |
/// | `Unknown` | perhaps, perhaps it still will  | forget the shard, recover it                  |
/// | `Damaged` | perhaps in part                 | forget the shard, recover it from a new copy  |
/// | `Denied`  | no, or the copy is marked       | stop: somebody has to change a setting        |
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not now: out of memory, a replica, still loading, out of reach.
    #[error("the store cannot serve at present")]
    Stalled(#[source] Cause),
    /// The answer was lost on its way.
    #[error("the answer of the store was lost")]
    Unknown(#[source] Cause),
    /// A call failed half-way, or something of ours has become something else. The checkpoint says so from now on.
    #[error("the copy in the store is damaged")]
    Damaged(#[source] Cause),
    /// It will not serve us as it is set up: password, permission, eviction.
    #[error("the store refuses us, or must be refused")]
    Denied(#[source] Cause),
}
