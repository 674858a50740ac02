//! The AsyncAPI 3.0 document of a deployment: its topics, their keys, headers and schemas.
//!
//! | chapter     | what it holds                                                   |
//! | ----------- | --------------------------------------------------------------- |
//! | `messages`  | what stands on the topics: keys, schemas, examples              |
//! | `headers`   | the headers of records                                          |
//! | `topics`    | which topics there are, how they are set, who writes and reads  |
//! | `json_form` | the JSON Schema of a JSON form, from its Avro schema            |
//!
//! Made from the schemas that ship and from the table that creates the topics, so that it can't say anything else. It is
//! the same at every run.

mod headers;
mod json_form;
mod messages;
mod topics;

use serde_json::{Map, Value, json};

use crate::config::{Config, OutputForm};
use crate::kafka::topics::Shape;

/// Version of Kafka's binding, which names what stands under `bindings`.
const BINDING: &str = "0.5.0";

/// Returns the document of a deployment whose topics have this shape.
pub fn asyncapi(config: &Config, shape: &Shape) -> Value {
    let deployment = &config.deployment;
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": format!("Waymark, deployment {deployment}"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "Customer journeys of business lending: events in; alerts, scores and deltas out. Read outputs with \
                 isolation.level=read_committed. {}",
                forms(config)
            ),
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "servers": servers(config),
        "channels": topics::channels(deployment, shape),
        "operations": topics::operations(deployment),
        "components": {
            "messages": messages::messages(),
            "schemas": messages::schemas(),
        },
    })
}

fn forms(config: &Config) -> &'static str {
    match config.registry.as_ref().map(|registry| registry.outputs) {
        None => "Values are JSON without a schema registry, and Avro with its framing with one.",
        Some(OutputForm::Avro) => {
            "Values are written in Avro, framed with the ids of the registry."
        }
        Some(OutputForm::Json) => "Values are written as JSON.",
    }
}

fn servers(config: &Config) -> Value {
    let property = |name: &str| config.kafka.properties.get(name).map(String::as_str);
    let hosts = property("bootstrap.servers").unwrap_or("localhost:9092");
    let encrypted =
        property("security.protocol").is_some_and(|it| it.to_lowercase().contains("ssl"));
    let protocol = if encrypted { "kafka-secure" } else { "kafka" };
    let servers = (1..).zip(hosts.split(',')).map(|(number, host)| {
        let mut server = json!({ "host": host.trim(), "protocol": protocol });
        if let Some(registry) = &config.registry {
            // Any address of a registry is the registry. The API is Confluent's, whoever made it.
            let binding = json!({
                "schemaRegistryUrl": registry.urls[0],
                "schemaRegistryVendor": "confluent",
                "bindingVersion": BINDING,
            });
            server["bindings"] = json!({ "kafka": binding });
        }
        (format!("broker-{number}"), server)
    });
    servers.collect::<Map<_, _>>().into()
}

fn reference(path: &str) -> Value {
    json!({ "$ref": format!("#/{path}") })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}
