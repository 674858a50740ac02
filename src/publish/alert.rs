//! An alert as a record: JSON in the value, `CloudEvents` attributes in the headers (binary mode of the Kafka binding).
//!
//! The value is the same in every run over the same input. Whatever may differ between two runs, such as the time of
//! day, stands in the headers only.

use rdkafka::message::{Header, OwnedHeaders};
use waymark_engine::derived::{Alert, Severity};
use waymark_engine::event::Timestamp;

/// What the headers of all alerts of a run have in common.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `ce_source`: who speaks, such as `/waymark/lending/customer`.
    source: String,
}

impl Origin {
    /// The stage of a deployment that speaks.
    pub fn new(deployment: &str, stage: &str) -> Self {
        Self {
            source: format!("/waymark/{deployment}/{stage}"),
        }
    }

    /// Returns the headers of an alert that is published now.
    ///
    /// Sources: `CloudEvents` 1.0, Kafka protocol binding; its extensions `recordedtime`, `severity`, `correlation`.
    pub fn headers(&self, alert: &Alert, now: Timestamp) -> OwnedHeaders {
        let subject = match (&alert.customer_id, &alert.cohort) {
            (Some(customer), _) => customer.as_str().to_owned(),
            (None, Some(cohort)) => cohort.to_string(),
            (None, None) => String::new(),
        };
        let (text, number) = severity(alert.severity);
        let opened_by = alert.evidence.first().map(|opened| opened.event_hash);
        let tripped_by = alert.evidence.last().map(|tripped| tripped.event_hash);
        let attributes = [
            ("content-type", Some("application/json".to_owned())),
            ("ce_specversion", Some("1.0".to_owned())),
            (
                "ce_id",
                Some(format!("{}-{}", alert.alert_id, alert.sequence)),
            ),
            ("ce_type", Some(format!("io.waymark.alert.{}", alert.kind))),
            ("ce_source", Some(self.source.clone())),
            ("ce_subject", Some(subject)),
            ("ce_time", Some(alert.occurred_at.to_string())),
            ("ce_recordedtime", Some(now.to_string())),
            ("ce_severitytext", Some(text.to_owned())),
            ("ce_severitynumber", Some(number.to_owned())),
            ("ce_correlationid", opened_by.map(|hash| hash.to_string())),
            ("ce_causationid", tripped_by.map(|hash| hash.to_string())),
        ];
        attributes
            .iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
            .filter(|(_, value)| !value.is_empty())
            .fold(
                OwnedHeaders::new_with_capacity(12),
                |headers, (key, value)| {
                    headers.insert(Header {
                        key,
                        value: Some(value),
                    })
                },
            )
    }
}

/// Names and numbers of OpenTelemetry's log data model.
fn severity(of: Severity) -> (&'static str, &'static str) {
    match of {
        Severity::Info => ("INFO", "9"),
        Severity::Warning => ("WARN", "13"),
        Severity::Critical => ("ERROR", "17"),
    }
}
