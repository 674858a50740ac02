//! Spans on their way to a collector, whatever its manners: none is sent twice, each is counted, nobody waits.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

#[expect(dead_code, reason = "tests/live uses the rest")]
#[path = "support/collector.rs"]
mod collector;

use std::time::{Duration, Instant};

use rdkafka::message::OwnedMessage;
use waymark::config::{Config, Environment, Tracing};
use waymark::telemetry::Metrics;
use waymark::trace::{Exporter, Sending, Taking, Tracer};
use waymark_testkit::until;

use collector::{Collector, Manners, attribute};

const SOON: Duration = Duration::from_secs(20);
const STEP: &str = "process lending.events";

/// Settings by the variables that everybody knows.
fn settings(url: &str, more: &[(&str, &str)]) -> Option<Tracing> {
    let mut environment = Environment::default();
    let given = [
        ("WAYMARK_DEPLOYMENT", "lending"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
    ];
    for (name, value) in given.iter().chain(more) {
        let (name, value) = ((*name).to_owned(), (*value).to_owned());
        environment.variables.insert(name, value);
    }
    Config::load(None, &environment, &[]).unwrap().tracing
}

fn start(url: &str, more: &[(&str, &str)], metrics: &Metrics) -> Exporter {
    let settings = settings(url, more);
    Exporter::start(settings.as_ref(), "lending-0", metrics.spans()).unwrap()
}

fn take_a_step(tracer: &Tracer) {
    let taking = Taking {
        topic: "lending.events",
        group: "lending.customer",
        records: 0,
    };
    let step = tracer.step(&taking, std::iter::empty::<&OwnedMessage>());
    step.committed();
}

fn counted(metrics: &Metrics, row: &str) -> u64 {
    let page = metrics.page();
    let line = page.lines().find(|line| line.starts_with(row));
    let line = line.unwrap_or_else(|| panic!("no {row} in\n{page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn sent(metrics: &Metrics) -> u64 {
    counted(metrics, "waymark_spans_sent_total")
}

fn dropped(metrics: &Metrics, reason: &str) -> u64 {
    counted(
        metrics,
        &format!("waymark_spans_dropped_total{{reason=\"{reason}\"}}"),
    )
}

#[test]
fn what_waits_at_the_end_is_sent_with_who_we_are() {
    let (collector, metrics) = (Collector::start(Manners::Good), Metrics::new());
    let named = [
        ("OTEL_SERVICE_NAME", "lending-alerts"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=prod,team=a%2Cb",
        ),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20hush,x-tenant=7",
        ),
    ];
    let exporter = start(&collector.url(), &named, &metrics);
    for _ in 0..3 {
        take_a_step(&exporter.tracer());
    }
    drop(exporter);
    assert_eq!((collector.spans(STEP).len(), sent(&metrics)), (3, 3));
    let sender = collector.sender().unwrap();
    for (key, value) in [
        ("service.name", "lending-alerts"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", "lending-0"),
        ("deployment.environment.name", "prod"),
        ("team", "a,b"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(attribute(&sender.attributes, key).as_deref(), Some(value));
    }
    let header = |name| collector.header(name).unwrap();
    assert_eq!(header("content-type"), "application/x-protobuf");
    assert_eq!(
        (header("authorization"), header("x-tenant")),
        ("Bearer hush".into(), "7".into())
    );
}

#[test]
fn no_more_traces_are_told_than_were_asked_for() {
    let (collector, metrics) = (Collector::start(Manners::Good), Metrics::new());
    let share = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ];
    let exporter = start(&collector.url(), &share, &metrics);
    for _ in 0..400 {
        take_a_step(&exporter.tracer());
    }
    drop(exporter);
    // Chance: ten standard deviations to either side.
    assert!((100..=300).contains(&sent(&metrics)), "{}", sent(&metrics));
}

#[test]
fn a_collector_that_refuses_some_spans_or_all_of_them_is_believed() {
    for (manners, expected) in [(Manners::Choosy, (2, 0, 1)), (Manners::Bad, (0, 3, 0))] {
        let (collector, metrics) = (Collector::start(manners), Metrics::new());
        let exporter = start(&collector.url(), &[], &metrics);
        for _ in 0..3 {
            take_a_step(&exporter.tracer());
        }
        drop(exporter);
        let told = (
            sent(&metrics),
            dropped(&metrics, "unsent"),
            dropped(&metrics, "rejected"),
        );
        assert_eq!(told, expected, "{manners:?}");
        assert_eq!(collector.spans(STEP).len(), 3, "nothing is sent twice");
    }
}

#[test]
fn spans_for_a_collector_that_is_away_are_gone_and_counted() {
    let metrics = Metrics::new();
    let exporter = start("http://127.0.0.1:9", &[], &metrics); // nobody listens there
    take_a_step(&exporter.tracer());
    let gone = until(SOON, || (dropped(&metrics, "unsent") == 1).then_some(()));
    assert!(gone.is_some());
}

#[test]
fn nobody_waits_for_a_collector_that_never_answers() {
    let (collector, metrics) = (Collector::start(Manners::Silent), Metrics::new());
    let exporter = start(&collector.url(), &[], &metrics);
    let tracer = exporter.tracer();
    take_a_step(&tracer);
    let asked = until(SOON, || (!collector.spans(STEP).is_empty()).then_some(()));
    assert!(asked.is_some());
    for _ in 0..2_000 {
        take_a_step(&tracer);
    }
    // One is on its way, and 1,023 wait.
    assert_eq!(dropped(&metrics, "queue_full"), 2_001 - 1_024);
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of the test, not of a worker"
    )]
    let since = Instant::now();
    drop(exporter);
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
}

#[test]
fn without_an_address_nothing_is_told() {
    for url in ["", "off"] {
        assert!(settings(url, &[]).is_none());
    }
    let exporter = Exporter::start(None, "lending-0", Metrics::new().spans()).unwrap();
    let taking = Taking {
        topic: "lending.events",
        group: "lending.customer",
        records: 0,
    };
    let mut step = exporter
        .tracer()
        .step(&taking, std::iter::empty::<&OwnedMessage>());
    let alert = Sending {
        topic: "lending.alerts",
        partition: 0,
        kind: "customer_quiet",
    };
    assert_eq!((step.send(&alert, None), step.context()), (None, None));
}
