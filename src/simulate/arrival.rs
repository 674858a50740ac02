//! A record as it reaches us: an event, or something broken that was made beside it.
//!
//! Told as a line of JSON, or in Avro's single-object encoding. A test decodes every line to the event it came from.

use waymark_engine::event::{Event, encode_single_object};

use super::chance::Chance;
use super::line;

/// The longest text that a broken record carries, in bytes: far more than anybody takes.
const LONG_TEXT_BYTES: usize = 200_000;

/// A record as it reaches us.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// What happened; of a broken record, beside what it was made.
    pub event: Event,
    damage: Option<Damage>,
}

/// The one way in which a record is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Cut { chars: usize },
    NoPage,
    UnknownKind,
    FarAhead,
    NoId,
    TooLong,
}

impl Arrival {
    pub(super) fn whole(event: Event) -> Self {
        Self {
            event,
            damage: None,
        }
    }

    pub(super) fn broken(event: Event, damage: Damage) -> Self {
        Self {
            event,
            damage: Some(damage),
        }
    }

    /// Writes it as a line of JSON, without its end.
    pub fn json(&self) -> String {
        match self.damage {
            None => line::write(&self.event),
            Some(damage) => damage.done_to(&self.event),
        }
    }

    /// Writes it in Avro's single-object encoding.
    pub fn avro(&self) -> Vec<u8> {
        self.written(encode_single_object)
    }

    /// Writes it in another form. A broken record stays the text it is: also a way to be wrong.
    pub fn written(&self, write: impl FnOnce(&Event) -> Vec<u8>) -> Vec<u8> {
        match self.damage {
            None => write(&self.event),
            Some(damage) => damage.done_to(&self.event).into_bytes(),
        }
    }
}

impl Damage {
    pub(super) fn any(event: &Event, chance: &mut Chance) -> Self {
        match chance.below(6) {
            0 => {
                let length = line::write(event).len();
                let chars = 1 + chance.index(length - 1);
                Self::Cut { chars }
            }
            1 => Self::NoPage,
            2 => Self::UnknownKind,
            3 => Self::FarAhead,
            4 => Self::NoId,
            _ => Self::TooLong,
        }
    }

    fn done_to(self, event: &Event) -> String {
        let id = format!("{}-broken", event.id);
        let customer = event
            .customer
            .as_ref()
            .map_or("", |customer| customer.as_str());
        let at = event.occurred_at.to_string();
        let record = |id: &str, at: &str, body: &str| {
            format!(
                r#"{{"event_id":"{id}","customer_id":"{customer}","occurred_at":"{at}","source":"web","channel":"web","actor":{{"type":"customer"}},"body":{body}}}"#
            )
        };
        let page = r#"{"type":"digital.page_viewed","page":"/accounts"}"#;
        match self {
            Self::Cut { chars } => line::write(event).chars().take(chars).collect(),
            Self::NoPage => record(&id, &at, r#"{"type":"digital.page_viewed"}"#),
            Self::UnknownKind => record(&id, &at, r#"{"type":"digital.teleported"}"#),
            Self::FarAhead => record(&id, "2199-01-01T00:00:00.000Z", page),
            Self::NoId => record("", &at, page),
            Self::TooLong => {
                let page = "x".repeat(LONG_TEXT_BYTES);
                let body = format!(r#"{{"type":"digital.page_viewed","page":"{page}"}}"#);
                record(&id, &at, &body)
            }
        }
    }
}
