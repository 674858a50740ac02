//! The JSON Schema of a JSON form, made from its Avro schema: the two forms have the same fields, and so the same docs.
//!
//! Times and days are texts, a record of a union is told by a field `type`, and a field with a default may be missing, as
//! a later release may drop it. Names of types are resolved; no schema of ours contains itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// What an Avro schema leaves open about the JSON form.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// What the field `type` says, by the name of the record.
    pub(super) tag: fn(&str) -> String,
    /// What a time may look like: a text with a zone, or also milliseconds.
    pub(super) time: fn() -> Value,
}

/// Returns the JSON Schema of each branch if `avro` is a union, else that of the whole.
pub(super) fn json_forms(avro: &Value, dialect: Dialect) -> Vec<Value> {
    let mut form = Form {
        dialect,
        named: BTreeMap::new(),
    };
    match avro {
        Value::Array(branches) => branches.iter().map(|it| form.tagged(it)).collect(),
        whole => vec![form.of(whole)],
    }
}

struct Form {
    dialect: Dialect,
    /// Enums and records that have been met, by their names.
    named: BTreeMap<String, Value>,
}

impl Form {
    fn of(&mut self, avro: &Value) -> Value {
        match avro {
            Value::String(name) => self.named_or_simple(name),
            Value::Array(branches) => self.union(branches),
            complex => self.complex(complex),
        }
    }

    fn named_or_simple(&self, name: &str) -> Value {
        let simple = match name {
            "int" | "long" => "integer",
            "float" | "double" => "number",
            "bytes" => "string",
            other => other,
        };
        let named = self.named.get(name).cloned();
        named.unwrap_or_else(|| json!({ "type": simple }))
    }

    fn complex(&mut self, avro: &Value) -> Value {
        match (text(avro, "logicalType"), text(avro, "type")) {
            ("timestamp-millis", _) => (self.dialect.time)(),
            ("date", _) => json!({ "type": "string", "format": "date" }),
            (_, "record") => self.record(avro),
            (_, "enum") => {
                let symbols = json!({ "type": "string", "enum": avro["symbols"] });
                self.name(avro, described(symbols, avro))
            }
            (_, "array") => json!({ "type": "array", "items": self.of(&avro["items"]) }),
            (_, "map") => {
                json!({ "type": "object", "additionalProperties": self.of(&avro["values"]) })
            }
            _ => self.of(&avro["type"]),
        }
    }

    fn record(&mut self, avro: &Value) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in avro["fields"].as_array().into_iter().flatten() {
            let form = described(self.of(&field["type"]), field);
            properties.insert(text(field, "name").to_owned(), form);
            if field.get("default").is_none() {
                required.push(field["name"].clone());
            }
        }
        let record = json!({ "type": "object", "properties": properties, "required": required });
        self.name(avro, described(record, avro))
    }

    /// A union of records tells them apart; any other is of values that tell themselves apart.
    fn union(&mut self, branches: &[Value]) -> Value {
        let is_record = |avro: &&Value| text(avro, "type") == "record";
        let tagged = branches.iter().filter(is_record).count() > 1;
        let mut forms: Vec<Value> = branches
            .iter()
            .map(|it| if tagged { self.tagged(it) } else { self.of(it) })
            .collect();
        match &mut forms[..] {
            [null, value] if null["type"] == "null" => nullable(value.take()),
            _ if tagged => json!({ "oneOf": forms }),
            _ => json!({ "anyOf": forms }),
        }
    }

    fn tagged(&mut self, record: &Value) -> Value {
        let tag = (self.dialect.tag)(text(record, "name"));
        let mut form = self.of(record);
        form["properties"]["type"] = json!({ "type": "string", "const": tag });
        if let Some(required) = form["required"].as_array_mut() {
            required.insert(0, json!("type"));
        }
        form
    }

    fn name(&mut self, avro: &Value, form: Value) -> Value {
        self.named
            .insert(text(avro, "name").to_owned(), form.clone());
        form
    }
}

/// The docs of a field say more than those of its type.
fn described(mut form: Value, avro: &Value) -> Value {
    if let Some(doc) = avro.get("doc") {
        form["description"] = doc.clone();
    }
    form
}

fn nullable(mut form: Value) -> Value {
    if let Some(symbols) = form.get_mut("enum").and_then(Value::as_array_mut) {
        symbols.push(Value::Null);
    }
    match form["type"].take() {
        Value::String(one) => form["type"] = json!([one, "null"]),
        Value::Array(mut some) => {
            some.push(json!("null"));
            form["type"] = Value::Array(some);
        }
        _ => return json!({ "anyOf": [form, { "type": "null" }] }),
    }
    form
}

fn text<'v>(avro: &'v Value, key: &str) -> &'v str {
    avro.get(key).and_then(Value::as_str).unwrap_or_default()
}
