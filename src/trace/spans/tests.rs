//! What is told of steps, without anybody to tell it to.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanProcessor};
use rdkafka::Timestamp;
use rdkafka::message::{OwnedHeaders, OwnedMessage};

use super::*;
use crate::trace::with_trace;

/// Keeps the spans that have ended.
#[derive(Debug, Clone, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Ended {
    fn on_start(&self, _: &mut Span, _: &Context) {}
    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Ended {
    /// The spans by name: those of alerts, then that of the step.
    fn take(&self) -> (Vec<SpanData>, SpanData) {
        let mut spans = std::mem::take(&mut *self.0.lock().unwrap());
        let at = spans
            .iter()
            .position(|it| it.name == "process lending.events");
        let step = spans.remove(at.expect("a step has a span"));
        (spans, step)
    }
}

fn tracer() -> (Tracer, Ended) {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_span_processor(ended.clone())
        .build();
    (Tracer::new(provider.tracer("waymark")), ended)
}

fn context(trace: u128, flags: TraceFlags) -> SpanContext {
    let (trace, span) = (TraceId::from(trace), SpanId::from(7_u64));
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}

fn sampled(trace: u128) -> SpanContext {
    context(trace, TraceFlags::SAMPLED)
}

fn record(hop: Option<&SpanContext>) -> OwnedMessage {
    let headers = with_trace(OwnedHeaders::new(), hop, None);
    let (topic, at) = ("lending.events".to_owned(), Timestamp::NotAvailable);
    OwnedMessage::new(None, Some(b"C-5".into()), topic, at, 0, 0, Some(headers))
}

fn step(tracer: &Tracer, records: &[OwnedMessage]) -> StepSpan {
    let taking = Taking {
        topic: "lending.events",
        group: "lending.customer",
        records: records.len(),
    };
    tracer.step(&taking, records.iter())
}

const ALERT: Sending<'_> = Sending {
    topic: "lending.alerts",
    partition: 4,
    kind: "application_stalled",
};

fn told(span: &SpanData) -> Vec<(&str, String)> {
    let attributes = span.attributes.iter();
    attributes
        .map(|it| (it.key.as_str(), it.value.to_string()))
        .collect()
}

#[test]
fn a_step_is_told_in_the_words_of_everybody() {
    let (tracer, ended) = tracer();
    let mut span = step(&tracer, &[record(None), record(None)]);
    span.send(&ALERT, None);
    span.committed();
    let (sent, step) = ended.take();
    assert_eq!(step.span_kind, SpanKind::Consumer);
    assert_eq!(step.status, Status::Unset);
    assert_eq!(
        told(&step),
        [
            ("messaging.system", "kafka"),
            ("messaging.operation.name", "process"),
            ("messaging.operation.type", "process"),
            ("messaging.destination.name", "lending.events"),
            ("messaging.consumer.group.name", "lending.customer"),
            ("messaging.batch.message_count", "2"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
    );
    assert_eq!(
        (&*sent[0].name, &sent[0].span_kind),
        ("send lending.alerts", &SpanKind::Producer)
    );
    assert_eq!(
        told(&sent[0]),
        [
            ("messaging.system", "kafka"),
            ("messaging.operation.name", "send"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", "lending.alerts"),
            ("messaging.destination.partition.id", "4"),
            ("waymark.alert.kind", "application_stalled"),
        ]
        .map(|(key, value)| (key, value.to_owned()))
    );
}

#[test]
fn a_step_links_to_each_trace_of_its_records_once_and_to_a_bounded_number() {
    let (tracer, ended) = tracer();
    let few = [Some(1), None, Some(2), Some(1)].map(|it| record(it.map(sampled).as_ref()));
    step(&tracer, &few).committed();
    let linked = |span: &SpanData| -> Vec<_> {
        let links = span.links.links.iter();
        links.map(|link| link.span_context.trace_id()).collect()
    };
    let (_, span) = ended.take();
    assert_eq!(linked(&span), [1, 2].map(|it: u128| TraceId::from(it)));
    assert!(!span.span_context.is_remote() && span.parent_span_id == SpanId::INVALID);
    let many: Vec<_> = (1..=1_000).map(|it| record(Some(&sampled(it)))).collect();
    step(&tracer, &many).committed();
    assert_eq!(linked(&ended.take().1).len(), LINKS_MAX);
}

#[test]
fn an_alert_goes_on_in_the_trace_of_its_record_by_a_hop_of_its_own() {
    let (tracer, ended) = tracer();
    let cause = sampled(9);
    let mut span = step(&tracer, &[record(Some(&cause))]);
    let hop = span.send(&ALERT, Some(&cause)).unwrap();
    span.committed();
    let (sent, step) = ended.take();
    assert_eq!((hop.trace_id(), hop.is_sampled()), (cause.trace_id(), true));
    assert_eq!(
        (sent[0].span_context.clone(), sent[0].parent_span_id),
        (hop.clone(), cause.span_id())
    );
    assert_ne!(hop.span_id(), cause.span_id());
    assert_eq!(sent[0].links.links[0].span_context, step.span_context);
}

#[test]
fn what_time_has_brought_goes_on_in_the_trace_of_the_step() {
    let (tracer, ended) = tracer();
    let mut span = step(&tracer, &[]);
    let of_step = span.context().cloned().unwrap();
    let hop = span.send(&ALERT, None).unwrap();
    span.committed();
    let (sent, step) = ended.take();
    assert_eq!(step.span_context, of_step);
    assert_eq!(
        (hop.trace_id(), sent[0].parent_span_id),
        (of_step.trace_id(), of_step.span_id())
    );
}

#[test]
fn a_trace_that_nobody_keeps_is_not_kept_by_us_either() {
    let (tracer, ended) = tracer();
    let cause = context(9, TraceFlags::default());
    let mut span = step(&tracer, &[]);
    let hop = span.send(&ALERT, Some(&cause)).unwrap();
    span.committed();
    assert_eq!(
        (hop.trace_id(), hop.is_sampled()),
        (cause.trace_id(), false)
    );
    assert_eq!(ended.take().0.len(), 0);
}

#[test]
fn more_alerts_than_anybody_looks_at_go_on_without_a_span() {
    let (tracer, ended) = tracer();
    let cause = sampled(9);
    let mut span = step(&tracer, &[]);
    for _ in 0..SENDINGS_MAX {
        assert_ne!(span.send(&ALERT, Some(&cause)), Some(cause.clone()));
    }
    assert_eq!(span.send(&ALERT, Some(&cause)), Some(cause));
    assert_eq!(span.send(&ALERT, None), span.context().cloned());
    span.committed();
    assert_eq!(ended.take().0.len(), SENDINGS_MAX);
}

#[test]
fn a_step_in_doubt_says_so_and_so_do_its_alerts() {
    let (tracer, ended) = tracer();
    let mut span = step(&tracer, &[]);
    span.send(&ALERT, Some(&sampled(9)));
    span.doubted("fenced");
    drop(span);
    let (sent, step) = ended.take();
    for span in [&sent[0], &step] {
        assert_eq!(span.status, Status::error(""));
        assert!(told(span).contains(&("error.type", "fenced".to_owned())));
    }
}

#[test]
fn without_a_collector_contexts_go_on_as_they_are() {
    let mut span = step(&Tracer::default(), &[record(Some(&sampled(9)))]);
    assert_eq!(span.context(), None);
    assert_eq!(span.send(&ALERT, None), None);
    let cause = sampled(9);
    assert_eq!(span.send(&ALERT, Some(&cause)), Some(cause));
    span.committed();
}

/// Where a log is written to.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_log_tells_the_ids_while_a_step_lasts() {
    let page = Page::default();
    let to = page.clone();
    let log = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || to.clone())
        .finish();
    let (tracer, _) = tracer();
    let ids = tracing::subscriber::with_default(log, || {
        let span = step(&tracer, &[]);
        tracing::info!("within");
        let ids = span.context().map(ids).unwrap();
        span.committed();
        tracing::info!("behind");
        ids
    });
    let log = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().collect();
    let told = format!("step{{trace_id=\"{}\" span_id=\"{}\"}}", ids.0, ids.1);
    assert!(
        lines[0].contains(&told) && lines[0].ends_with("within"),
        "{log}"
    );
    assert!(!lines[1].contains("trace_id"), "{log}");
}
