//! One blocking connection, opened when it is needed and dropped at the first error.
//!
//! Nothing is tried twice here: a late answer must never meet the next question, and whoever asks knows how long to wait.

use std::fmt;

use redis::{Cmd, Connection, ErrorKind, RedisError, RedisResult, Script, Value};
use redis::{ServerErrorKind, from_redis_value};

use super::facts::{RedisFacts, Unfit};
use super::settings::RedisSettings;
use crate::store::{Cause, StoreError};

/// Tells where the Redis is and how to get in; asked for each new connection, for passwords change.
pub type Access = Box<dyn FnMut() -> Result<RedisSettings, Cause> + Send>;

/// A connection that may be there.
pub(super) struct Line {
    access: Access,
    open: Option<Connection>,
}

impl Line {
    pub(super) fn new(access: Access) -> Self {
        Self { access, open: None }
    }

    /// Asks a question that changes nothing.
    pub(super) fn read<T>(
        &mut self,
        ask: impl FnOnce(&mut Connection) -> RedisResult<T>,
    ) -> Result<T, StoreError> {
        self.ask(ask)?.map_err(|error| match Reaction::to(&error) {
            Reaction::Stall | Reaction::Lost => StoreError::Stalled(error.into()),
            Reaction::Deny => StoreError::Denied(error.into()),
            Reaction::Mend => StoreError::Damaged(error.into()),
        })
    }

    /// Runs a script that writes, and returns whether it did.
    pub(super) fn write(&mut self, script: &Script, call: &Cmd) -> Result<bool, StoreError> {
        let run = |connection: &mut Connection| match call.query(connection) {
            Err(error) if is_unknown_script(&error) => {
                // The server was started anew and does not know the script yet. It has done nothing.
                script.load(connection)?;
                call.query(connection)
            }
            answer => answer,
        };
        self.ask(run)?.map_err(|error| match Reaction::to(&error) {
            Reaction::Stall => StoreError::Stalled(error.into()),
            Reaction::Lost => StoreError::Unknown(error.into()),
            Reaction::Deny => StoreError::Denied(error.into()),
            Reaction::Mend => StoreError::Damaged(error.into()),
        })
    }

    /// Returns what the server tells about itself, fit or not.
    pub(super) fn facts(&mut self) -> Result<RedisFacts, StoreError> {
        let settings = (self.access)().map_err(StoreError::Stalled)?;
        let mut connection = connect(&settings)?;
        RedisFacts::ask(&mut connection).map_err(not_served)
    }

    fn ask<T>(
        &mut self,
        ask: impl FnOnce(&mut Connection) -> RedisResult<T>,
    ) -> Result<RedisResult<T>, StoreError> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.connect()?,
        };
        let answer = ask(&mut connection);
        self.open = answer.is_ok().then_some(connection);
        Ok(answer)
    }

    fn connect(&mut self) -> Result<Connection, StoreError> {
        let settings = (self.access)().map_err(StoreError::Stalled)?;
        let mut connection = connect(&settings)?;
        let facts = RedisFacts::ask(&mut connection).map_err(not_served)?;
        match facts.unfit() {
            None => Ok(connection),
            Some(Unfit::EvictionUnknown) if settings.assume_noeviction => Ok(connection),
            Some(unfit @ Unfit::Replica) => Err(StoreError::Stalled(unfit.into())),
            Some(unfit) => Err(StoreError::Denied(unfit.into())),
        }
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.open.is_some();
        f.debug_struct("Line")
            .field("open", &open)
            .finish_non_exhaustive()
    }
}

fn connect(settings: &RedisSettings) -> Result<Connection, StoreError> {
    let connect = || {
        let client = settings.client()?;
        let connection = client.get_connection_with_timeout(settings.connect_timeout)?;
        connection.set_read_timeout(Some(settings.response_timeout))?;
        connection.set_write_timeout(Some(settings.response_timeout))?;
        Ok(connection)
    };
    connect().map_err(not_served)
}

/// Nothing was asked yet, so nothing was written.
fn not_served(error: RedisError) -> StoreError {
    match Reaction::to(&error) {
        Reaction::Deny => StoreError::Denied(error.into()),
        Reaction::Stall | Reaction::Lost | Reaction::Mend => StoreError::Stalled(error.into()),
    }
}

/// Turns one part of an answer into what it should be.
pub(super) fn part<T: redis::FromRedisValue>(
    parts: &mut impl Iterator<Item = Value>,
) -> RedisResult<T> {
    let value = parts.next();
    let value = value.ok_or_else(|| unexpected("answer", "a part is missing".to_owned()))?;
    from_redis_value(value).map_err(|error| unexpected("answer", error.to_string()))
}

/// Something stands there, and it is not ours.
pub(super) fn unexpected(what: &'static str, said: String) -> RedisError {
    RedisError::from((ErrorKind::UnexpectedReturnType, what, said))
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// What an error asks for.
enum Reaction {
    Stall,
    Lost,
    Deny,
    Mend,
}

impl Reaction {
    fn to(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io | ErrorKind::Parse => return Self::Lost,
            ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig => return Self::Deny,
            _ => {}
        }
        // A pipeline hides the reason among those of its commands.
        let inner = error.clone().into_server_errors();
        let inner = inner.as_deref().and_then(<[_]>::first);
        let code = inner.map_or_else(|| error.code(), |(_, error)| Some(error.code()));
        match code {
            // What Redis says before it has done anything.
            Some(
                "OOM" | "READONLY" | "LOADING" | "BUSY" | "MISCONF" | "NOREPLICAS" | "CLUSTERDOWN"
                | "MASTERDOWN" | "MOVED" | "ASK" | "TRYAGAIN" | "NOSCRIPT",
            ) => Self::Stall,
            Some("NOAUTH" | "NOPERM" | "WRONGPASS") => Self::Deny,
            _ => Self::Mend,
        }
    }
}
