//! What stands on the topics: keys, schemas, examples, and which headers.

use serde_json::{Map, Value, json};
use waymark_engine::event::Kind;

use super::headers::{
    alert_headers, dead_letter_headers, delta_headers, event_headers, late_headers,
};
use super::json_form::{Dialect, json_forms};
use super::{BINDING, reference, text};
use crate::schemas::SHIPPED;

const JSON: &str = "application/json";
const AVRO: &str = "application/avro";
const AVRO_FORMAT: &str = "application/vnd.apache.avro+json;version=1.9.0";

/// One message of the document; its schema has the same name.
struct Message {
    name: &'static str,
    title: &'static str,
    content_type: Option<&'static str>,
    key: Value,
    headers: Option<Value>,
    example: Option<&'static str>,
    /// Whether the value begins with the id of its schema in a registry.
    registered: bool,
}

/// Returns the messages, by name.
pub(super) fn messages() -> Value {
    let messages = all().into_iter().map(|message| {
        let name = message.name;
        (name.to_owned(), message.describe())
    });
    messages.collect::<Map<_, _>>().into()
}

/// Returns the schemas of their values, by the same names.
pub(super) fn schemas() -> Value {
    let mut schemas = Map::new();
    let [event] = json("interaction_event", EVENTS);
    let [alert] = json("alert", OUTPUTS);
    let [score] = json("score", OUTPUTS);
    let [delta, clock] = json("delta", OUTPUTS);
    for (name, schema) in [
        ("event", event),
        ("alert", alert),
        ("score", score),
        ("delta", delta),
        ("clock", clock),
        ("eventAvro", avro("interaction_event")),
        ("alertAvro", avro("alert")),
        ("scoreAvro", avro("score")),
        ("deltaAvro", avro("delta")),
        ("journeyChange", avro("journey")),
        ("cohortChange", avro("cohort")),
        (
            "progress",
            json!({ "type": "object", "description": PROGRESS }),
        ),
        (
            "deadLetter",
            json!({ "description": "The value of the record, byte by byte; none if it was too large." }),
        ),
        (
            "late",
            json!({ "description": "The value of the record, byte by byte." }),
        ),
    ] {
        schemas.insert(name.to_owned(), schema);
    }
    schemas.into()
}

const PROGRESS: &str = "Which step this was, where the source is read on, where stream time stands, the numbers of \
    channels, the books. Internal: see docs/delivery.md.";

/// Outputs write times as texts, and tell deltas from clock records in lower case.
const OUTPUTS: Dialect = Dialect {
    tag: |record| record.to_lowercase(),
    time: || json!({ "type": "string", "format": "date-time" }),
};

/// Producers may write times as milliseconds too, and name kinds as definitions do.
const EVENTS: Dialect = Dialect {
    tag: |record| {
        let kind = Kind::ALL.iter().find(|kind| format!("{kind:?}") == record);
        kind.expect("each record of the union is a kind, checked by a test of the engine")
            .name()
            .to_owned()
    },
    time: || json!({ "type": ["string", "integer"], "format": "date-time" }),
};

fn shipped(name: &str) -> Value {
    let schema = SHIPPED.iter().find(|schema| schema.name == name);
    let schema = schema.expect("the names here are those of files");
    serde_json::from_str(schema.text).expect("our schemas are literals, checked by a test")
}

fn json<const N: usize>(name: &str, dialect: Dialect) -> [Value; N] {
    let forms = json_forms(&shipped(name), dialect);
    forms
        .try_into()
        .expect("a union has as many branches as its file says")
}

fn avro(name: &str) -> Value {
    json!({ "schemaFormat": AVRO_FORMAT, "schema": shipped(name) })
}

impl Message {
    fn describe(self) -> Value {
        let mut binding = json!({ "key": self.key, "bindingVersion": BINDING });
        if self.registered {
            binding["schemaIdLocation"] = json!("payload");
            binding["schemaIdPayloadEncoding"] = json!("confluent");
            binding["schemaLookupStrategy"] = json!("TopicNameStrategy");
        }
        let mut described = json!({
            "name": self.name,
            "title": self.title,
            "payload": reference(&format!("components/schemas/{}", self.name)),
            "bindings": { "kafka": binding },
        });
        if let Some(content_type) = self.content_type {
            described["contentType"] = json!(content_type);
        }
        if let Some(headers) = self.headers {
            described["headers"] = headers;
        }
        if let Some(example) = self.example {
            let example: Value =
                serde_json::from_str(example).expect("examples are literals, checked by a test");
            described["examples"] = json!([{ "payload": example }]);
        }
        described
    }
}

macro_rules! example {
    ($file:literal) => {
        Some(include_str!(concat!(
            "../../../schemas/examples/",
            $file,
            ".json"
        )))
    };
}

fn all() -> Vec<Message> {
    let of_topics = [
        events(),
        alerts(),
        scores(),
        deltas(),
        set_aside(),
        changelogs(),
    ];
    of_topics.into_iter().flatten().collect()
}

fn events() -> Vec<Message> {
    let customer = text("The customer, placed with murmur2; the feed for a heartbeat.");
    vec![
        Message {
            headers: Some(event_headers()),
            example: example!("events/application.submitted"),
            ..json_message("event", "A fact about a customer", &customer)
        },
        Message {
            headers: Some(event_headers()),
            ..avro_message(
                "eventAvro",
                "A fact about a customer, with the framing of a registry or as a single object",
                &customer,
            )
        },
    ]
}

fn alerts() -> Vec<Message> {
    let id =
        json!({ "type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The alert_id." });
    vec![
        Message {
            headers: Some(alert_headers(JSON)),
            example: example!("alert"),
            ..json_message("alert", "A transition of an alert", &id)
        },
        Message {
            headers: Some(alert_headers(AVRO)),
            ..avro_message(
                "alertAvro",
                "A transition of an alert, with a registry",
                &id,
            )
        },
    ]
}

fn scores() -> Vec<Message> {
    let window = text(
        "A JSON array of texts: dimension, value, instrument, touchpoint, score dimension, last day.",
    );
    vec![
        Message {
            example: example!("score"),
            ..json_message("score", "The score of a cohort", &window)
        },
        avro_message(
            "scoreAvro",
            "The score of a cohort, with a registry",
            &window,
        ),
    ]
}

fn deltas() -> Vec<Message> {
    let cohort = text("The cohort of a delta, such as branch=17.");
    let shard = text("The shard, such as clock=3.");
    let either =
        text("The cohort of a delta, such as branch=17, or the shard of a clock, such as clock=3.");
    vec![
        Message {
            headers: Some(delta_headers()),
            example: example!("delta"),
            ..json_message("delta", "A survey reply as one cohort counts it", &cohort)
        },
        Message {
            headers: Some(delta_headers()),
            example: example!("clock"),
            ..json_message("clock", "How far a shard is", &shard)
        },
        Message {
            headers: Some(delta_headers()),
            ..avro_message(
                "deltaAvro",
                "A delta or a clock record, with a registry",
                &either,
            )
        },
    ]
}

fn set_aside() -> Vec<Message> {
    let key = text("The key of the record, as it was.");
    let message = |name, title, headers| Message {
        content_type: None,
        headers: Some(headers),
        ..json_message(name, title, &key)
    };
    vec![
        message(
            "deadLetter",
            "A record that makes no sense",
            dead_letter_headers(),
        ),
        message("late", "An event that came too late", late_headers()),
    ]
}

fn changelogs() -> Vec<Message> {
    let state = |name, title, key| Message {
        registered: false,
        ..avro_message(name, title, &text(key))
    };
    vec![
        state(
            "journeyChange",
            "The state of a customer, as a single object",
            "The byte 1, then the customer.",
        ),
        state(
            "cohortChange",
            "The state of a cohort, as a single object",
            "The byte 1, then the cohort.",
        ),
        json_message("progress", "Where a shard stands", &text("The byte 0.")),
    ]
}

fn json_message(name: &'static str, title: &'static str, key: &Value) -> Message {
    Message {
        name,
        title,
        content_type: Some(JSON),
        key: key.clone(),
        headers: None,
        example: None,
        registered: false,
    }
}

fn avro_message(name: &'static str, title: &'static str, key: &Value) -> Message {
    Message {
        content_type: Some(AVRO),
        registered: true,
        ..json_message(name, title, key)
    }
}
