//! Events as JSON: the form for people, small producers and files.
//!
//! Field names are those of the Avro schema. Times are RFC 3339 with an offset or integer milliseconds. The body is an
//! object with its kind beside its fields: `"body": {"type": "stage.entered", "stage": "credit-review"}`. Fields with a
//! default may be left out; fields we don't know are passed over.
//!
//! Depth is bounded by `serde_json` (128), everything else by the size of the record and by `checks`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::checks::{check, check_size, check_text};
use super::misfit::{follow, join, misfit, unreadable};
use super::raw::{Envelope, RawEvent};
use super::{Body, Decoded, Event, Kind, Rejection};

/// Reads an event from JSON.
///
/// # Errors
/// A [`Rejection`]: `too_large`, `unreadable` for what is not a JSON object, else `invalid` or `bad_time`, naming the field.
pub fn decode_json(bytes: &[u8]) -> Result<Decoded, Rejection> {
    check_size(bytes)?;
    let (envelope, body) = read_envelope(bytes)?.split();
    let type_name = read_type(body.get())?;
    let Some(kind) = Kind::from_name(&type_name) else {
        check_text("body.type", &type_name)?;
        return Ok(Decoded::Ignored {
            type_name: type_name.into(),
        });
    };
    let body = read_body(kind, body.get())?;
    check(envelope, body, bytes.len()).map(Decoded::Event)
}

/// Appends an event as one JSON object, without a line end.
pub fn encode_json(event: &Event, to: &mut Vec<u8>) {
    serde_json::to_writer(to, &Envelope::new(event, event.body.tagged()))
        .expect("a Vec takes all bytes and every key is a text");
}

/// The body stays text until its kind is known.
fn read_envelope(bytes: &[u8]) -> Result<RawEvent<&RawValue>, Rejection> {
    // serde would also take an array of the fields in their order, which nobody means.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable("", "the record is not a JSON object"));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        explain(&error, || {
            follow(&mut serde_json::Deserializer::from_slice(bytes), |from| {
                RawEvent::<&RawValue>::deserialize(from)
            })
        })
    })
}

fn read_type(body: &str) -> Result<Cow<'_, str>, Rejection> {
    #[derive(Deserialize)]
    struct Tag<'a> {
        #[serde(rename = "type", borrow)]
        name: Cow<'a, str>,
    }
    if !body.starts_with('{') {
        return Err(misfit("", "body is not an object"));
    }
    match serde_json::from_str::<Tag<'_>>(body) {
        Ok(tag) => Ok(tag.name),
        Err(error) => Err(explain(&error, || {
            let path = follow(&mut serde_json::Deserializer::from_str(body), |from| {
                Tag::deserialize(from)
            });
            join("body", &path)
        })),
    }
}

fn read_body(kind: Kind, body: &str) -> Result<Body, Rejection> {
    Body::deserialize_as(kind, &mut serde_json::Deserializer::from_str(body)).map_err(|error| {
        explain(&error, || {
            let path = follow(&mut serde_json::Deserializer::from_str(body), |from| {
                Body::deserialize_as(kind, from)
            });
            join("body", &path)
        })
    })
}

/// Tells text that is no JSON from JSON that is no event.
fn explain(error: &serde_json::Error, path: impl FnOnce() -> String) -> Rejection {
    let message = error.to_string();
    // The position may be that within the body, which misleads; the field says more.
    let bare = message.rsplit_once(" at line ").map_or(&*message, |m| m.0);
    match (error.classify(), &*path()) {
        (Category::Data, field) => misfit(field, bare),
        (Category::Syntax | Category::Eof | Category::Io, "") => unreadable("", &message),
        (Category::Syntax | Category::Eof | Category::Io, field) => unreadable(field, bare),
    }
}

impl Body {
    /// Returns the body as JSON has it: its kind beside its fields.
    pub fn tagged(&self) -> impl Serialize {
        TaggedBody {
            kind: self.kind().name(),
            fields: Fields(self),
        }
    }
}

#[derive(Serialize)]
struct TaggedBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    fields: Fields<'a>,
}

struct Fields<'a>(&'a Body);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_fields(serializer)
    }
}
