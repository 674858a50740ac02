//! Traces of events go on to the alerts they bring, and a collector is told of steps: never of customers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::slice;

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rdkafka::Message as _;
use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};
use serde_json::Value;
use waymark_testkit::{Kafka, Servers, servers_or_skip, until};

use crate::client::{Plain, header};
use crate::collector::{Collector, Manners, attribute};
use crate::deployment::{Deployment, LONG};
use crate::support::{Start, Worker};

const STATE: &str = "vendor=a:b";

/// A deployment whose events stand in a trace each, and who its customers are.
struct History {
    deployment: Deployment,
    traces: BTreeMap<String, Traced>,
    customers: BTreeSet<String>,
}

/// What an event says of its trace.
struct Traced {
    parent: String,
    began: String,
}

impl History {
    fn send(servers: &Servers, name: &str) -> Self {
        let deployment = Deployment::create(servers, name, &Kafka::shared(servers).bootstrap());
        let size = ["--seed", "7", "--customers", "150", "--events", "6000"];
        let told = deployment.must(&[&["simulate", "--out", "-"], &size[..]].concat());
        let (mut records, mut traces) = (Vec::new(), BTreeMap::new());
        let mut customers = BTreeSet::new();
        for (number, line) in told.lines().enumerate() {
            let event: Value = serde_json::from_str(line).unwrap();
            let customer = event["customer_id"].as_str();
            let id = format!("{:032x}", number + 1);
            let trace = Traced::new(&id, number);
            records.push(Plain {
                partition: -1,
                key: customer.map(Into::into),
                value: Some(line.into()),
                headers: Some(trace.headers()),
            });
            customers.extend(customer.map(str::to_owned));
            traces.insert(id, trace);
        }
        let events = deployment.topic("events");
        deployment.client().send(&events, &records);
        Self {
            deployment,
            traces,
            customers,
        }
    }

    /// Starts a worker that tells a collector.
    fn start(&self, collector: &Collector) -> Worker {
        let endpoint = format!("tracing.endpoint={}", collector.url());
        self.deployment.start_as(Start {
            settings: &[&endpoint],
            ..Start::default()
        })
    }

    /// The event whose trace a `traceparent` names.
    fn event(&self, parent: &str) -> &Traced {
        &self.traces[&ids(parent).0]
    }

    /// Alerts that an event has brought, and those that time has.
    fn alerts(&self) -> (Vec<OwnedMessage>, Vec<OwnedMessage>) {
        let alerts = self.read("alerts").into_iter();
        let (brought, by_time): (Vec<_>, Vec<_>) =
            alerts.partition(|alert| header(alert, "ce_traceparent").is_some());
        let found = (brought.len(), by_time.len());
        assert!(found.0 > 10 && found.1 > 10, "{found:?}");
        (brought, by_time)
    }

    fn read(&self, topic: &str) -> Vec<OwnedMessage> {
        let client = self.deployment.client();
        client.read(&self.deployment.topic(topic))
    }
}

impl Traced {
    fn new(id: &str, number: usize) -> Self {
        Self {
            parent: format!("00-{id}-{:016x}-01", 0xa0_0000 + number),
            began: format!("00-{id}-{:016x}-01", 0xb0_0000 + number),
        }
    }

    fn headers(&self) -> OwnedHeaders {
        let headers = [
            ("traceparent", &*self.parent),
            ("tracestate", STATE),
            ("ce_traceparent", &self.began),
        ];
        headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| {
                all.insert(Header {
                    key,
                    value: Some(*value),
                })
            })
    }
}

#[test]
fn without_a_collector_the_context_of_an_event_goes_on_as_it_is_and_changes_no_value() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let history = History::send(&servers, "trace-context");
    let mut worker = history.deployment.start(0);
    history.deployment.wait_until_taken();
    worker.stop();
    let (brought, by_time) = history.alerts();
    for alert in &brought {
        let parent = header(alert, "traceparent").unwrap();
        let event = history.event(&parent);
        assert_eq!(parent, event.parent);
        assert_eq!(header(alert, "tracestate").as_deref(), Some(STATE));
        assert_eq!(header(alert, "ce_traceparent").as_ref(), Some(&event.began));
    }
    for alert in &by_time {
        let headers = ["traceparent", "tracestate"].map(|name| header(alert, name));
        assert_eq!(headers, [None, None]);
    }
    for told in history.read("deltas") {
        let value: Value = serde_json::from_slice(told.payload().unwrap()).unwrap();
        match (&value["type"], header(&told, "traceparent")) {
            (delta, Some(parent)) if delta == "delta" => {
                assert_eq!(parent, history.event(&parent).parent);
            }
            (other, parent) => assert_eq!((other.as_str(), parent), (Some("clock"), None)),
        }
    }
    // The same bytes as a run that has never heard of headers.
    history.deployment.assert_fine_with_store();
}

#[test]
fn a_collector_is_told_of_steps_and_of_alerts_in_the_traces_of_their_events() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let history = History::send(&servers, "trace-export");
    let collector = Collector::start(Manners::Good);
    let mut worker = history.start(&collector);
    history.deployment.wait_until_taken();
    let clocks = clocks_heard(&history, &collector);
    worker.stop(); // the last spans are sent
    let steps = steps(&history, &collector);
    assert!(clocks.is_subset(&traces(&steps)));
    alerts_go_on(&history, &collector, &steps);
    let (_, by_time) = history.alerts();
    let cohorts = format!("process {}", history.deployment.topic("deltas"));
    let of_steps = &traces(&steps) | &traces(&collector.spans(&cohorts));
    for alert in &by_time {
        let parent = header(alert, "traceparent").unwrap();
        assert!(of_steps.contains(&ids(&parent).0), "{parent}");
    }
    assert!(collector.has_seen("application_stalled"));
    for customer in &history.customers {
        assert!(!collector.has_seen(customer), "{customer} stands in a span");
    }
    history.deployment.assert_fine_with_store();
}

/// Waits until the cohort stage has linked to replies of customers, and to steps that told it clocks: returns these.
fn clocks_heard(history: &History, collector: &Collector) -> BTreeSet<String> {
    let name = format!("process {}", history.deployment.topic("deltas"));
    let heard = until(LONG, || {
        let links = linked(&collector.spans(&name));
        let is_reply = |trace: &String| history.traces.contains_key(trace);
        let (replies, clocks): (BTreeSet<_>, BTreeSet<_>) = links.into_iter().partition(is_reply);
        (!replies.is_empty() && !clocks.is_empty()).then_some(clocks)
    });
    heard.expect("both are heard of")
}

/// Returns the spans of the steps of customers, each as it must be.
fn steps(history: &History, collector: &Collector) -> Vec<Span> {
    let events = history.deployment.topic("events");
    let steps = collector.spans(&format!("process {events}"));
    let (mut taken, mut in_doubt) = (0, false);
    for step in &steps {
        assert_eq!(step.kind, SpanKind::Consumer as i32);
        assert!(step.parent_span_id.is_empty(), "a step begins a trace");
        let linked = linked(slice::from_ref(step));
        assert!(linked.len() == step.links.len() && linked.len() <= 128);
        assert!(linked.iter().all(|it| history.traces.contains_key(it)));
        let told = |key| attribute(&step.attributes, key).unwrap();
        assert_eq!(told("messaging.destination.name"), events);
        let count = told("messaging.batch.message_count");
        taken += count.parse::<usize>().unwrap();
        in_doubt |= step.status.as_ref().is_some_and(|it| it.code != 0);
    }
    // What is in doubt is done again.
    assert!(taken == history.traces.len() || in_doubt, "{taken}");
    steps
}

/// Holds alerts to the spans that sent them, and these to the events that brought them.
fn alerts_go_on(history: &History, collector: &Collector, steps: &[Span]) {
    let sent = collector.spans(&format!("send {}", history.deployment.topic("alerts")));
    let sent: BTreeMap<_, _> = sent.iter().map(|span| (hex(&span.span_id), span)).collect();
    let mut told = 0;
    for alert in &history.alerts().0 {
        let parent = header(alert, "traceparent").unwrap();
        let event = history.event(&parent);
        assert_eq!(header(alert, "ce_traceparent").as_ref(), Some(&event.began));
        let Some(span) = sent.get(&ids(&parent).1) else {
            // Beyond the number that gets a span of its own.
            assert_eq!(parent, event.parent);
            continue;
        };
        told += 1;
        assert_eq!(span.kind, SpanKind::Producer as i32);
        let follows = (hex(&span.trace_id), hex(&span.parent_span_id));
        assert_eq!(follows, ids(&event.parent));
        assert!(linked(slice::from_ref(span)).is_subset(&traces(steps)));
    }
    assert!(told > 10, "{told}");
}

#[test]
fn a_collector_that_never_answers_holds_nobody_up() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let history = History::send(&servers, "trace-silent");
    let collector = Collector::start(Manners::Silent);
    let mut worker = history.start(&collector);
    history.deployment.wait_until_taken();
    let steps = format!("process {}", history.deployment.topic("events"));
    let asked = until(LONG, || (!collector.spans(&steps).is_empty()).then_some(()));
    assert!(asked.is_some(), "the collector is asked");
    worker.stop(); // within its ten seconds
    history.deployment.assert_fine_with_store();
}

/// Traces that spans stand in.
fn traces(spans: &[Span]) -> BTreeSet<String> {
    spans.iter().map(|span| hex(&span.trace_id)).collect()
}

/// Traces that spans link to.
fn linked(spans: &[Span]) -> BTreeSet<String> {
    let links = spans.iter().flat_map(|span| &span.links);
    links.map(|link| hex(&link.trace_id)).collect()
}

/// Trace and span of a `traceparent`.
fn ids(parent: &str) -> (String, String) {
    let mut parts = parent.split('-').skip(1).map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap())
}

fn hex(id: &[u8]) -> String {
    id.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
