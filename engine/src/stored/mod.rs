//! What the stored states of all stages share: a header that names their schema, and Avro's encoding behind it.
//!
//! A stored state is Avro single-object encoding: a marker, the fingerprint of the schema it was written with, the datum.
//! Every released schema keeps its line in a table of its owner's, so that old bytes stay readable. Which schemas those
//! are, and what a state is, is not known here.

mod avro;

pub use avro::Damage;
pub(crate) use avro::{Reader, Writer};

/// Marker and fingerprint, as stored bytes begin with them (Avro specification, single-object encoding).
pub(crate) type Header = [u8; 10];

/// How every header begins.
pub(crate) const MARKER: [u8; 2] = [0xC3, 0x01];

/// How stored bytes begin, and what reads them, for each released schema, the newest first.
pub(crate) type Schemas<S, const N: usize> = [(Header, ReadDatum<S>); N];

type ReadDatum<S> = fn(&mut Reader<'_>) -> Result<S, Damage>;

/// Why stored bytes are not a state.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// They do not begin as single-object encoding does.
    #[error("stored state does not begin with the Avro single-object marker")]
    NotSingleObject,
    /// They were written with a schema we do not know, probably by a newer release.
    #[error(
        "stored state was written with schema {fingerprint:016x}, which this release does not know"
    )]
    UnknownSchema {
        /// CRC-64-AVRO of the writer's schema.
        fingerprint: u64,
    },
    /// They do not follow their schema.
    #[error("stored state does not follow its schema")]
    Damaged(#[source] Damage),
    /// Something follows the state.
    #[error("stored state goes on after its end")]
    TrailingBytes,
}

/// Reads a state, and nothing may follow it.
pub(crate) fn read<S, const N: usize>(
    bytes: &[u8],
    schemas: &Schemas<S, N>,
) -> Result<S, StateError> {
    let (read, mut reader) = open(bytes, schemas)?;
    let state = read(&mut reader).map_err(StateError::Damaged)?;
    if reader.is_at_end() {
        Ok(state)
    } else {
        Err(StateError::TrailingBytes)
    }
}

/// Returns what reads these bytes, at the first field.
pub(crate) fn open<'b, S, const N: usize>(
    bytes: &'b [u8],
    schemas: &Schemas<S, N>,
) -> Result<(ReadDatum<S>, Reader<'b>), StateError> {
    let (header, datum) = bytes
        .split_first_chunk()
        .filter(|(header, _)| header.starts_with(&MARKER))
        .ok_or(StateError::NotSingleObject)?;
    let known = schemas.iter().find(|(known, _)| known == header);
    let (_, read) = known.ok_or_else(|| {
        let [_, _, fingerprint @ ..] = *header;
        StateError::UnknownSchema {
            fingerprint: u64::from_le_bytes(fingerprint),
        }
    })?;
    Ok((*read, Reader::new(datum)))
}
