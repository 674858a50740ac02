//! The Schema Registry: records framed with an id count as any others; while it is away, whoever needs it waits; an id
//! that it does not know is a dead letter.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use rdkafka::message::{Header, Message as _, OwnedHeaders};
use waymark::config::{self, OutputForm, Tls};
use waymark::kafka::partition_of;
use waymark::registry::{SCHEMA_HEADER, SchemaRegistry, frame};
use waymark_engine::event::{
    CustomerId, Decoded, Event, EventHash, EventId, decode_json, encode_avro, event_schema,
};
use waymark_testkit::{Kafka, Process, Registry, Servers, registry, servers_or_skip, until};

use crate::client::{Plain, header};
use crate::deployment::{Deployment, LONG, SHARDS, Start, Worker};
use crate::records::minutes_from_now;
use crate::support::text;

/// A deployment that knows a registry.
fn deployment(servers: &Servers, name: &str, registry: &Registry) -> Deployment {
    let kafka = Kafka::shared(servers);
    let deployment = Deployment::create(servers, name, &kafka.bootstrap());
    let file = deployment.folder().join("waymark.yaml");
    let mut file = OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "registry: {{ url: '{}' }}", registry.url()).unwrap();
    deployment
}

fn client(registry: &Registry) -> SchemaRegistry {
    SchemaRegistry::new(&config::Registry {
        urls: vec![registry.url()],
        credentials: None,
        tls: Tls {
            ca: None,
            cert: None,
            key: None,
        },
        outputs: OutputForm::default(),
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(20),
    })
}

/// Our schema in other words: another text, hence another id, and the same bytes.
fn reworded() -> String {
    let mut schema: serde_json::Value = serde_json::from_str(event_schema().json()).unwrap();
    schema["doc"] = "the same, told otherwise".into();
    schema.to_string()
}

/// An application of a customer, submitted just now.
fn event(customer: &str) -> Event {
    let json =
        br#"{"event_id":"e","customer_id":"c","occurred_at":"2026-03-02T09:00:00Z","source":"los",
        "application_id":"L-1","body":{"type":"application.submitted","product":"term-loan"}}"#;
    let Ok(Decoded::Event(mut event)) = decode_json(json) else {
        panic!("an event")
    };
    let id = format!("framed-{customer}");
    event.hash = EventHash::of(&id);
    event.id = EventId::parse(id).unwrap();
    event.occurred_at = minutes_from_now(0);
    event.customer = Some(CustomerId::parse(customer).unwrap());
    event
}

/// An event where its customer is at home, framed with an id.
fn framed(customer: &str, schema: u32) -> Plain {
    let partitions = SHARDS.unsigned_abs();
    Plain {
        partition: partition_of(customer.as_bytes(), partitions),
        key: Some(customer.as_bytes().to_vec()),
        value: Some(frame(schema, &encode_avro(&event(customer)))),
        headers: None,
    }
}

/// The same, with the id in a header.
fn by_header(customer: &str, schema: u32) -> Plain {
    let id = frame(schema, b"");
    let header = Header {
        key: SCHEMA_HEADER,
        value: Some(&id),
    };
    Plain {
        value: Some(encode_avro(&event(customer))),
        headers: Some(OwnedHeaders::new().insert(header)),
        ..framed(customer, schema)
    }
}

#[test]
fn a_registry_that_is_away_is_waited_for_and_nothing_is_lost() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut registry = Registry::start(&servers, &registry::Options::default()).unwrap();
    let deployment = deployment(&servers, "registry-away", &registry);
    let simulate = ["simulate", "--to-kafka", "--format", "registry"];
    let of_all = ["--customers", "60", "--events", "1500", "--seed", "31"];
    deployment.must(&[&simulate[..], &of_all, &["--bad", "0.02"]].concat());
    let events = deployment.topic("events");
    let subject = format!("{events}-value");
    let known = client(&registry).register(&subject, event_schema().json());
    let known = known.unwrap();
    let new = client(&registry).register("elsewhere-value", &reworded());
    let new = new.unwrap();
    assert_ne!(known, new);

    registry.pause();
    let mut worker = deployment.start(0);
    worker.says("waiting to register the schemas of outputs");
    worker.shows("/readyz?verbose", "[-]waiting: the schema registry is away");
    registry.resume();
    deployment.caught_up();
    worker.runs();
    registry.pause();
    let client = deployment.client();
    client.send(&events, &[framed("known", known)]);
    deployment.caught_up(); // a known id needs nobody

    client.send(&events, &[framed("new", new), framed("known-2", known)]);
    worker.shows("/readyz?verbose", "the schema registry is away");
    worker.says("the schema registry is away");
    let home = framed("new", new).partition;
    let place = usize::try_from(home).unwrap();
    let waits =
        || client.committed(&deployment.group(), &events)[place] < client.ends(&events)[place];
    assert!(waits());
    let unknown = worker.metric("waymark_dead_letters_total", "unknown_schema");
    assert!(unknown < 0.5, "{unknown}");

    registry.resume();
    deployment.caught_up();
    worker.runs();
    let verdict = deployment.settle(vec![worker]);
    let customers = ["known", "new", "known-2"];
    for customer in customers {
        let told = deployment.must(&["inspect", "customer", customer]);
        assert!(told.contains("application"), "{told}");
    }
    let broken = verdict["dead_letters"]["expected"].as_u64().unwrap();
    let dead = client.read(&deployment.topic("dead-letter"));
    assert_eq!(dead.len() as u64, broken);
    assert!(broken > 0, "the history has broken records");
    let reasons = dead.iter().filter_map(|it| header(it, "waymark-reason"));
    assert!(reasons.into_iter().all(|reason| reason != "unknown_schema"));

    registry.pause();
    let (status, _, told) = deployment.verdict(&[]);
    assert_eq!(status, Some(69), "{told}");
    assert!(told.contains("the schema registry is away"), "{told}");
}

/// Returns how many values of a topic are framed, and how many are not.
fn forms(deployment: &Deployment, topic: &str) -> (usize, usize) {
    let values = deployment.client().read(&deployment.topic(topic));
    let (framed, json): (Vec<_>, Vec<_>) = values
        .iter()
        .partition(|value| value.payload().unwrap()[0] == 0);
    (framed.len(), json.len())
}

#[test]
fn outputs_may_change_from_json_to_avro_and_back_and_whatever_is_there_stays_readable() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let deployment = deployment(&servers, "registry-forms", Registry::shared(&servers));
    deployment.feed(1_500, 60, 37);
    let in_form = |form: &str| {
        let settings = [format!("registry.outputs={form}")];
        deployment.start_as(Start {
            settings: &settings.each_ref().map(String::as_str),
            ..Start::default()
        })
    };
    let worker = in_form("json");
    deployment.settle(vec![worker]);
    assert_eq!(forms(&deployment, "alerts").0, 0);

    let stream = deployment.stream(400, 41);
    let worker = in_form("avro");
    let told = until(LONG, || (forms(&deployment, "deltas").0 > 20).then_some(()));
    assert!(told.is_some(), "no deltas in Avro");
    drop(worker); // as by `kill -9`: deltas in both forms are on their way
    let worker = in_form("json");
    deployment.settle(vec![in_order(stream, worker)]);
    let (framed, json) = forms(&deployment, "deltas");
    assert!(framed > 20 && json > 20, "{framed} framed, {json} in JSON");

    let alerts = deployment.client().read(&deployment.topic("alerts"));
    let framed = alerts.iter().find(|it| it.payload().unwrap()[0] == 0);
    let framed = framed.expect("an alert in Avro");
    assert_eq!(
        header(framed, "content-type").as_deref(),
        Some("application/avro")
    );
    let id = String::from_utf8(framed.key().unwrap().to_vec()).unwrap();
    let told = deployment.must(&["inspect", "alert", &id, "-o", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let first = &told["transitions"][0]["alert"];
    assert_eq!(first["alert_id"], id);
    assert_eq!(first["sequence"], 1);

    // A record told again, and one that names the schema of something else.
    let again = |value: Vec<u8>| Plain {
        partition: framed.partition(),
        key: framed.key().map(<[u8]>::to_vec),
        value: Some(value),
        headers: None,
    };
    let value = framed.payload().unwrap().to_vec();
    let deltas = deployment.client().read(&deployment.topic("deltas"));
    let mut deltas = deltas.iter().filter_map(|it| it.payload());
    let delta = deltas.find(|it| it[0] == 0).unwrap();
    let misnamed = [&delta[..5], &value[5..]].concat();
    let alerts = deployment.topic("alerts");
    let planted = [again(value), again(misnamed)];
    deployment.client().send(&alerts, &planted);
    let (status, verdict, told) = deployment.verdict(&[]);
    assert_eq!(status, Some(1), "{told}");
    let wrong = |of: &str| verdict["alerts"][of].as_u64().unwrap();
    let wrong = ["lost", "doubled", "different", "unknown"].map(wrong);
    assert_eq!(wrong, [0, 1, 0, 1], "{told}");
    assert!(told.contains(r#"\"alert_id\":"#), "in words: {told}");
}

/// Ends a stream of events before whoever reads it.
fn in_order(mut stream: Process, worker: Worker) -> Worker {
    stream.stop(LONG).unwrap();
    worker
}

#[test]
fn a_schema_of_ours_that_does_not_fit_its_subject_is_refused_by_name() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let registry = Registry::shared(&servers);
    let deployment = deployment(&servers, "registry-misfit", registry);
    let told = deployment.must(&["doctor"]);
    let allow = "✔ registry: outputs leave in Avro, as registry-misfit.alerts-value, \
                 registry-misfit.deltas-value, registry-misfit.scores-value allow";
    assert!(told.contains(allow), "{told}");
    let of_somebody = r#"{"type":"record","name":"Alert","namespace":"io.waymark.alert",
        "fields":[{"name":"mood","type":"string"}]}"#;
    let subject = "registry-misfit.alerts-value";
    client(registry).register(subject, of_somebody).unwrap();
    let says = format!("the schema of {subject} is not compatible with the ones registered before");
    for (words, code) in [("doctor", 1), ("run", 69)] {
        let output = deployment.asked(&[words]);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(told.contains(&says), "{words}: {told}");
    }
    deployment.must(&["doctor", "--set", "registry.outputs=json"]);
}

#[test]
fn an_id_that_nobody_knows_is_a_dead_letter_and_stays_one_when_it_becomes_known() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let registry = Registry::start(&servers, &registry::Options::default()).unwrap();
    let deployment = deployment(&servers, "registry-unknown", &registry);
    let known = client(&registry).register("known-value", event_schema().json());
    let (known, unknown) = (known.unwrap(), 5);
    assert_eq!(
        known, 1,
        "this registry counts; 2, 3 and 4 are alerts, deltas and scores"
    );
    let events = deployment.topic("events");
    let records = [
        framed("a", known),
        framed("b", unknown),
        framed("a", known), // the same event again
        framed("c", known),
        by_header("d", known),
        by_header("e", unknown),
    ];
    deployment.client().send(&events, &records);

    let mut worker = deployment.start(0);
    deployment.caught_up();
    worker.runs();
    let dead = deployment.client().read(&deployment.topic("dead-letter"));
    assert_eq!(dead.len(), 2);
    for dead in &dead {
        let said = |name| header(dead, name).unwrap();
        assert_eq!(said("waymark-reason"), "unknown_schema");
        assert_eq!(
            said("__connect.errors.exception.message"),
            "the schema registry knows no schema 5"
        );
    }
    let outcome = |label| worker.metric("waymark_records_total", label);
    assert!((outcome(r#"outcome="applied""#) - 3.0).abs() < 0.5);
    assert!((outcome(r#"outcome="duplicate""#) - 1.0).abs() < 0.5);

    let later = client(&registry).register("later-value", &reworded());
    assert_eq!(later.unwrap(), unknown);
    deployment.settle(vec![worker]);
}

#[test]
fn doctor_looks_at_the_registry() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let mut registry = Registry::start(&servers, &registry::Options::default()).unwrap();
    let deployment = deployment(&servers, "registry-doctor", &registry);
    let told = deployment.must(&["doctor"]);
    let tick = format!("✔ registry: {} answers and takes Avro", registry.url());
    assert!(told.contains(&tick), "{told}");
    registry.kill();
    let output = deployment.asked(&["doctor"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let told = text(&output.stdout);
    assert!(
        told.contains("✘ registry: the schema registry is away"),
        "{told}"
    );
}
