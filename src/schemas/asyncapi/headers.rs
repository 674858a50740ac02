//! The headers of records, as `publish` writes them and `docs/subscribe.md` explains them; a test compares the names.

use serde_json::{Map, Value, json};

use super::text;

/// Headers are texts, and there may be more.
fn headers(names: &[(&str, &str)], always: &[&str]) -> Value {
    let names = names
        .iter()
        .map(|(name, what)| ((*name).to_owned(), text(what)));
    json!({ "type": "object", "properties": names.collect::<Map<_, _>>(), "required": always })
}

/// W3C Trace Context, last hop and beginning.
const TRACES: [(&str, &str); 3] = [
    (
        "traceparent",
        "The span that has sent the record (W3C Trace Context).",
    ),
    (
        "tracestate",
        "What its tracing systems add, up to 512 bytes.",
    ),
    (
        "ce_traceparent",
        "The span that all began with, where a record has brought this one.",
    ),
];

/// What is read from events besides their values.
pub(super) fn event_headers() -> Value {
    headers(&TRACES, &[])
}

/// What goes on between the stages.
pub(super) fn delta_headers() -> Value {
    headers(&TRACES[..2], &[])
}

/// Attributes of `CloudEvents` in binary mode.
pub(super) fn alert_headers(content_type: &str) -> Value {
    let content = format!("{content_type}.");
    let attributes = [
        ("content-type", &*content),
        ("ce_specversion", "1.0."),
        ("ce_id", "<alert_id>-<sequence>: the key of idempotence."),
        ("ce_type", "io.waymark.alert.<kind>."),
        ("ce_source", "/waymark/<deployment>/<stage>."),
        ("ce_subject", "The customer, or the cohort."),
        ("ce_time", "occurred_at."),
        ("ce_recordedtime", "When it was written, by the wall clock."),
        (
            "ce_severitytext",
            "INFO, WARN or ERROR, as OpenTelemetry says.",
        ),
        ("ce_severitynumber", "9, 13 or 17, as OpenTelemetry counts."),
        (
            "ce_correlationid",
            "Hash of the event that opened the episode.",
        ),
        ("ce_causationid", "Hash of the latest event behind it."),
    ];
    let always = [
        "content-type",
        "ce_specversion",
        "ce_id",
        "ce_type",
        "ce_source",
        "ce_time",
    ];
    headers(&[&attributes[..], &TRACES].concat(), &always)
}

const PLACE: [(&str, &str); 4] = [
    ("__connect.errors.topic", "The topic it stood on."),
    ("__connect.errors.partition", "Its partition."),
    ("__connect.errors.offset", "Its offset."),
    (
        "kafka_dlt-original-topic",
        "The topic, for consoles that look there.",
    ),
];

pub(super) fn late_headers() -> Value {
    headers(&PLACE, &PLACE.map(|(name, _)| name))
}

pub(super) fn dead_letter_headers() -> Value {
    let why = [
        ("__connect.errors.stage", "VALUE_CONVERTER."),
        ("__connect.errors.exception.class.name", "The reason."),
        (
            "__connect.errors.exception.message",
            "The reason, in a sentence.",
        ),
        (
            "waymark-reason",
            "The reason: unreadable, invalid, too_large, and so on.",
        ),
    ];
    let all = [PLACE, why].concat();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    headers(&all, &names)
}
