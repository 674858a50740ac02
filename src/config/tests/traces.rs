//! Where spans are sent, by our variables and by those of everybody.

use super::*;

#[test]
fn a_collector_is_named_by_the_variables_that_everybody_knows_and_ours_are_stronger() {
    let given = Given::file("deployment: a\ntracing: { endpoint: 'http://in-file:4318' }")
        .variable("OTEL_EXPORTER_OTLP_ENDPOINT", "https://everybodys:4318/")
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush")
        .variable("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
        .variable("OTEL_TRACES_SAMPLER_ARG", "0.25")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "service.name=b, team=c%2Cd");
    let tracing = given.config().tracing.unwrap();
    assert_eq!(tracing.url, "https://everybodys:4318/v1/traces");
    assert_eq!(tracing.sampler, Sampler::ParentBased(Share::Ratio(0.25)));
    let told = |name: &str| tracing.resource[name].as_str();
    assert_eq!((told("service.name"), told("team")), ("b", "c,d"));
    let (name, value) = &tracing.headers().unwrap()[0];
    assert_eq!(
        (name.as_str(), value.to_str().unwrap()),
        ("authorization", "Bearer hush")
    );
    let printed = format!("{tracing:?} {:?}", given.settings());
    assert!(!printed.contains("hush"), "{printed}");

    let given = given
        .variable("WAYMARK_TRACING__ENDPOINT", "http://ours")
        .variable("OTEL_SERVICE_NAME", "e");
    let tracing = given.config().tracing.unwrap();
    assert_eq!(tracing.url, "http://ours/v1/traces");
    assert_eq!(tracing.resource["service.name"], "e");
    let off = given.variable("WAYMARK_TRACING__ENDPOINT", "off");
    assert!(off.config().tracing.is_none());
}

#[test]
fn without_a_collector_what_is_said_of_one_is_not_judged() {
    let given = Given::file("deployment: a")
        .variable("OTEL_TRACES_SAMPLER", "jaeger_remote")
        .variable("OTEL_RESOURCE_ATTRIBUTES", "no pair")
        .variable("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere");
    assert!(given.config().tracing.is_none());
}

#[test]
fn a_collector_that_can_not_be_meant_is_refused() {
    for (tracing, said) in [
        (
            "endpoint: collector:4318",
            "tracing.endpoint: \"collector:4318\" is no address of a collector: write such as http://collector:4318, or off",
        ),
        (
            "endpoint: 'http://me:hush@collector'",
            "tracing.endpoint holds credentials: name them by tracing.headers_file",
        ),
        (
            "endpoint: 'http://c', sampler: parentbased_alway_on",
            "tracing.sampler: unknown sampler \"parentbased_alway_on\": do you mean \"parentbased_always_on\"?",
        ),
        (
            "endpoint: 'http://c', sampler: traceidratio, sampler_arg: 1.5",
            "tracing.sampler_arg: \"1.5\" is no share from 0 to 1",
        ),
        (
            "endpoint: 'http://c', resource_attributes: prod",
            "tracing.resource_attributes: \"prod\" are no attributes: write name=value, separated by commas",
        ),
        (
            "endpoint: 'http://c', headers: hush",
            "tracing.headers stands here in plain text: name a file by tracing.headers_file, or set WAYMARK_TRACING__HEADERS or WAYMARK_TRACING__HEADERS_FILE",
        ),
    ] {
        let refused = Given::file(&format!("deployment: a\ntracing: {{ {tracing} }}")).refused();
        let (_, told) = refused.split_once(": ").unwrap();
        assert_eq!(told, said);
    }
    let given = Given::file("deployment: a\ntracing: { endpoint: 'http://c' }");
    let refused = given
        .variable("OTEL_EXPORTER_OTLP_HEADERS", "hush")
        .refused();
    assert_eq!(
        refused,
        "environment variable OTEL_EXPORTER_OTLP_HEADERS: tracing.headers: headers of requests are written as name=value, separated by commas"
    );
}
