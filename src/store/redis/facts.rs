//! What a Redis tells about itself, and what makes it unfit.

use redis::{Connection, ErrorKind, InfoDict, RedisResult, ServerErrorKind};

/// What a Redis tells about itself, by `INFO`. Managed services leave things out, and a user may not ask at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisFacts {
    /// Version of the server.
    pub version: Option<String>,
    /// `master` or `slave`.
    pub role: Option<String>,
    /// Whether it is part of a Redis Cluster.
    pub cluster: bool,
    /// What it does when memory runs out.
    pub maxmemory_policy: Option<String>,
    /// Bytes it may use; 0 for no limit.
    pub maxmemory_bytes: u64,
    /// Bytes it uses.
    pub used_memory_bytes: u64,
    /// Whether it keeps a log of its writes.
    pub append_only: bool,
    /// When it last wrote a snapshot, in seconds since 1970.
    pub last_save_seconds: Option<u64>,
    /// Replicas that follow it.
    pub replicas: u64,
}

/// Why a Redis can't be the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A state that vanishes reads as a new customer.
    #[error("maxmemory-policy is {0}, it must be noeviction")]
    Evicts(String),
    /// It does not tell.
    #[error("maxmemory-policy is not known, for INFO does not tell it")]
    EvictionUnknown,
    /// We speak to one server.
    #[error("the server is part of a Redis Cluster")]
    Cluster,
    /// It may become a primary again, or the name may soon lead to another server.
    #[error("the server is a replica")]
    Replica,
}

impl RedisFacts {
    pub(super) fn ask(connection: &mut Connection) -> RedisResult<Self> {
        let info: InfoDict = match redis::cmd("INFO").query(connection) {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm) => {
                return Ok(Self::default());
            }
            answer => answer?,
        };
        Ok(Self {
            version: info.get("redis_version"),
            role: info.get("role"),
            cluster: info.get("cluster_enabled") == Some(1),
            maxmemory_policy: info.get("maxmemory_policy"),
            maxmemory_bytes: info.get("maxmemory").unwrap_or_default(),
            used_memory_bytes: info.get("used_memory").unwrap_or_default(),
            append_only: info.get("aof_enabled") == Some(1),
            last_save_seconds: info.get("rdb_last_save_time"),
            replicas: info.get("connected_slaves").unwrap_or_default(),
        })
    }

    /// Returns what makes this server unfit, the worst first.
    pub fn unfit(&self) -> Option<Unfit> {
        match self.maxmemory_policy.as_deref() {
            _ if self.cluster => Some(Unfit::Cluster),
            Some("noeviction") if self.role.as_deref() == Some("slave") => Some(Unfit::Replica),
            Some("noeviction") => None,
            Some(policy) => Some(Unfit::Evicts(policy.to_owned())),
            None => Some(Unfit::EvictionUnknown),
        }
    }
}
