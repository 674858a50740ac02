//! Trace contexts in the headers of records, as W3C Trace Context writes them.
//!
//! `traceparent` and `tracestate` tell of the last hop; `ce_traceparent` tells where all began (`CloudEvents`' extension
//! for distributed tracing). Of a name that stands twice the last counts: whoever passes a record on adds behind. What is
//! not well formed is not there. Everything that goes on is bounded, whatever came in.

use std::str;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use rdkafka::Message;
use rdkafka::message::{Header, OwnedHeaders};

use crate::kafka::headers_of;

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const CE_TRACEPARENT: &str = "ce_traceparent";

/// What the standard asks everybody to pass on. A longer one would let strangers make our records too large.
const TRACESTATE_BYTES_MAX: usize = 512;
/// Of a `traceparent` as version 00 has it.
const TRACEPARENT_BYTES: usize = 55;

/// The traces of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Trail {
    /// The span that has sent it.
    pub hop: SpanContext,
    /// The span it all began with.
    pub began: SpanContext,
}

impl Trail {
    /// Reads the traces of a record, if it tells any.
    pub fn of(record: &impl Message) -> Option<Self> {
        let (mut hop, mut state, mut began) = (None, None, None);
        for header in headers_of(record) {
            match header.key {
                TRACEPARENT => hop = header.value,
                TRACESTATE => state = header.value,
                CE_TRACEPARENT => began = header.value,
                _ => {}
            }
        }
        let hop = hop.and_then(|hop| parse(hop, state));
        let began = began.and_then(|began| parse(began, None));
        let (hop, began) = match (hop, began) {
            (None, None) => return None,
            (Some(hop), Some(began)) => (hop, began),
            (Some(only), None) | (None, Some(only)) => (only.clone(), only),
        };
        Some(Self { hop, began })
    }
}

/// Adds to headers in which traces a record stands.
pub fn with_trace(
    headers: OwnedHeaders,
    hop: Option<&SpanContext>,
    began: Option<&SpanContext>,
) -> OwnedHeaders {
    let Some(hop) = hop else { return headers };
    let state = hop.trace_state().header();
    let added = [
        (TRACEPARENT, Some(written(hop))),
        (TRACESTATE, Some(state).filter(|state| !state.is_empty())),
        (CE_TRACEPARENT, began.map(written)),
    ];
    added
        .iter()
        .filter_map(|(key, value)| Some((key, value.as_deref()?)))
        .fold(headers, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(value),
            })
        })
}

/// Reads `00-<trace id>-<span id>-<flags>`; later versions may have more behind it.
fn parse(parent: &[u8], state: Option<&[u8]>) -> Option<SpanContext> {
    let parent = str::from_utf8(parent).ok()?;
    let (base, rest) = parent.split_at_checked(TRACEPARENT_BYTES)?;
    let well_formed = base.bytes().enumerate().all(|(at, byte)| match at {
        2 | 35 | 52 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    });
    let may_go_on = match &base[..2] {
        "00" => rest.is_empty(),
        "ff" => return None,
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    if !well_formed || !may_go_on {
        return None;
    }
    let flags = u8::from_str_radix(&base[53..], 16).ok()?;
    let context = SpanContext::new(
        TraceId::from_hex(&base[3..35]).ok()?,
        SpanId::from_hex(&base[36..52]).ok()?,
        TraceFlags::new(flags) & TraceFlags::SAMPLED,
        true,
        state.and_then(parse_state).unwrap_or_default(),
    );
    context.is_valid().then_some(context)
}

fn parse_state(state: &[u8]) -> Option<TraceState> {
    let state = str::from_utf8(state).ok()?;
    let is_printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    let fits = state.len() <= TRACESTATE_BYTES_MAX && state.bytes().all(is_printable);
    fits.then(|| state.parse().ok()).flatten()
}

fn written(context: &SpanContext) -> String {
    let flags = context.trace_flags() & TraceFlags::SAMPLED;
    let (trace, span) = (context.trace_id(), context.span_id());
    format!("00-{trace}-{span}-{flags:02x}")
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Headers as _, OwnedMessage};

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const BEGAN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

    fn trail(headers: &[(&str, &str)]) -> Option<Trail> {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| {
                all.insert(Header {
                    key,
                    value: Some(*value),
                })
            });
        let topic = "events".to_owned();
        let at = Timestamp::NotAvailable;
        let record = OwnedMessage::new(None, None, topic, at, 0, 0, Some(headers));
        Trail::of(&record)
    }

    fn told(headers: &OwnedHeaders) -> Vec<(&str, &str)> {
        let text = |value| str::from_utf8(value).unwrap();
        let headers = headers.iter();
        headers
            .map(|it| (it.key, text(it.value.unwrap())))
            .collect()
    }

    #[test]
    fn a_context_leaves_as_it_came() {
        let state = "vendor=a:b,tenant@system=1";
        let came = [
            ("traceparent", PARENT),
            ("tracestate", state),
            ("ce_traceparent", BEGAN),
        ];
        let trail = trail(&came).unwrap();
        assert!(trail.hop.is_remote() && trail.hop.is_sampled() && !trail.began.is_sampled());
        let left = with_trace(OwnedHeaders::new(), Some(&trail.hop), Some(&trail.began));
        assert_eq!(told(&left), came);
    }

    #[test]
    fn one_context_stands_for_the_other_where_that_is_missing() {
        let hop = trail(&[("traceparent", PARENT)]).unwrap();
        assert_eq!(hop.hop, hop.began);
        let began = trail(&[("ce_traceparent", BEGAN), ("traceparent", "none")]).unwrap();
        assert_eq!(
            (written(&began.hop), began.hop),
            (BEGAN.into(), began.began)
        );
    }

    #[test]
    fn of_two_headers_of_a_name_the_last_counts() {
        let trail = trail(&[("traceparent", BEGAN), ("traceparent", PARENT)]).unwrap();
        assert_eq!(written(&trail.hop), PARENT);
    }

    #[test]
    fn what_is_not_well_formed_is_not_there() {
        let zero_trace = PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32));
        let zero_span = PARENT.replace("00f067aa0ba902b7", &"0".repeat(16));
        for parent in [
            "",
            "00",
            &zero_trace,
            &zero_span,
            &PARENT.to_uppercase(),
            &PARENT.replace('-', "_"),
            &PARENT[..54],
            &format!("{PARENT}-"),
            &format!("{PARENT}-more"),
            &format!(" {PARENT}"),
            &format!("ff{}", &PARENT[2..]),
            &format!("01{}more", &PARENT[2..]),
            &format!("+0{}", &PARENT[2..]),
            &PARENT.replace("4bf", "+bf"),
            &format!("{}ä-01", &PARENT[..51]),
        ] {
            assert_eq!(trail(&[("traceparent", parent)]), None, "{parent}");
        }
        assert_eq!(trail(&[]), None);
        assert_eq!(trail(&[("Traceparent", PARENT)]), None);
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        for parent in [
            format!("01{}", &PARENT[2..]),
            format!("cc{}-more-of-it", &PARENT[2..]),
            PARENT.replace("-01", "-ff"),
        ] {
            let trail = trail(&[("traceparent", &parent)]).unwrap();
            assert_eq!(written(&trail.hop), PARENT, "{parent}");
        }
    }

    #[test]
    fn a_state_that_can_not_be_passed_on_takes_no_parent_with_it() {
        let long = format!("a={}", "b".repeat(TRACESTATE_BYTES_MAX));
        for state in [&*long, "no pair", "UPPER=1", "a=\n"] {
            let trail = trail(&[("traceparent", PARENT), ("tracestate", state)]).unwrap();
            let left = with_trace(OwnedHeaders::new(), Some(&trail.hop), None);
            assert_eq!(told(&left), [("traceparent", PARENT)], "{state}");
        }
    }

    #[test]
    fn a_record_of_no_trace_gets_no_header() {
        let headers = with_trace(OwnedHeaders::new(), None, None);
        assert_eq!(headers.count(), 0);
    }
}
