//! Identities: texts that were checked once, at the one door that makes them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use super::Text;

/// Why a text is not an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing in it.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// More bytes than we keep.
    #[error("{name} has {bytes} bytes, more than {}", ID_BYTES_MAX)]
    TooLong {
        /// Which identity.
        name: &'static str,
        /// How long it was.
        bytes: usize,
    },
}

/// The longest identity we accept, in bytes. Long enough for two UUIDs with a prefix, short enough to key a store by.
pub(super) const ID_BYTES_MAX: usize = 128;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident, $said:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "Text")]
        pub struct $name(Text);

        impl $name {
            /// Checks a text: not empty, at most 128 bytes.
            ///
            /// # Errors
            /// [`IdError`], naming this identity.
            pub fn parse(raw: impl Into<Text>) -> Result<Self, IdError> {
                let raw = raw.into();
                match raw.len() {
                    0 => Err(IdError::Empty($said)),
                    1..=ID_BYTES_MAX => Ok(Self(raw)),
                    bytes => Err(IdError::TooLong { name: $said, bytes }),
                }
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<Text> for $name {
            type Error = IdError;
            fn try_from(raw: Text) -> Result<Self, IdError> {
                Self::parse(raw)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

identity!(
    /// Business identity of one event.
    EventId, "event_id"
);
identity!(
    /// The company or person who is the customer; the Kafka key.
    CustomerId, "customer_id"
);
identity!(
    /// An application, unique within its customer.
    ApplicationId, "application_id"
);
identity!(
    /// An enquiry, complaint, survey or document round, unique within its customer.
    CaseId, "case_id"
);
identity!(
    /// The feed an event came from.
    FeedName, "source"
);
identity!(
    /// One of the people of a company who answer surveys.
    RespondentId, "respondent"
);

/// The first 64 bits of SHA-256 of an event id: how states, evidence and ordering refer to an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventHash(pub [u8; 8]);

impl EventHash {
    /// Hashes an event id (SHA-256, FIPS 180-4, cut to 64 bits).
    pub fn of(id: &str) -> Self {
        let digest = Sha256::digest(id.as_bytes());
        Self(
            digest[..8]
                .try_into()
                .expect("a SHA-256 digest has 32 bytes"),
        )
    }
}

/// Sixteen hex digits.
impl fmt::Display for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for EventHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl EventHash {
    /// Writes the sixteen hex digits, for the forms that people read.
    ///
    /// # Errors
    /// Whatever the format says.
    pub fn as_hex<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    /// Reads sixteen hex digits; `None` for any other text.
    pub fn from_hex(text: &str) -> Option<Self> {
        let add =
            |bits: u64, digit: &u8| Some(bits << 4 | u64::from(char::from(*digit).to_digit(16)?));
        let bits = (text.len() == 16).then(|| text.as_bytes().iter().try_fold(0, add))??;
        Some(Self(bits.to_be_bytes()))
    }
}

/// Eight bytes, as Avro `fixed`; text forms ask for [`EventHash::as_hex`].
impl Serialize for EventHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = EventHash;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("eight bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<EventHash, E> {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(EventHash(bytes))
            }
        }
        deserializer.deserialize_bytes(Visitor)
    }
}
