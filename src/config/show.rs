//! All settings in force, each with where it was set; secrets masked.

use serde::Serialize;
use serde_json::Value;

use super::layers::Layers;
use super::properties::is_secret;
use super::raw::RawConfig;

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Which one: `workers.threads`.
    pub path: String,
    /// Its value; nothing if it has none, `***` if it is a secret.
    pub value: Option<String>,
    /// Where it was set.
    pub origin: String,
}

/// Lists the settings in the order of their paths.
pub(super) fn settings(raw: &RawConfig, layers: &Layers) -> Vec<Setting> {
    let tree = serde_json::to_value(raw).expect("texts, numbers and truth values serialise");
    let mut settings = Vec::new();
    list("", &tree, layers, &mut settings);
    settings
}

fn list(path: &str, value: &Value, layers: &Layers, to: &mut Vec<Setting>) {
    let value = match value {
        Value::Object(below) => {
            for (key, value) in below {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                list(&path, value, layers, to);
            }
            return;
        }
        Value::Null => None,
        _ if is_secret(path) => Some("***".to_owned()),
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(
            items
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        other => Some(other.to_string()),
    };
    let origin = match layers.origin(path) {
        super::Origin::Default => "default".to_owned(),
        origin => origin.to_string(),
    };
    to.push(Setting {
        path: path.to_owned(),
        value,
        origin,
    });
}
