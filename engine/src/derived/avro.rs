//! Alerts and scores as Avro, after `schemas/alert.avsc` and `schemas/score.avsc`.
//!
//! What is written is the bare datum; framing is the publisher's part. It says the same as the JSON form, field by field,
//! with times as milliseconds and days as days since 1970. The forms below are the schemas in Rust: a field that is added
//! to an [`Alert`] is added here, or this does not compile.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};
use serde_avro_fast::Schema;
use serde_avro_fast::ser::SerializerConfig;

use super::{Alert, AlertId, CohortName, Evidence, Level, Score, Severity, Status, Verdict};
use crate::event::{
    ApplicationId, CaseId, CustomerId, Day, EventHash, Instrument, Text, Timestamp,
};

/// Returns the schema of alerts, `schemas/alert.avsc`.
pub fn alert_schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> =
        LazyLock::new(|| parse(include_str!("../../../schemas/alert.avsc")));
    &SCHEMA
}

/// Returns the schema of scores, `schemas/score.avsc`.
pub fn score_schema() -> &'static Schema {
    static SCHEMA: LazyLock<Schema> =
        LazyLock::new(|| parse(include_str!("../../../schemas/score.avsc")));
    &SCHEMA
}

fn parse(schema: &str) -> Schema {
    schema
        .parse()
        .expect("our schemas are literals, checked by a test")
}

impl Alert {
    /// Writes the alert as an Avro datum of [`alert_schema`], behind what is there.
    pub fn encode_avro(&self, to: &mut Vec<u8>) {
        datum(&AlertForm::of(self), alert_schema(), to);
    }
}

impl Score {
    /// Writes the score as an Avro datum of [`score_schema`], behind what is there.
    pub fn encode_avro(&self, to: &mut Vec<u8>) {
        datum(&ScoreForm::of(self), score_schema(), to);
    }
}

fn datum(form: &impl Serialize, schema: &Schema, to: &mut Vec<u8>) {
    serde_avro_fast::to_datum(form, to, &mut SerializerConfig::new(schema))
        .expect("the form is the schema in Rust, checked by a test, and memory does not fail");
}

#[derive(Serialize)]
struct AlertForm<'a> {
    alert_id: AlertId,
    sequence: u32,
    kind: &'a str,
    level: Option<Level>,
    status: Status,
    severity: Severity,
    customer_id: Option<&'a CustomerId>,
    application_id: Option<&'a ApplicationId>,
    case_id: Option<&'a CaseId>,
    cohort: Option<&'a CohortName>,
    occurred_at: i64,
    due: Option<i64>,
    rule: &'a str,
    definition_version: &'a str,
    #[serde(serialize_with = "evidence")]
    evidence: &'a [Evidence],
    details: &'a BTreeMap<Text, Text>,
}

#[derive(Serialize)]
struct EvidenceForm {
    r#type: &'static str,
    occurred_at: i64,
    #[serde(serialize_with = "EventHash::as_hex")]
    event_hash: EventHash,
}

#[derive(Serialize)]
struct ScoreForm<'a> {
    cohort: &'a CohortName,
    instrument: Instrument,
    touchpoint: &'a str,
    score_dimension: &'a str,
    from: i32,
    to: i32,
    replies: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    nps: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    verdict: Verdict,
    definition_version: &'a str,
}

impl<'a> AlertForm<'a> {
    fn of(alert: &'a Alert) -> Self {
        let Alert {
            alert_id,
            sequence,
            kind,
            level,
            status,
            severity,
            customer_id,
            application_id,
            case_id,
            cohort,
            occurred_at,
            due,
            rule,
            definition_version,
            evidence,
            details,
        } = alert;
        Self {
            alert_id: *alert_id,
            sequence: *sequence,
            kind,
            level: *level,
            status: *status,
            severity: *severity,
            customer_id: customer_id.as_ref(),
            application_id: application_id.as_ref(),
            case_id: case_id.as_ref(),
            cohort: cohort.as_ref(),
            occurred_at: occurred_at.as_millis(),
            due: due.map(Timestamp::as_millis),
            rule,
            definition_version,
            evidence,
            details,
        }
    }
}

fn evidence<S: Serializer>(evidence: &[Evidence], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(evidence.iter().map(EvidenceForm::of))
}

impl EvidenceForm {
    fn of(evidence: &Evidence) -> Self {
        let Evidence {
            kind,
            occurred_at,
            event_hash,
        } = evidence;
        Self {
            r#type: kind.name(),
            occurred_at: occurred_at.as_millis(),
            event_hash: *event_hash,
        }
    }
}

impl<'a> ScoreForm<'a> {
    fn of(score: &'a Score) -> Self {
        let Score {
            cohort,
            series,
            from: Day(from),
            to: Day(to),
            replies,
            promoters,
            passives,
            detractors,
            nps,
            low,
            high,
            verdict,
            definition_version,
        } = score;
        Self {
            cohort,
            instrument: series.instrument,
            touchpoint: &series.touchpoint,
            score_dimension: &series.score_dimension,
            from: *from,
            to: *to,
            replies: *replies,
            promoters: *promoters,
            passives: *passives,
            detractors: *detractors,
            nps: *nps,
            low: *low,
            high: *high,
            verdict: *verdict,
            definition_version,
        }
    }
}
