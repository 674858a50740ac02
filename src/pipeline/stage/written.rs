//! The written forms of an event, told apart by their first bytes: JSON never begins with either marker.

use waymark_engine::event::{
    Decoded, Reason, Rejection, WriterSchemas, decode_json, decode_single_object,
};

/// Avro's single-object encoding begins so.
pub(super) const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];
/// The framing of schema registries begins so.
pub(super) const REGISTRY: u8 = 0x00;

/// Reads an event.
///
/// # Errors
/// [`Rejection`] if it can't be read.
pub(crate) fn decode(value: Option<&[u8]>, schemas: &WriterSchemas) -> Result<Decoded, Rejection> {
    match value {
        None => Err(Rejection::new(
            Reason::Unreadable,
            "the record has no value",
        )),
        Some(bytes) if bytes.starts_with(&SINGLE_OBJECT) => decode_single_object(bytes, schemas),
        Some([REGISTRY, ..]) => Err(Rejection::new(
            Reason::Unreadable,
            "the value is framed for a schema registry, and none is configured",
        )),
        Some(bytes) => decode_json(bytes),
    }
}

#[cfg(test)]
mod tests {
    use waymark_engine::event::{encode_avro, event_schema};

    use super::*;

    fn decode_plainly(value: &[u8]) -> Result<Decoded, Rejection> {
        decode(Some(value), &WriterSchemas::default())
    }

    fn refusal(value: Option<&[u8]>) -> String {
        let decoded = decode(value, &WriterSchemas::default());
        decoded.expect_err("not an event").to_string()
    }

    #[test]
    fn the_first_bytes_tell_json_from_avro() {
        let json = br#"{"event_id":"e-1","customer_id":"a","occurred_at":"2026-03-02T09:00:00Z","source":"los",
            "application_id":"L-1","body":{"type":"application.submitted","product":"term-loan"}}"#;
        let json = decode_plainly(json).expect("an event");
        let Decoded::Event(event) = &json else {
            panic!("an event")
        };
        let mut value = SINGLE_OBJECT.to_vec();
        value.extend_from_slice(event_schema().rabin_fingerprint());
        value.extend_from_slice(&encode_avro(event));
        assert_eq!(decode_plainly(&value), Ok(json));
    }

    #[test]
    fn a_value_framed_for_a_registry_is_refused_by_name() {
        let says = "unreadable: the value is framed for a schema registry, and none is configured";
        assert_eq!(refusal(Some(&[0, 0, 0, 0, 7, 1, 2])), says);
        assert_eq!(refusal(Some(&[0])), says);
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
