//! How alerts, scores and deltas are written: as JSON, or in Avro and framed for a registry.
//!
//! ```text
//! JSON:   {"alert_id":"2983…","sequence":1,…}
//! framed: 00 | number of the schema in the registry, 4 bytes, big endian | Avro datum
//! ```
//!
//! Both say the same, field by field. The numbers are learnt once, before anything is published; whoever reads tells the
//! forms apart by the first byte, so a deployment may change from one to the other with old records still there.

use serde::Serialize;
use serde_avro_fast::Schema;
use waymark_engine::derived::{Alert, Score, alert_schema, score_schema};

use crate::config::Deployment;
use crate::protocol::{Told, delta_schema};
use crate::registry::{RegistryError, SchemaRegistry, begin_frame, value_subject};

/// How the values of a topic are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One JSON object.
    Json,
    /// Avro, framed with this number of the schema.
    Framed(u32),
}

/// How the values of all outputs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forms {
    /// Those of `alerts`.
    pub alerts: Form,
    /// Those of `deltas`.
    pub deltas: Form,
    /// Those of `scores`.
    pub scores: Form,
}

/// What is published and has a schema.
pub trait Written: Serialize {
    /// Returns the schema of its Avro form.
    fn schema() -> &'static Schema;

    /// Writes its Avro datum behind what is there.
    fn encode_avro(&self, to: &mut Vec<u8>);
}

impl Form {
    /// Writes a value in place of what is there.
    pub fn write(self, what: &impl Written, to: &mut Vec<u8>) {
        to.clear();
        match self {
            Form::Json => {
                serde_json::to_writer(to, what).expect("what is published always serialises");
            }
            Form::Framed(schema) => {
                begin_frame(schema, to);
                what.encode_avro(to);
            }
        }
    }

    /// Returns the media type of such values.
    pub fn media_type(self) -> &'static str {
        match self {
            Form::Json => "application/json",
            Form::Framed(_) => "application/avro",
        }
    }
}

impl Forms {
    /// Everything as JSON.
    pub const JSON: Self = Self {
        alerts: Form::Json,
        deltas: Form::Json,
        scores: Form::Json,
    };

    /// Everything framed, with the numbers that a registry gives to our schemas.
    ///
    /// # Errors
    /// As [`SchemaRegistry::register`].
    pub fn register(at: &SchemaRegistry, deployment: &Deployment) -> Result<Self, RegistryError> {
        let form = |(subject, schema): (String, &Schema)| {
            at.register(&subject, schema.json()).map(Form::Framed)
        };
        let [alerts, deltas, scores] = subjects(deployment);
        Ok(Self {
            alerts: form(alerts)?,
            deltas: form(deltas)?,
            scores: form(scores)?,
        })
    }
}

/// Returns the subjects of what a deployment publishes, and their schemas: alerts, deltas, scores.
pub fn subjects(deployment: &Deployment) -> [(String, &'static Schema); 3] {
    let subject = |topic: String, schema| (value_subject(&topic), schema);
    [
        subject(deployment.alerts(), alert_schema()),
        subject(deployment.deltas(), delta_schema()),
        subject(deployment.scores(), score_schema()),
    ]
}

impl Written for Alert {
    fn schema() -> &'static Schema {
        alert_schema()
    }

    fn encode_avro(&self, to: &mut Vec<u8>) {
        self.encode_avro(to);
    }
}

impl Written for Score {
    fn schema() -> &'static Schema {
        score_schema()
    }

    fn encode_avro(&self, to: &mut Vec<u8>) {
        self.encode_avro(to);
    }
}

impl Written for Told<'_> {
    fn schema() -> &'static Schema {
        delta_schema()
    }

    fn encode_avro(&self, to: &mut Vec<u8>) {
        self.encode_avro(to);
    }
}

#[cfg(test)]
mod tests {
    use waymark_engine::event::Timestamp;

    use super::*;
    use crate::protocol::{Offset, ShardId, What};
    use crate::registry::{Framing, SchemaId};

    fn told() -> Told<'static> {
        Told {
            upstream_shard: ShardId(3),
            number: 17,
            what: What::Clock {
                position: Offset(5),
                stream_time: Timestamp::parse("2026-03-02T09:30:00Z").expect("a time"),
                tick: true,
            },
        }
    }

    #[test]
    fn a_value_takes_the_place_of_the_one_before_and_says_the_same_in_both_forms() {
        let mut value = b"the one before".to_vec();
        Form::Framed(7).write(&told(), &mut value);
        let framing = Framing::of(None, &value).expect("a frame").expect("whole");
        assert_eq!(framing.schema, SchemaId::Number(7));
        assert_eq!(Told::decode_avro(framing.datum, delta_schema()), Ok(told()));
        Form::Json.write(&told(), &mut value);
        assert_eq!(Told::decode(&value), Ok(told()));
    }
}
