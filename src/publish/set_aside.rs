//! Records set aside: dead letters and late records, with their bytes, key and headers untouched, and why in headers.
//!
//! The headers are those that usual tools know: Kafka Connect's `__connect.errors.*`, Spring's `kafka_dlt-original-topic`,
//! and our own `waymark-reason`. Numbers are text, as Connect writes them.

use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Message, OwnedHeaders};
use waymark_engine::event::Rejection;

/// Returns the headers of a dead letter: those of the record, then why and from where.
pub fn dead_letter_headers(record: &BorrowedMessage<'_>, rejection: &Rejection) -> OwnedHeaders {
    let place = [
        ("__connect.errors.stage", "VALUE_CONVERTER".to_owned()),
        (
            "__connect.errors.exception.class.name",
            rejection.reason.to_string(),
        ),
        (
            "__connect.errors.exception.message",
            rejection.detail.clone(),
        ),
        ("waymark-reason", rejection.reason.to_string()),
    ];
    with(from_where(record), &place)
}

/// Returns the headers of a late record: its own, and from where it came.
pub fn late_headers(record: &BorrowedMessage<'_>) -> OwnedHeaders {
    from_where(record)
}

fn from_where(record: &BorrowedMessage<'_>) -> OwnedHeaders {
    let original = record
        .headers()
        .map_or_else(OwnedHeaders::new, BorrowedHeaders::detach);
    let place = [
        ("__connect.errors.topic", record.topic().to_owned()),
        ("__connect.errors.partition", record.partition().to_string()),
        ("__connect.errors.offset", record.offset().to_string()),
        ("kafka_dlt-original-topic", record.topic().to_owned()),
    ];
    with(original, &place)
}

fn with(headers: OwnedHeaders, more: &[(&str, String)]) -> OwnedHeaders {
    more.iter().fold(headers, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}
