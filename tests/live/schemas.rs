//! Events that were written with a schema of somebody else's: a folder of files knows it, or nobody.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use rdkafka::Message as _;
use rdkafka::message::OwnedMessage;
use serde_json::Value;
use sha2::Digest as _;
use waymark_testkit::{Kafka, Servers, servers_or_skip};

use crate::client::{Plain, header};
use crate::deployment::{Deployment, text};

/// A single object begins with these, the fingerprint of its schema follows, then the datum.
const MARKER: [u8; 2] = [0xc3, 0x01];

/// Our schema as another writer has worded it: its fields stand in another order, so its bytes are others as well.
struct Reworded {
    json: String,
    records: Vec<Plain>,
}

#[test]
fn events_of_another_writer_are_taken_if_the_folder_of_schemas_has_its_schema() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let reworded = reworded(&servers, "wording");
    let deployment = created(&servers, "worded");
    let folder = deployment.folder().join("schemas");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("interaction_event.avsc"), &reworded.json).unwrap();
    fs::write(folder.join("notes.txt"), "no schema").unwrap();
    set_schemas(&deployment, &folder);
    let [applied, dead_lettered] = taken(&deployment, &reworded.records);
    assert_eq!([applied, dead_lettered], [reworded.records.len(), 0]);
    deployment.assert_fine_with_store();

    fs::write(folder.join("broken.avsc"), r#"{"type": "record"}"#).unwrap();
    let refused = deployment.asked(&["run"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(78), "{said}");
    let broken = folder.join("broken.avsc");
    let why = format!("{} is not an Avro schema: ", broken.display());
    assert!(said.contains(&why), "{said}");
    fs::remove_dir_all(&folder).unwrap();
    let refused = deployment.asked(&["run"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(78), "{said}");
    assert!(
        said.contains(&format!("cannot read {}", folder.display())),
        "{said}"
    );
}

#[test]
fn events_of_another_writer_are_dead_letters_if_nobody_has_its_schema() {
    let Some(servers) = servers_or_skip() else {
        return;
    };
    let reworded = reworded(&servers, "unwording");
    let deployment = created(&servers, "unworded");
    let [applied, dead_lettered] = taken(&deployment, &reworded.records);
    assert_eq!([applied, dead_lettered], [0, reworded.records.len()]);
    let fingerprint = reworded.records[0].value.as_ref().unwrap()[2..].first_chunk();
    let fingerprint = format!("{:016x}", u64::from_le_bytes(*fingerprint.unwrap()));
    let dead = deployment.client().read(&deployment.topic("dead-letter"));
    assert_eq!(dead.len(), reworded.records.len());
    for dead in &dead {
        assert_eq!(header(dead, "waymark-reason").unwrap(), "unknown_schema");
        let why = header(dead, "__connect.errors.exception.message").unwrap();
        assert!(why.contains(&fingerprint), "{why}");
    }
    deployment.assert_fine_with_store();
}

fn created(servers: &Servers, name: &str) -> Deployment {
    Deployment::create(servers, name, &Kafka::shared(servers).bootstrap())
}

fn set_schemas(deployment: &Deployment, folder: &Path) {
    let settings = deployment.folder().join("waymark.yaml");
    let mut settings = OpenOptions::new().append(true).open(settings).unwrap();
    writeln!(settings, "schemas: '{}'", folder.display()).unwrap();
}

/// Sends records and lets them be taken; returns how many were applied, and set aside.
fn taken(deployment: &Deployment, records: &[Plain]) -> [usize; 2] {
    deployment
        .client()
        .send(&deployment.topic("events"), records);
    let mut worker = deployment.start(0);
    deployment.wait_until_taken();
    worker.stop();
    let shards = deployment.shards();
    ["applied", "dead_lettered"].map(|outcome| {
        let counts = shards.iter().map(|shard| &shard["books"][outcome]);
        let sum: u64 = counts.filter_map(Value::as_u64).sum();
        usize::try_from(sum).unwrap()
    })
}

/// Writes an invented history once more, as another program with another schema would.
fn reworded(servers: &Servers, name: &str) -> Reworded {
    let source = created(servers, name);
    let to_kafka = ["simulate", "--to-kafka", "--format", "avro"];
    source.must(
        &[
            &to_kafka[..],
            &["--seed", "7", "--customers", "20", "--events", "300"],
        ]
        .concat(),
    );
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ours = fs::read_to_string(root.join("schemas/interaction_event.avsc")).unwrap();
    let mut theirs: Value = serde_json::from_str(&ours).unwrap();
    let fields = theirs["fields"].as_array_mut().unwrap();
    let place = fields.iter().position(|it| it["name"] == "source").unwrap();
    let moved = fields.remove(place);
    fields.insert(0, moved);
    let json = theirs.to_string();
    let [ours, theirs] = [&ours, &json].map(|it| Schema::parse_str(it).unwrap());
    let again = |record: &OwnedMessage| Plain {
        partition: record.partition(),
        key: record.key().map(Into::into),
        value: record
            .payload()
            .map(|value| rewritten(value, &ours, &theirs)),
        headers: None,
    };
    let records = source.client().read(&source.topic("events"));
    let records = records.iter().map(again).collect();
    Reworded { json, records }
}

fn rewritten(value: &[u8], ours: &Schema, theirs: &Schema) -> Vec<u8> {
    let (head, mut datum) = value.split_at(10);
    assert_eq!(head[..2], MARKER);
    let reader = GenericDatumReader::builder(ours)
        .reader_schema(theirs)
        .build();
    let event = reader.unwrap().read_value(&mut datum).unwrap();
    let writer = GenericDatumWriter::builder(theirs).build().unwrap();
    let datum = writer.write_value_to_vec(event).unwrap();
    [&MARKER, &fingerprint(theirs)[..], &datum].concat()
}

/// CRC-64-AVRO of the canonical form, in which a type that is nothing but a primitive stands as its name. This library
/// leaves such an object where a logical type was; the fingerprints of `fastavro` and of Java do not.
fn fingerprint(schema: &Schema) -> Vec<u8> {
    let canonical = schema.canonical_form();
    let canonical = ["int", "long", "string", "bytes"]
        .into_iter()
        .fold(canonical, |form, name| {
            form.replace(&format!(r#"{{"type":"{name}"}}"#), &format!(r#""{name}""#))
        });
    Rabin::digest(canonical).to_vec()
}
