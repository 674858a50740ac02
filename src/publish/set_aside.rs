//! Records set aside: dead letters and late records, with their bytes, key and headers untouched, and why in headers.
//!
//! The headers are those that usual tools know: Kafka Connect's `__connect.errors.*`, Spring's `kafka_dlt-original-topic`,
//! and our own `waymark-reason`. Numbers are text, as Connect writes them. What is too large for the topic is left out, and
//! can be read where the record has stood.

use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Message, OwnedHeaders};
use waymark_engine::event::Rejection;

use crate::kafka::headers_bytes;

/// What is published of a record that is set aside.
#[derive(Debug)]
pub struct SetAside<'r> {
    /// Its key.
    pub key: Option<&'r [u8]>,
    /// Its bytes.
    pub value: Option<&'r [u8]>,
    /// Its headers, then why and from where.
    pub headers: OwnedHeaders,
}

/// Name and value of a header of ours.
type Added = (&'static str, String);

/// Bytes of a record beside its parts, those of a batch of its own included, and of a header beside name and value: at most.
const RECORD_OVERHEAD: usize = 128;
const HEADER_OVERHEAD: usize = 10;

/// What a reason may say. Only those of crashes are longer.
const DETAIL_BYTES_MAX: usize = 1_024;

/// Returns a dead letter: as much of the record as a topic takes, why and from where.
pub fn dead_letter<'r>(
    record: &'r BorrowedMessage<'_>,
    rejection: &Rejection,
    bytes_max: usize,
) -> SetAside<'r> {
    let reason = rejection.reason.to_string();
    let detail = &rejection.detail;
    let detail = detail[..detail.floor_char_boundary(DETAIL_BYTES_MAX)].to_owned();
    let why = [
        ("__connect.errors.stage", "VALUE_CONVERTER".to_owned()),
        ("__connect.errors.exception.class.name", reason.clone()),
        ("__connect.errors.exception.message", detail),
        ("waymark-reason", reason),
    ];
    let added: Vec<_> = from_where(record).into_iter().chain(why).collect();
    set_aside(record, &added, bytes_max)
}

/// Returns a late record: as much of it as a topic takes, and from where it came.
pub fn late<'r>(record: &'r BorrowedMessage<'_>, bytes_max: usize) -> SetAside<'r> {
    set_aside(record, &from_where(record), bytes_max)
}

fn from_where(record: &BorrowedMessage<'_>) -> [Added; 4] {
    [
        ("__connect.errors.topic", record.topic().to_owned()),
        ("__connect.errors.partition", record.partition().to_string()),
        ("__connect.errors.offset", record.offset().to_string()),
        ("kafka_dlt-original-topic", record.topic().to_owned()),
    ]
}

fn set_aside<'r>(
    record: &'r BorrowedMessage<'_>,
    added: &[Added],
    bytes_max: usize,
) -> SetAside<'r> {
    let added_bytes = |(name, value): &Added| HEADER_OVERHEAD + name.len() + value.len();
    let kept = Kept::of(&Parts {
        added: added.iter().map(added_bytes).sum(),
        key: record.key_len(),
        // Where it can't be told, whoever publishes learns it from the broker.
        headers: headers_bytes(record, HEADER_OVERHEAD).unwrap_or(0),
        value: record.payload_len(),
        bytes_max,
    });
    let headers = record.headers().filter(|_| kept >= Kept::KeyAndHeaders);
    let headers = headers.map_or_else(OwnedHeaders::new, BorrowedHeaders::detach);
    SetAside {
        key: record.key().filter(|_| kept >= Kept::Key),
        value: record.payload().filter(|_| kept >= Kept::Whole),
        headers: added.iter().fold(headers, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        }),
    }
}

/// How large the parts of a record are, and how large it may be with what is added to it: in bytes.
struct Parts {
    added: usize,
    key: usize,
    headers: usize,
    value: usize,
    bytes_max: usize,
}

/// How much of a record stays. Where it came from always does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    Nothing,
    Key,
    KeyAndHeaders,
    Whole,
}

impl Kept {
    /// Leaves out the value first, then the headers, then the key, until the rest fits.
    fn of(parts: &Parts) -> Self {
        let fits = |kept: &[usize]| {
            let kept: usize = kept.iter().sum();
            RECORD_OVERHEAD + parts.added + kept <= parts.bytes_max
        };
        if fits(&[parts.key, parts.headers, parts.value]) {
            Self::Whole
        } else if fits(&[parts.key, parts.headers]) {
            Self::KeyAndHeaders
        } else if fits(&[parts.key]) {
            Self::Key
        } else {
            Self::Nothing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stays of a record with these parts where 1,000 bytes fit beside what is added to it.
    fn kept(key: usize, headers: usize, value: usize) -> Kept {
        Kept::of(&Parts {
            added: 500,
            key,
            headers,
            value,
            bytes_max: RECORD_OVERHEAD + 500 + 1_000,
        })
    }

    #[test]
    fn a_record_that_fits_to_the_last_byte_stays_whole() {
        assert_eq!(kept(10, 90, 900), Kept::Whole);
        assert_eq!(kept(10, 90, 901), Kept::KeyAndHeaders);
    }

    #[test]
    fn the_value_goes_first_then_the_headers_then_the_key() {
        assert_eq!(kept(10, 990, 1), Kept::KeyAndHeaders);
        assert_eq!(kept(10, 991, 1), Kept::Key);
        assert_eq!(kept(1_000, 1, 0), Kept::Key);
        assert_eq!(kept(1_001, 0, 0), Kept::Nothing);
    }

    #[test]
    fn where_nothing_fits_only_its_place_stays() {
        let parts = Parts {
            added: 500,
            key: 0,
            headers: 0,
            value: 0,
            bytes_max: 0,
        };
        assert_eq!(Kept::of(&parts), Kept::Nothing);
    }
}
