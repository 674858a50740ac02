//! What was published, as people read it: in the words of the JSON form, whichever form it has.
//!
//! For the few records that somebody looks at. Avro is read with the schema of whoever wrote it, so that what an earlier or
//! a later release has said is shown too.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use jiff::tz::TimeZone;
use rdkafka::Message;
use serde_json::{Value, json};
use waymark_engine::event::{Day, Reason, Rejection, Timestamp};

use super::stage::{Opened, Schemas};
use crate::registry::RegistryError;

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Returns what a record says, or why it can't be read.
///
/// # Errors
/// [`RegistryError`] if its schema is not known here and can't be asked for now.
pub(super) fn readable(
    record: &impl Message,
    schemas: &Schemas,
) -> Result<Result<Value, Rejection>, RegistryError> {
    let broken = |detail| Rejection::new(Reason::Unreadable, detail);
    Ok(schemas.open(record)?.and_then(|opened| match opened {
        Opened::Bare(value) => {
            serde_json::from_slice(value).map_err(|error| broken(error.to_string()))
        }
        Opened::Datum(datum, schema) => said(datum, schema.json())
            .ok_or_else(|| broken("the value is not what its schema says".to_owned())),
        Opened::Sealed(rejection) => Err(rejection),
    }))
}

fn said(mut datum: &[u8], schema: &str) -> Option<Value> {
    let schema = apache_avro::Schema::parse_str(schema).ok()?;
    let reader = GenericDatumReader::builder(&schema).build().ok()?;
    match (&schema, reader.read_value(&mut datum).ok()?) {
        // JSON names the branch of the outermost union in a field.
        (apache_avro::Schema::Union(union), Avro::Union(branch, record)) => {
            let branch = union.variants().get(branch as usize)?.name()?;
            let mut record = in_words(*record);
            record["type"] = json!(branch.name().to_lowercase());
            Some(record)
        }
        (_, value) => Some(in_words(value)),
    }
}

fn in_words(value: Avro) -> Value {
    match value {
        Avro::Boolean(value) => json!(value),
        Avro::Int(number) => json!(number),
        Avro::Long(number) => json!(number),
        Avro::Float(number) => json!(number),
        Avro::Double(number) => json!(number),
        Avro::String(text) | Avro::Enum(_, text) => json!(text),
        Avro::TimestampMillis(millis) => json!(Timestamp::from_millis(millis).ok()),
        Avro::Date(day) => {
            let begin = Timestamp::from_millis(i64::from(day) * DAY);
            json!(begin.ok().map(|begin| Day::of(begin, &TimeZone::UTC)))
        }
        Avro::Union(_, value) => in_words(*value),
        Avro::Array(items) => items.into_iter().map(in_words).collect(),
        Avro::Map(entries) => entries.into_iter().map(|(k, v)| (k, in_words(v))).collect(),
        Avro::Record(fields) => fields.into_iter().map(|(k, v)| (k, in_words(v))).collect(),
        // Of no other type are ours; a later release's would not be shown.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::message::OwnedMessage;
    use waymark_engine::derived::{
        Alert, AlertId, Evidence, Level, Severity, Status, alert_schema,
    };
    use waymark_engine::event::{CustomerId, EventHash, Kind};

    use super::*;
    use crate::protocol::{Offset, ShardId, Told, What, delta_schema};

    #[test]
    fn what_is_no_alert_tells_why_it_cannot_be_read() {
        let refusal = |value: &[u8]| {
            let at = rdkafka::Timestamp::NotAvailable;
            let topic = "alerts".to_owned();
            let record = OwnedMessage::new(Some(value.to_vec()), None, topic, at, 0, 0, None);
            let said = readable(&record, &Schemas::default()).expect("nobody is asked");
            said.expect_err("no alert").to_string()
        };
        let broken = refusal(b"{\"rule\":");
        assert!(broken.starts_with("unreadable: EOF"), "{broken}");
        let framed = refusal(&[0, 0, 0, 0, 7, 1]);
        assert!(framed.ends_with("and none is configured"), "{framed}");
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).expect("a time")
    }

    #[test]
    fn an_alert_in_avro_reads_as_it_does_in_json() {
        let alert = Alert {
            alert_id: AlertId([7; 16]),
            sequence: 2,
            kind: "application_stalled".into(),
            level: Some(Level::AtRisk),
            status: Status::Updated,
            severity: Severity::Warning,
            customer_id: Some(CustomerId::parse("C-1").expect("a customer id")),
            application_id: None,
            case_id: None,
            cohort: None,
            occurred_at: at("2026-03-12T09:30:00.250Z"),
            due: None,
            rule: "stalled".into(),
            definition_version: "1".into(),
            evidence: vec![Evidence {
                kind: Kind::StageEntered,
                occurred_at: at("2026-03-02T09:30:00Z"),
                event_hash: EventHash::of("e-1"),
            }],
            details: [("stage".into(), "credit_review".into())].into(),
        };
        let mut datum = Vec::new();
        alert.encode_avro(&mut datum);
        assert_eq!(said(&datum, alert_schema().json()), Some(json!(alert)));
    }

    #[test]
    fn what_is_told_names_its_sort_as_in_json() {
        let told = Told {
            upstream_shard: ShardId(3),
            number: 17,
            what: What::Clock {
                position: Offset(5),
                stream_time: at("2026-03-02T09:30:00Z"),
                tick: true,
            },
        };
        let mut datum = Vec::new();
        told.encode_avro(&mut datum);
        assert_eq!(said(&datum, delta_schema().json()), Some(json!(told)));
    }

    #[test]
    fn days_are_dates_and_what_no_calendar_has_is_nothing() {
        let schema = r#"{"type":"int","logicalType":"date"}"#;
        assert_eq!(said(&[2], schema), Some(json!("1970-01-02")));
        let far = [0xFE, 0xFF, 0xFF, 0xFF, 0x0F];
        assert_eq!(said(&far, schema), Some(Value::Null));
        assert_eq!(said(&[], schema), None);
    }
}
