//! What is told of a step: a span for all its records, and one for each alert that it sends.
//!
//! A step takes thousands of records, so its span begins a trace of its own and links to theirs. An alert goes on in the
//! trace of the record whose event has brought it, and links to the step; what time alone has brought goes on in the trace
//! of the step. Names are those of OpenTelemetry's conventions for messaging, which forbid us none but the keys: they are
//! customers.
//!
//! A span ends with the step and says whether that was committed. Without a collector nothing is made, and contexts go on
//! as they are.

use std::collections::HashSet;

use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt as _, Tracer as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use rdkafka::Message;
use tracing::span::EnteredSpan;

use super::context::Trail;

/// Traces that a step links to.
pub(super) const LINKS_MAX: usize = 128;
/// Alerts of a step that get a span of their own. A backlog raises thousands, and nobody looks at so many.
const SENDINGS_MAX: usize = 256;

/// Makes spans, or does not.
#[derive(Debug, Clone, Default)]
pub struct Tracer {
    sdk: Option<SdkTracer>,
}

/// What a step takes.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// The topic it reads.
    pub topic: &'a str,
    /// For whom.
    pub group: &'a str,
    /// How many records.
    pub records: usize,
}

/// An alert on its way.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition.
    pub partition: i32,
    /// What kind of alert.
    pub kind: &'a str,
}

/// The span of a step under way; the log tells its ids meanwhile. Ends when it is dropped.
#[derive(Debug)]
pub struct StepSpan(Option<Recorded>);

#[derive(Debug)]
struct Recorded {
    tracer: SdkTracer,
    span: Span,
    sent: Vec<Span>,
    /// Why the step may not stand.
    failure: Option<&'static str>,
    _log: EnteredSpan,
}

impl Tracer {
    pub(super) fn new(sdk: SdkTracer) -> Self {
        Self { sdk: Some(sdk) }
    }

    /// Begins the span of a step over some records.
    pub fn step<'r, M: Message + 'r>(
        &self,
        taking: &Taking<'_>,
        records: impl Iterator<Item = &'r M>,
    ) -> StepSpan {
        let Some(tracer) = &self.sdk else {
            return StepSpan::off();
        };
        let count = i64::try_from(taking.records).unwrap_or(i64::MAX);
        let about = [
            (
                "messaging.consumer.group.name",
                taking.group.to_owned().into(),
            ),
            ("messaging.batch.message_count", count.into()),
        ];
        let span = named("process", SpanKind::Consumer, taking.topic, about);
        let span = span.with_links(links(records));
        let span = tracer.build_with_context(span, &Context::new());
        let (trace_id, span_id) = ids(span.span_context());
        StepSpan(Some(Recorded {
            tracer: tracer.clone(),
            _log: tracing::error_span!("step", trace_id, span_id).entered(),
            span,
            sent: Vec::new(),
            failure: Some("undecided"),
        }))
    }
}

impl StepSpan {
    /// A step of which nothing is told.
    pub fn off() -> Self {
        Self(None)
    }

    /// Returns the context of what the step sends without a record to blame.
    pub fn context(&self) -> Option<&SpanContext> {
        Some(self.0.as_ref()?.span.span_context())
    }

    /// Returns the context that an alert carries: a hop of its own in the trace of the record that has brought it, or in
    /// that of the step if none has.
    pub fn send(
        &mut self,
        alert: &Sending<'_>,
        cause: Option<&SpanContext>,
    ) -> Option<SpanContext> {
        let Some(step) = &mut self.0 else {
            return cause.cloned();
        };
        let of_step = step.span.span_context();
        let parent = cause.unwrap_or(of_step).clone();
        if step.sent.len() >= SENDINGS_MAX {
            return Some(parent);
        }
        let about = [
            (
                "messaging.destination.partition.id",
                alert.partition.to_string().into(),
            ),
            ("waymark.alert.kind", alert.kind.to_owned().into()),
        ];
        let mut span = named("send", SpanKind::Producer, alert.topic, about);
        if cause.is_some() {
            span = span.with_links(vec![Link::with_context(of_step.clone())]);
        }
        let parent = Context::new().with_remote_span_context(parent);
        let span = step.tracer.build_with_context(span, &parent);
        let context = span.span_context().clone();
        if span.is_recording() {
            step.sent.push(span);
        }
        Some(context)
    }

    /// Tells that the step stands, and ends its spans.
    pub fn committed(mut self) {
        if let Some(step) = &mut self.0 {
            step.failure = None;
        }
    }

    /// Tells why nobody knows whether the step stands.
    pub fn doubted(&mut self, why: &'static str) {
        if let Some(step) = &mut self.0 {
            step.failure = Some(why);
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        if let Some(why) = self.failure {
            for span in self.sent.iter_mut().chain([&mut self.span]) {
                span.set_attribute(KeyValue::new("error.type", why));
                span.set_status(Status::error(""));
            }
        }
    }
}

/// A span by its operation and the topic; names and attributes of OpenTelemetry's conventions for Kafka.
fn named(
    operation: &'static str,
    kind: SpanKind,
    topic: &str,
    more: [(&'static str, Value); 2],
) -> SpanBuilder {
    let always = [
        ("messaging.system", "kafka".into()),
        ("messaging.operation.name", operation.into()),
        ("messaging.operation.type", operation.into()),
        ("messaging.destination.name", topic.to_owned().into()),
    ];
    let attributes = always.into_iter().chain(more);
    SpanBuilder::from_name(format!("{operation} {topic}"))
        .with_kind(kind)
        .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)))
}

/// The traces of records, each once.
fn links<'r, M: Message + 'r>(records: impl Iterator<Item = &'r M>) -> Vec<Link> {
    let mut known = HashSet::new();
    let trails = records.filter_map(Trail::of);
    let fresh = trails.filter(|trail| known.insert(trail.hop.trace_id()));
    let links = fresh.map(|trail| Link::with_context(trail.hop));
    links.take(LINKS_MAX).collect()
}

fn ids(context: &SpanContext) -> (String, String) {
    (
        context.trace_id().to_string(),
        context.span_id().to_string(),
    )
}

#[cfg(test)]
mod tests;
