//! Why a record was set aside.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The reason code of a dead letter: a metric label, a header and an anchor in the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The bytes are not a JSON object in UTF-8, or not Avro of a schema we know.
    Unreadable,
    /// Nobody knows the schema that it says it was written with.
    UnknownSchema,
    /// A field is missing, of the wrong type or out of bounds.
    Invalid,
    /// The record is larger than we take.
    TooLarge,
    /// The time is outside the years 1970 to 9999.
    BadTime,
    /// The event claims to lie in the future.
    TimeAhead,
    /// The customer has more open applications or cases than we keep.
    LimitExceeded,
    /// The customer belongs to another partition than the one the record came from.
    WrongShard,
    /// Taking the record made the process crash, again and again.
    Poison,
}

impl Reason {
    /// Every reason, in order.
    pub const ALL: &'static [Reason] = &[
        Reason::Unreadable,
        Reason::UnknownSchema,
        Reason::Invalid,
        Reason::TooLarge,
        Reason::BadTime,
        Reason::TimeAhead,
        Reason::LimitExceeded,
        Reason::WrongShard,
        Reason::Poison,
    ];

    /// Returns the code, such as `time_ahead`.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::Unreadable => "unreadable",
            Reason::UnknownSchema => "unknown_schema",
            Reason::Invalid => "invalid",
            Reason::TooLarge => "too_large",
            Reason::BadTime => "bad_time",
            Reason::TimeAhead => "time_ahead",
            Reason::LimitExceeded => "limit_exceeded",
            Reason::WrongShard => "wrong_shard",
            Reason::Poison => "poison",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        let known = Reason::ALL.iter().find(|reason| reason.code() == code);
        known
            .copied()
            .ok_or_else(|| de::Error::custom(format_args!("{code:?} is no reason we know")))
    }
}

/// A record set aside: the code for machines, one sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Rejection {
    /// Why.
    pub reason: Reason,
    /// What exactly, such as `application_id is empty`.
    pub detail: String,
}

impl Rejection {
    /// Sets a record aside.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }
}
