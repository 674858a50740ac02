//! The identities of the protocol. Each is its own type, so that an offset of a changelog never lands where a step is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Number of a partition of a stage, and of the state that belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardId(pub i32);

/// Place of a record in a partition; as a position, the place of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

/// Number of a committed step of a shard, 1, 2, 3, … without gaps; 0 before the first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Step(pub u64);

/// Random identity of a shard's history, made at its first step: tells a deployment from another with the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lineage(u128);

/// Random identity of one copy of a shard's states in a store. Part of every state's key, so that a copy is thrown away
/// by one atomic change of the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CopyId(u64);

/// Where random identities come from: the operating system, or a count in a model.
pub trait RandomIds {
    /// Returns 128 random bits.
    fn bits(&mut self) -> u128;
}

impl ShardId {
    /// Returns the number as an index.
    pub fn index(self) -> usize {
        usize::try_from(self.0).expect("partitions are numbered from 0")
    }
}

impl Offset {
    /// Returns the place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Step {
    /// Returns the step after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Lineage {
    /// Begins a history.
    pub fn new(random: &mut impl RandomIds) -> Self {
        Self(random.bits())
    }
}

impl CopyId {
    /// Begins a copy.
    pub fn new(random: &mut impl RandomIds) -> Self {
        let [high, ..] = split(random.bits());
        Self(high)
    }
}

fn split(bits: u128) -> [u64; 2] {
    let bytes = bits.to_be_bytes();
    let (high, low) = bytes.split_at(8);
    [high, low].map(|half| u64::from_be_bytes(half.try_into().expect("half of sixteen bytes")))
}

macro_rules! as_number {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

/// Written as hexadecimal digits of fixed length, in JSON as in keys.
macro_rules! as_hex {
    ($($name:ident: $number:ty, $digits:literal;)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $digits, "x}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.len() == $digits && text.bytes().all(|b| b.is_ascii_hexdigit());
                let number = digits.then(|| <$number>::from_str_radix(text, 16).ok()).flatten();
                number.map(Self).ok_or(IdError { digits: $digits })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_number!(ShardId, Offset, Step);
as_hex! {
    Lineage: u128, 32;
    CopyId: u64, 16;
}

/// Why a text is not an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identity has {digits} hexadecimal digits")]
pub struct IdError {
    digits: usize,
}
