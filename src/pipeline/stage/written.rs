//! The written forms of a record, told apart by a header or by their first bytes: JSON begins with none of them.
//!
//! | form                            | begins with                             | written with                      |
//! | ------------------------------- | --------------------------------------- | --------------------------------- |
//! | JSON                            | anything else                           |                                   |
//! | Avro's single-object encoding   | `c3 01` and a fingerprint               | ours, or one of the folder        |
//! | the framing of registries       | `00` and an id, or a header with it     | the one that the registry has     |
//!
//! An event may have any of them; what one stage tells the next, and whatever else is published, the first or the last.

use std::sync::Arc;

use rdkafka::Message;
use serde_avro_fast::Schema;
use waymark_engine::event::{
    Decoded, Reason, Rejection, WriterSchemas, decode_avro, decode_json, decode_single_object,
};

use crate::kafka::last_header;
use crate::protocol::Told;
use crate::registry::{Framing, NoSchema, RegistryError, SCHEMA_HEADER, SchemasById};

/// Avro's single-object encoding begins so.
const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];

/// What Avro records may be written with. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    /// By fingerprint.
    pub folder: Arc<WriterSchemas>,
    /// By id; absent: no registry is configured.
    pub registry: Option<Arc<SchemasById>>,
}

/// A value, out of its frame if it had one.
pub(crate) enum Opened<'r> {
    /// It had none.
    Bare(&'r [u8]),
    /// An Avro datum, and what it was written with.
    Datum(&'r [u8], Arc<Schema>),
    /// What it was written with is not to be had: there is no registry, or it does not know.
    Sealed(Rejection),
}

impl Schemas {
    /// Reads an event, or tells why it can't be read.
    ///
    /// # Errors
    /// [`RegistryError`] if its schema is not known here and can't be asked for now.
    pub(crate) fn decode(
        &self,
        record: &impl Message,
    ) -> Result<Result<Decoded, Rejection>, RegistryError> {
        Ok(self.open(record)?.and_then(|opened| match opened {
            Opened::Bare(value) if value.starts_with(&SINGLE_OBJECT) => {
                decode_single_object(value, &self.folder)
            }
            Opened::Bare(value) => decode_json(value),
            Opened::Datum(datum, schema) => decode_avro(datum, &schema),
            Opened::Sealed(rejection) => Err(rejection),
        }))
    }

    /// Reads what the stage before has told, or tells why it can't be read. One for which only a schema is wanting is waited
    /// for: set aside, it would be a reply that nobody counts.
    ///
    /// # Errors
    /// [`RegistryError`] if its schema is not known here and can't be asked for now, or the registry lacks it.
    pub(crate) fn decode_told(
        &self,
        record: &impl Message,
    ) -> Result<Result<Told<'static>, Rejection>, RegistryError> {
        // No stage names a schema in a header, and looking for one was 4 % of a worker's instructions.
        match self.open_framed(record.payload(), None)? {
            Ok(Opened::Sealed(rejection)) => Err(RegistryError::Wanting(rejection.detail)),
            opened => Ok(opened.and_then(|opened| opened.told())),
        }
    }

    /// Takes the value of a record out of its frame, or tells why it can't be read.
    ///
    /// # Errors
    /// [`RegistryError`] if its schema is not known here and can't be asked for now.
    pub(crate) fn open<'r>(
        &self,
        record: &'r impl Message,
    ) -> Result<Result<Opened<'r>, Rejection>, RegistryError> {
        let header = last_header(record, SCHEMA_HEADER).map(Option::unwrap_or_default);
        self.open_framed(record.payload(), header)
    }

    fn open_framed<'r>(
        &self,
        value: Option<&'r [u8]>,
        header: Option<&[u8]>,
    ) -> Result<Result<Opened<'r>, Rejection>, RegistryError> {
        let Some(value) = value else {
            return Ok(unreadable("the record has no value"));
        };
        let framing = match Framing::of(header, value) {
            Ok(None) => return Ok(Ok(Opened::Bare(value))),
            Ok(Some(framing)) => framing,
            Err(broken) => return Ok(unreadable(broken.to_string())),
        };
        let Some(registry) = &self.registry else {
            let detail = "the value is framed for a schema registry, and none is configured";
            let rejection = Rejection::new(Reason::Unreadable, detail);
            return Ok(Ok(Opened::Sealed(rejection)));
        };
        Ok(match registry.find(framing.schema)? {
            Ok(schema) => Ok(Opened::Datum(framing.datum, schema)),
            Err(none @ NoSchema::Unknown(_)) => {
                let rejection = Rejection::new(Reason::UnknownSchema, none.to_string());
                Ok(Opened::Sealed(rejection))
            }
            Err(none @ NoSchema::Unusable { .. }) => unreadable(none.to_string()),
        })
    }
}

impl Opened<'_> {
    /// Reads what the stage before has told.
    ///
    /// # Errors
    /// [`Rejection`] if it is nothing that a stage tells.
    pub(crate) fn told(&self) -> Result<Told<'static>, Rejection> {
        match self {
            Opened::Bare(value) => Told::decode(value),
            Opened::Datum(datum, schema) => Told::decode_avro(datum, schema),
            Opened::Sealed(rejection) => Err(rejection.clone()),
        }
    }
}

fn unreadable<T>(detail: impl Into<String>) -> Result<T, Rejection> {
    Err(Rejection::new(Reason::Unreadable, detail))
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
    use waymark_engine::event::{encode_single_object, event_schema};

    use super::*;

    const JSON: &[u8] = br#"{"event_id":"e-1","customer_id":"a","occurred_at":"2026-03-02T09:00:00Z","source":"los",
        "application_id":"L-1","body":{"type":"application.submitted","product":"term-loan"}}"#;

    fn record(value: Option<&[u8]>, headers: Option<OwnedHeaders>) -> OwnedMessage {
        let value = value.map(<[u8]>::to_vec);
        let at = Timestamp::NotAvailable;
        OwnedMessage::new(value, None, "events".to_owned(), at, 0, 0, headers)
    }

    /// Reads a record where there is no registry.
    fn decode(record: &OwnedMessage) -> Result<Decoded, Rejection> {
        let decoded = Schemas::default().decode(record);
        decoded.expect("nobody is asked")
    }

    fn refusal(value: Option<&[u8]>) -> String {
        let decoded = decode(&record(value, None));
        decoded.expect_err("not an event").to_string()
    }

    #[test]
    fn the_first_bytes_tell_json_from_avro() {
        let json = decode(&record(Some(JSON), None)).expect("an event");
        let Decoded::Event(event) = &json else {
            panic!("an event")
        };
        let value = encode_single_object(event);
        assert_eq!(value[2..10], *event_schema().rabin_fingerprint());
        assert_eq!(decode(&record(Some(&value), None)), Ok(json));
    }

    #[test]
    fn a_value_framed_for_a_registry_is_refused_by_name_where_there_is_none() {
        let says = "unreadable: the value is framed for a schema registry, and none is configured";
        assert_eq!(refusal(Some(&[0, 0, 0, 0, 7, 1, 2])), says);
        let header = Header {
            key: SCHEMA_HEADER,
            value: Some(&[0, 0, 0, 0, 7]),
        };
        let headers = OwnedHeaders::new().insert(header);
        let refused = decode(&record(Some(JSON), Some(headers))).expect_err("a framed value");
        assert_eq!(refused.to_string(), says);
        let says = "unreadable: the value begins with 00 and is too short for the id of a schema";
        assert_eq!(refusal(Some(&[0])), says);
    }

    #[test]
    fn a_delta_for_which_only_a_schema_is_wanting_is_waited_for() {
        let framed = record(Some(&[0, 0, 0, 0, 7, 1, 2]), None);
        let wanting = Schemas::default().decode_told(&framed);
        assert!(
            matches!(wanting, Err(RegistryError::Wanting(_))),
            "{wanting:?}"
        );
        let broken = Schemas::default().decode_told(&record(Some(&[0, 0]), None));
        assert!(matches!(broken, Ok(Err(_))), "{broken:?}");
    }

    #[test]
    fn a_record_without_a_value_is_a_dead_letter() {
        assert_eq!(refusal(None), "unreadable: the record has no value");
    }

    #[test]
    fn garbage_is_unreadable_and_never_more() {
        for garbage in [&b""[..], b"\xC3", b"\xC3\x01", b"\xFF\xFE", b"hello", b"[]"] {
            let says = refusal(Some(garbage));
            assert!(says.starts_with("unreadable: "), "{garbage:?}: {says}");
        }
    }
}
