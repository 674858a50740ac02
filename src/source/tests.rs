//! Every format and every way in which a file can be wrong, as stories of three events.

use std::fs;
use std::path::PathBuf;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::{Codec, DeflateSettings, Writer, ZstandardSettings};
use waymark_engine::event::{Decoded, Event, Reason, encode_avro, encode_json};

use super::*;

const LOG: &str = "\
case,what,when,amount
A-1,submit,2026-03-02T09:30:00+01:00,20000
A-2,submit,2026-03-02T09:31:00.250+01:00,
A-1,approve,2026-03-05T16:00:00+01:00,
";

const JSON: &str = r#"
{"event_id":"A-1/submit","customer_id":"A-1","application_id":"A-1","occurred_at":"2026-03-02T08:30:00Z","source":"loans","actor":{"type":"customer"},"dimensions":{"branch":"17"},"body":{"type":"application.submitted","product":"loan","amount":20000}}

{"event_id":"A-2/submit","customer_id":"A-2","application_id":"A-2","occurred_at":1772440260250,"source":"loans","actor":{"type":"customer"},"dimensions":{"branch":"17"},"body":{"type":"application.submitted","product":"loan"}}
{"event_id":"A-1/approve","customer_id":"A-1","application_id":"A-1","occurred_at":"2026-03-05T16:00:00+01:00","source":"loans","dimensions":{"branch":"17"},"body":{"type":"application.approved"}}
"#;

fn mapping() -> Mapping {
    let text = r#"
mapping: story
feed: loans
event_id: "{case}/{what}"
customer_id: "{case}"
application_id: "{case}"
occurred_at: "{when}"
dimensions: { branch: "17" }
events:
  - when: { what: submit }
    type: application.submitted
    actor: { type: customer }
    fields: { product: loan, amount: "{amount}" }
  - when: { what: approve }
    type: application.approved
"#;
    Mapping::parse("story.yaml", text).unwrap()
}

/// A folder with one file in it.
struct Fixture {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn fixture(name: &str, bytes: impl AsRef<[u8]>) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    Fixture { folder, path }
}

impl Fixture {
    fn records(&self) -> Vec<Record> {
        let mapping = mapping();
        let source = open(vec![Input::parse(&self.path)], Some(&mapping)).unwrap();
        source.map(Result::unwrap).collect()
    }

    fn events(&self) -> Vec<Event> {
        let events = self
            .records()
            .into_iter()
            .map(|record| match record.decoded {
                Ok(Decoded::Event(event)) => event,
                other => panic!("{}: {other:?}", record.place),
            });
        events.collect()
    }

    /// The message of the error that ends reading, causes included, and how many records came before it.
    fn failure(&self, mapping: Option<&Mapping>) -> (usize, String) {
        let mut count = 0;
        let error = match open(vec![Input::parse(&self.path)], mapping) {
            Err(error) => error,
            Ok(source) => source
                .inspect(|record| count += usize::from(record.is_ok()))
                .find_map(Result::err)
                .expect("reading fails"),
        };
        let folder = format!("{}/", self.folder.path().display());
        (count, chain(&error).replace(&folder, ""))
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

fn failure(name: &str, bytes: impl AsRef<[u8]>) -> String {
    fixture(name, bytes).failure(Some(&mapping())).1
}

fn zstd(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    zstd::encode_all(bytes.as_ref(), 3).unwrap()
}

/// Written by another implementation, two records a block.
fn container(events: &[Event], codec: Codec) -> Vec<u8> {
    let schema = include_str!("../../schemas/interaction_event.avsc");
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let datums = GenericDatumReader::builder(&schema).build().unwrap();
    let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
    for (index, event) in events.iter().enumerate() {
        let value = datums.read_value(&mut &*encode_avro(event)).unwrap();
        writer.append_value(value).unwrap();
        if index % 2 == 1 {
            writer.flush().unwrap();
        }
    }
    writer.into_inner().unwrap()
}

#[test]
fn the_same_story_in_csv_json_lines_and_avro_is_the_same_events() {
    let events = fixture("story.csv", LOG).events();
    assert_eq!(events.len(), 3);
    assert_eq!(fixture("story.jsonl", JSON).events(), events);
    for codec in [
        Codec::Null,
        Codec::Deflate(DeflateSettings::default()),
        Codec::Zstandard(ZstandardSettings::default()),
    ] {
        let avro = container(&events, codec);
        assert_eq!(fixture("story.avro", &avro).events(), events, "{codec:?}");
    }
}

#[test]
fn plain_and_compressed_files_hold_the_same_records() {
    let avro = container(&fixture("story.csv", LOG).events(), Codec::Null);
    for (name, bytes) in [
        ("a.csv", LOG.as_bytes()),
        ("a.jsonl", JSON.as_bytes()),
        ("a.avro", &avro),
    ] {
        let packed = fixture(&format!("{name}.zst"), zstd(bytes)).events();
        assert_eq!(packed, fixture(name, bytes).events());
        let (start, end) = bytes.split_at(bytes.len() / 2);
        let frames = [zstd(start), zstd(end)].concat();
        assert_eq!(
            fixture("frames", frames).events(),
            packed,
            "the format shows in the first bytes"
        );
    }
}

#[test]
fn records_know_where_they_stood_and_what_stood_there() {
    let places = |fixture: &Fixture| -> Vec<String> {
        let folder = format!("{}/", fixture.folder.path().display());
        let places = fixture
            .records()
            .into_iter()
            .map(|record| record.place.to_string());
        places.map(|place| place.replace(&folder, "")).collect()
    };
    assert_eq!(
        places(&fixture("a.csv", LOG)),
        ["a.csv:2", "a.csv:3", "a.csv:4"]
    );
    assert_eq!(
        places(&fixture("a.jsonl", JSON)),
        ["a.jsonl:2", "a.jsonl:4", "a.jsonl:5"]
    );
    let avro = fixture(
        "a.avro",
        container(&fixture("a.csv", LOG).events(), Codec::Null),
    );
    assert_eq!(places(&avro)[2], "a.avro: record 3");

    let windows =
        "\u{feff}case,what,when,amount\r\n\r\n\"A-1\",\"sub\nmit\",2026,\r\nA-2,x,2026,\r\n";
    let log = fixture("windows.csv", windows);
    assert_eq!(places(&log), ["windows.csv:3", "windows.csv:5"]);
    let values: Vec<_> = log
        .records()
        .into_iter()
        .map(|record| record.value)
        .collect();
    assert_eq!(values, [&b"\"A-1\",\"sub\nmit\",2026,"[..], b"A-2,x,2026,"]);
}

#[test]
fn inputs_are_read_in_the_order_given_and_progress_counts_their_bytes() {
    let mapping = mapping();
    let (first, second) = (fixture("b.csv.zst", zstd(LOG)), fixture("a.jsonl", JSON));
    let inputs = vec![Input::parse(&first.path), Input::parse(&second.path)];
    let total = fs::metadata(&first.path).unwrap().len() + JSON.len() as u64;
    let mut source = open(inputs, Some(&mapping)).unwrap();
    let before = Progress {
        read_bytes: 0,
        total_bytes: Some(total),
    };
    assert_eq!(source.progress(), before);
    let ids: Vec<_> = source
        .by_ref()
        .map(|record| match record.unwrap().decoded.unwrap() {
            Decoded::Event(event) => event.id.to_string(),
            Decoded::Ignored { type_name } => type_name.to_string(),
        })
        .collect();
    let once = ["A-1/submit", "A-2/submit", "A-1/approve"];
    assert_eq!(ids, [once, once].concat());
    assert_eq!(source.progress().read_bytes, total);
}

#[test]
fn a_dash_is_standard_input() {
    assert_eq!(Input::parse("-"), Input::StandardInput);
    assert_eq!(Input::parse("./-"), Input::File("./-".into()));
    let source = open(vec![Input::StandardInput], None).unwrap();
    assert_eq!(source.progress().total_bytes, None);
}

#[test]
fn bad_lines_are_dead_letters_and_reading_goes_on() {
    let good = JSON.trim().lines().next().unwrap();
    let text = format!("{{\"event_id\":}}\n{good}\n\u{1}\n{{}}\n{good}\n");
    let records = fixture("bad.jsonl", text).records();
    let reasons: Vec<_> = records
        .iter()
        .map(|record| {
            record
                .decoded
                .as_ref()
                .err()
                .map(|rejection| rejection.reason)
        })
        .collect();
    assert_eq!(
        reasons,
        [
            Some(Reason::Unreadable),
            None,
            Some(Reason::Unreadable),
            Some(Reason::Invalid),
            None
        ]
    );
    assert_eq!(records[0].value, b"{\"event_id\":}");
}

#[test]
fn a_line_that_is_too_long_is_a_dead_letter_of_which_the_beginning_is_kept() {
    let good = JSON.trim().lines().next().unwrap();
    let fits = format!("{good}{}", " ".repeat(RECORD_BYTES_MAX - good.len()));
    let text = format!(
        "{fits}\n{}\n{good}\n{}",
        "x".repeat(5_000_000),
        "y".repeat(RECORD_BYTES_MAX + 1)
    );
    let records = fixture("long.jsonl", text).records();
    assert!(records[0].decoded.is_ok());
    let rejection = records[1].decoded.as_ref().unwrap_err();
    assert_eq!(rejection.reason, Reason::TooLarge);
    assert_eq!(
        rejection.detail,
        "the line has 5000000 bytes, more than 1048576"
    );
    assert_eq!(records[1].value, "x".repeat(KEPT_BYTES_MAX).as_bytes());
    assert_eq!(records[2].place.at, At::Line(3));
    assert!(records[2].decoded.is_ok());
    let rejection = records[3].decoded.as_ref().unwrap_err();
    assert_eq!(
        rejection.detail,
        "the line has 1048577 bytes, more than 1048576"
    );
}

#[test]
fn a_datum_that_is_too_large_is_a_dead_letter_and_the_next_one_is_read() {
    let mut events = fixture("story.csv", LOG).events();
    let huge = "x".repeat(RECORD_BYTES_MAX).into();
    // One entry only: the other writer keeps maps in no order.
    events[1].dimensions = [("note".into(), huge)].into();
    let records = fixture("a.avro", container(&events, Codec::Null)).records();
    let rejection = records[1].decoded.as_ref().unwrap_err();
    assert_eq!(rejection.reason, Reason::TooLarge);
    assert!(records[1].value == encode_avro(&events[1])[..KEPT_BYTES_MAX]);
    assert!(records[0].decoded.is_ok() && records[2].decoded.is_ok());
}

#[test]
fn bad_rows_are_dead_letters_with_their_original_line() {
    let log = b"case,what,when,amount\nA-1,submit\nA-2,submit,yesterday,\nA-3,\"sing\",2026-03-02T09:30:00Z,\n\
        \xff,submit,2026-03-02T09:30:00Z,\nA-4,submit,2026-03-02T09:30:00Z,many\n,submit,2026-03-02T09:30:00Z,\n";
    let records = fixture("bad.csv", log).records();
    let rejections: Vec<_> = records
        .iter()
        .map(|record| record.decoded.as_ref().unwrap_err().to_string())
        .collect();
    assert_eq!(
        rejections,
        [
            "invalid: the row has 2 fields, the header 4",
            "bad_time: occurred_at: time \"yesterday\" is not RFC 3339 with an offset, such as 2026-03-02T09:30:00Z",
            "invalid: no event of mapping story describes \"sing\"",
            "unreadable: the row is not UTF-8",
            "invalid: body.amount: \"many\" is not a whole number",
            "invalid: event_id is missing: column \"case\" is empty",
        ]
    );
    assert_eq!(records[2].value, b"A-3,\"sing\",2026-03-02T09:30:00Z,");
}

#[test]
fn what_cannot_be_opened_is_named() {
    let fixture = fixture("a.csv", LOG);
    let missing = fixture.folder.path().join("b.csv");
    let mapping = mapping();
    let error = open(
        vec![Input::parse(&fixture.path), Input::parse(missing)],
        Some(&mapping),
    );
    let message = chain(&error.unwrap_err());
    assert!(
        message.ends_with("b.csv: cannot be opened: No such file or directory (os error 2)"),
        "{message}"
    );
    let error = open(vec![Input::parse(fixture.folder.path())], None).unwrap_err();
    assert!(
        chain(&error).ends_with(": cannot be opened: is a directory"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_file_that_is_empty_or_of_no_known_format_is_refused_at_once() {
    assert_eq!(failure("a.csv", ""), "a.csv: is empty");
    assert_eq!(failure("a.jsonl", ""), "a.jsonl: is empty");
    assert_eq!(failure("a.csv", "\n\n"), "a.csv: is empty");
    assert_eq!(failure("a.csv.zst", zstd("")), "a.csv.zst: is empty");
    assert_eq!(
        failure("a.avro", "no"),
        "a.avro: is not an Avro container: it does not begin with Obj and 1"
    );
    assert_eq!(
        failure("a.gz", [0x1f, 0x8b, 8]),
        "a.gz: is compressed with gzip; unpack it or use zstd"
    );
    assert_eq!(
        fixture("a.csv", LOG).failure(None).1,
        "a.csv: is a CSV log, which is read through an import mapping: name one with --mapping"
    );
    assert_eq!(
        fixture("a.log", LOG).failure(None).1,
        "a.log: is neither JSON lines nor an Avro container; a CSV log needs --mapping"
    );
    assert_eq!(fixture("a.log", LOG).events().len(), 3);
}

#[test]
fn a_missing_column_is_named_with_the_nearest_and_the_mapping() {
    assert_eq!(
        failure("a.csv", LOG.replace("amount", "Amuont  ")),
        "a.csv:1: there is no column \"amount\", which story.yaml line 13 reads; the nearest is \"Amuont\""
    );
    assert_eq!(
        failure("a.csv", "x;y\n"),
        "a.csv:1: there is no column \"case\", which story.yaml line 4 reads"
    );
}

#[test]
fn a_file_that_stops_in_the_middle_is_no_whole_file() {
    let cut = |text: &str| text[..text.trim_end().len() - 20].to_owned();
    assert_eq!(
        fixture("a.jsonl", cut(JSON)).failure(None),
        (2, "a.jsonl:5: the file ends too early: its last line has no end (body: EOF while parsing a string)".into())
    );
    assert_eq!(
        failure("a.csv", cut(LOG)),
        "a.csv:4: the file ends too early: its last row has 3 fields of 4"
    );
    assert_eq!(
        failure("a.csv", LOG.replace("A-1,approve", "\"A-1,approve")),
        "a.csv:4: the file ends too early: its last row has 1 fields of 4"
    );
    let packed = zstd(JSON.repeat(50_000));
    let (count, message) = fixture("a.jsonl.zst", &packed[..packed.len() / 2]).failure(None);
    assert!(count > 1_000);
    assert!(
        message.ends_with(": the file ends too early: the compressed data is incomplete"),
        "{message}"
    );
    let avro = container(&fixture("a.csv", LOG).events(), Codec::Null);
    assert_eq!(
        fixture("a.avro", &avro[..avro.len() - 5]).failure(None),
        (
            2,
            "a.avro: record 2: the file ends too early: a block is incomplete".into()
        )
    );
    assert_eq!(
        failure("a.avro", &avro[..100]),
        "a.avro: the file ends too early: its Avro header is incomplete"
    );
}

#[test]
fn broken_compression_says_how_far_it_was_read() {
    let mut packed = zstd(JSON.repeat(50_000));
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xaa);
    let (count, message) = fixture("a.jsonl.zst", packed).failure(None);
    assert!(count > 1_000);
    assert!(
        message.contains(": cannot be read beyond this point: "),
        "{message}"
    );
    assert!(message.starts_with("a.jsonl.zst:"), "{message}");
}

#[test]
fn a_container_that_contradicts_itself_is_damaged() {
    let events = fixture("a.csv", LOG).events();
    let avro = container(&events, Codec::Null);
    let mut other_mark = avro.clone();
    *other_mark.last_mut().unwrap() ^= 1;
    assert_eq!(
        fixture("a.avro", other_mark).failure(None),
        (
            2,
            "a.avro: record 2: is followed by a block without the mark of this file".into()
        )
    );
    let first = encode_avro(&events[0]);
    let at = avro
        .windows(first.len())
        .position(|bytes| bytes == first)
        .unwrap();
    let mut bad_length = avro.clone();
    bad_length[at] = 0x7f;
    let message = failure("a.avro", bad_length);
    assert!(
        message.starts_with("a.avro: record 1: does not follow the schema of its file: "),
        "{message}"
    );
    let mut foreign_schema = avro.clone();
    let text = avro
        .windows(16)
        .position(|bytes| bytes == b"InteractionEvent")
        .unwrap();
    foreign_schema[text] = b'J';
    assert_eq!(
        failure("a.avro", foreign_schema),
        "a.avro: its records are \"JnteractionEvent\", not InteractionEvent"
    );
}

#[test]
fn an_open_quotation_mark_does_not_swallow_the_file() {
    let log = format!(
        "case,what,when,amount\n\"A-1,submit\n{}",
        "A-2,submit,x,\n".repeat(200_000)
    );
    assert_eq!(
        failure("a.csv", log),
        "a.csv:2: the row that begins here has more than 1048576 bytes: is a quotation mark left open?"
    );
}

#[test]
fn json_written_by_us_is_read_by_us() {
    let events = fixture("story.csv", LOG).events();
    let mut text = Vec::new();
    for event in &events {
        encode_json(event, &mut text);
        text.push(b'\n');
    }
    assert_eq!(fixture("a", text).events(), events);
}

#[test]
fn reading_ends_after_an_error() {
    let fixture = fixture("a.jsonl", "{\"cut\": ");
    let mut source = open(vec![Input::parse(&fixture.path); 2], None).unwrap();
    assert!(source.next().unwrap().is_err());
    assert!(source.next().is_none());
}
