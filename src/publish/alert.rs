//! An alert as a record: the alert in the value, `CloudEvents` attributes in the headers (binary mode of the Kafka binding).
//!
//! The value is the same in every run over the same input. Whatever may differ between two runs, such as the time of
//! day, stands in the headers only.

use rdkafka::message::{Header, OwnedHeaders};
use waymark_engine::derived::{Alert, Severity};
use waymark_engine::event::Timestamp;

use super::Form;

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

    /// Returns the headers of an alert that is published now, in this form.
    ///
    /// Sources: `CloudEvents` 1.0, Kafka protocol binding; its extensions `recordedtime`, `severity`, `correlation`.
    pub fn headers(&self, alert: &Alert, form: Form, now: Timestamp) -> OwnedHeaders {
        let subject = match (&alert.customer_id, &alert.cohort) {
            (Some(customer), _) => customer.as_str().to_owned(),
            (None, Some(cohort)) => cohort.to_string(),
            (None, None) => String::new(),
        };
        let (text, number) = severity(alert.severity);
        let opened_by = alert.evidence.first().map(|opened| opened.event_hash);
        // Evidence begins with what opened the episode; behind it an older reply may stand behind a newer one.
        let latest = alert.evidence.iter().max_by_key(|it| it.occurred_at); // of equals the last
        let tripped_by = latest.map(|tripped| tripped.event_hash);
        let attributes = [
            ("content-type", Some(form.media_type().to_owned())),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rdkafka::message::Headers as _;
    use waymark_engine::derived::{AlertId, CohortName, Evidence, Status};
    use waymark_engine::event::{CustomerId, EventHash, Kind};

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_772_440_200_000 + millis).expect("a time of this century")
    }

    fn event(number: u8, millis: i64) -> Evidence {
        Evidence {
            kind: Kind::SurveyReplied,
            occurred_at: at(millis),
            event_hash: EventHash([0, 0, 0, 0, 0, 0, 0, number]),
        }
    }

    fn alert(evidence: &[Evidence]) -> Alert {
        Alert {
            alert_id: AlertId([0xab; 16]),
            sequence: 2,
            kind: "application_stalled".into(),
            level: None,
            status: Status::Resolved,
            severity: Severity::Warning,
            customer_id: Some(CustomerId::parse("C-5").expect("a customer id")),
            application_id: None,
            case_id: None,
            cohort: None,
            occurred_at: at(0),
            due: None,
            rule: "stalled".into(),
            definition_version: "1".into(),
            evidence: evidence.to_vec(),
            details: BTreeMap::new(),
        }
    }

    fn told(alert: &Alert) -> Vec<(String, String)> {
        let headers = Origin::new("lending", "customer").headers(alert, Form::Json, at(1_500));
        let text = |value: Option<&[u8]>| String::from_utf8(value.expect("a value").to_vec());
        let told = headers
            .iter()
            .map(|it| (it.key.to_owned(), text(it.value).expect("UTF-8")));
        told.collect()
    }

    fn header(alert: &Alert, name: &str) -> Option<String> {
        let mut told = told(alert).into_iter();
        told.find_map(|(key, value)| (key == name).then_some(value))
    }

    #[test]
    fn an_alert_carries_these_headers_and_no_others() {
        let expected = [
            ("content-type", "application/json"),
            ("ce_specversion", "1.0"),
            ("ce_id", "abababababababababababababababab-2"),
            ("ce_type", "io.waymark.alert.application_stalled"),
            ("ce_source", "/waymark/lending/customer"),
            ("ce_subject", "C-5"),
            ("ce_time", "2026-03-02T08:30:00.000Z"),
            ("ce_recordedtime", "2026-03-02T08:30:01.500Z"),
            ("ce_severitytext", "WARN"),
            ("ce_severitynumber", "13"),
            ("ce_correlationid", "0000000000000001"),
            ("ce_causationid", "0000000000000002"),
        ];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(told(&alert(&[event(1, 0), event(2, 9)])), expected);
    }

    #[test]
    fn the_latest_event_is_the_one_that_brought_the_change() {
        let cause = |evidence: &[Evidence]| header(&alert(evidence), "ce_causationid");
        let hash = |number: u8| Some(format!("{number:016x}"));
        // A promoter who has turned: the reply that opens the episode, then the older one it is held against.
        assert_eq!(cause(&[event(1, 9), event(2, 0)]), hash(1));
        assert_eq!(cause(&[event(1, 0), event(2, 5), event(3, 5)]), hash(3));
        assert_eq!(cause(&[event(1, 0)]), hash(1));
    }

    #[test]
    fn an_alert_about_a_cohort_has_the_cohort_as_subject() {
        let mut alert = alert(&[]);
        alert.customer_id = None;
        alert.cohort = Some(CohortName::new("branch", "harbour"));
        assert_eq!(
            header(&alert, "ce_subject").as_deref(),
            Some("branch=harbour")
        );
    }

    #[test]
    fn what_is_not_known_has_no_header() {
        let mut alert = alert(&[]);
        alert.customer_id = None;
        for name in ["ce_subject", "ce_correlationid", "ce_causationid"] {
            assert_eq!(header(&alert, name), None);
        }
    }

    #[test]
    fn severities_are_those_of_open_telemetry() {
        for (severity, text, number) in [
            (Severity::Info, "INFO", "9"),
            (Severity::Warning, "WARN", "13"),
            (Severity::Critical, "ERROR", "17"),
        ] {
            let mut alert = alert(&[]);
            alert.severity = severity;
            let told = ["ce_severitytext", "ce_severitynumber"].map(|name| header(&alert, name));
            assert_eq!(told, [text, number].map(|it| Some(it.to_owned())));
        }
    }
}
