//! What is said of a wrong mapping, and what a right one makes of a row.

use super::*;

const STORY: &str = r#"mapping: story
feed: loans
event_id: "{id}"
customer_id: "{id}"
occurred_at: "{when}"
events:
  - when: { what: submit }
    type: application.submitted
    fields: { product: loan, amount: "{amount}" }
"#;

fn wrong(text: &str) -> String {
    Mapping::parse("m.yaml", text)
        .expect_err("it is wrong")
        .to_string()
}

/// What is said when one part of the story is replaced.
fn instead(of: &str, by: &str) -> String {
    assert!(STORY.contains(of));
    wrong(&STORY.replace(of, by))
}

#[test]
fn an_unknown_key_is_reported_with_its_place_and_the_nearest_one() {
    assert_eq!(
        instead("feed:", "fed:"),
        "m.yaml:2:1: unknown key \"fed\": do you mean \"feed\"?"
    );
    assert_eq!(
        instead("    type:", "    typ:"),
        "m.yaml:8:5: unknown key \"typ\": do you mean \"type\"?"
    );
    assert_eq!(
        instead("{ product: loan,", "{ produkt: loan,"),
        "m.yaml:9:24: application.submitted: unknown field \"produkt\": do you mean \"product\"?"
    );
}

#[test]
fn an_unknown_kind_party_channel_or_zone_is_reported() {
    assert_eq!(
        instead("application.submitted", "application.submited"),
        "m.yaml:8:11: unknown kind of event \"application.submited\": do you mean \"application.submitted\"?"
    );
    assert_eq!(
        instead(
            "feed: loans",
            "feed: loans\nchannel: pigeon\nactor: { type: bank }"
        ),
        "m.yaml:3:10: unknown value \"pigeon\": one of unknown, web, mobile, branch, phone, email, relationship_manager, \
         partner is expected"
    );
    assert_eq!(
        instead("feed: loans", "feed: loans\nactor: { type: bnak }"),
        "m.yaml:3:16: unknown value \"bnak\": do you mean \"bank\"?"
    );
    assert_eq!(
        instead("\"{when}\"", "{ zone: Europe/Amsterdm, read: [] }"),
        "m.yaml:5:22: unknown time zone \"Europe/Amsterdm\""
    );
    assert_eq!(
        instead("\n    type", "\n    actor: {type: bank, ide: x}\n    type"),
        "m.yaml:8:25: unknown key \"ide\": do you mean \"id\"?"
    );
}

#[test]
fn what_is_missing_or_of_another_type_is_found_before_any_row() {
    assert_eq!(
        instead("customer_id: \"{id}\"\n", ""),
        "m.yaml:5:1: customer_id is missing"
    );
    assert_eq!(
        instead("product: loan, ", ""),
        "m.yaml:8:11: application.submitted: product is missing"
    );
    assert_eq!(
        instead("\"{amount}\"", "much"),
        "m.yaml:9:38: application.submitted: amount: \"much\" is not a whole number"
    );
    assert_eq!(
        instead("loan,", "5,"),
        "m.yaml:9:24: application.submitted: product: invalid type: integer `5`, expected a string"
    );
    assert_eq!(
        instead("feed: loans", "feed: loans\notherwise: warn"),
        "m.yaml:3:12: unknown value \"warn\": one of error, ignore is expected"
    );
}

#[test]
fn templates_formats_and_separators_are_checked() {
    assert_eq!(
        instead("event_id: \"{id}\"", "event_id: \"{id\""),
        "m.yaml:3:11: \"{id\" has a { without its }"
    );
    assert_eq!(
        instead("event_id: \"{id}\"", "event_id: \"id}\""),
        "m.yaml:3:11: \"id}\" has a } without its {; write }} for the brace itself"
    );
    assert_eq!(
        instead("event_id: \"{id}\"", "event_id: \"{ }\""),
        "m.yaml:3:11: \"{ }\" names no column between its braces"
    );
    assert_eq!(
        instead("feed: loans", "feed: loans\nseparator: \";;\""),
        "m.yaml:3:12: separator is one ASCII character, not \";;\""
    );
    assert_eq!(
        instead("feed: loans", "feed: loans\nfile_name: \"{a}{b}.csv\""),
        "m.yaml:3:12: two parts stand side by side; nothing tells where one ends"
    );
    let message = instead(
        "\"{when}\"",
        "{ zone: UTC, read: [{ text: \"{when}\", format: \"%Y-%m-%d %J\" }] }",
    );
    assert!(message.starts_with("m.yaml:5:60: "), "{message}");
    let message = instead(
        "\"{when}\"",
        "{ zone: UTC, read: [{ text: \"{when}\", format: \"%H:%M\" }] }",
    );
    assert!(message.starts_with("m.yaml:5:60: "), "{message}");
}

#[test]
fn what_is_not_yaml_is_reported_with_its_line() {
    let message = wrong("mapping: story\nfeed: [loans\n");
    assert_eq!(message, "m.yaml:2:7: expected string scalar");
    assert_eq!(
        instead("feed: loans", "feed: loans\nfeed: loans"),
        "m.yaml:3:1: key \"feed\" stands here a second time"
    );
    let error = Mapping::load(std::path::Path::new("no/such.yaml")).unwrap_err();
    assert_eq!(error.to_string(), "no/such.yaml: cannot be read");
}

mod rows {
    use super::super::*;
    use crate::source::{Input, open};
    use waymark_engine::event::{Body, Event, Value};

    /// Reads one row with a mapping made of a common beginning and the given end.
    fn decode(header: &str, row: &str, rest: &str) -> Result<Decoded, Rejection> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("2017_log.csv");
        std::fs::write(&path, format!("{header}\n{row}\n")).unwrap();
        let text = format!("mapping: one\nfeed: f\nevent_id: e\ncustomer_id: c\n{rest}");
        let mapping = Mapping::parse("m.yaml", &text).unwrap();
        let mut source = open(vec![Input::File(path)], Some(&mapping)).unwrap();
        source.next().unwrap().unwrap().decoded
    }

    fn event(header: &str, row: &str, rest: &str) -> Event {
        match decode(header, row, rest).unwrap() {
            Decoded::Event(event) => event,
            Decoded::Ignored { type_name } => panic!("{type_name} is ignored"),
        }
    }

    #[test]
    fn columns_become_what_the_body_asks_for() {
        let event = event(
            "n,b,t,i",
            "5000.0,TRUE,a text,CSAT",
            "occurred_at: 2026-03-02T09:30:00Z\nevents:\n  - type: custom\n    fields: { name: \"{t}\", values: { text: \"n={n}\", one: 1, half: 0.5, yes: true, gone: \"{{{n}}}\" } }",
        );
        let Body::Custom(body) = event.body else {
            panic!()
        };
        assert_eq!(*body.name, *"a text");
        assert_eq!(body.values["text"], Value::Text("n=5000.0".into()));
        assert_eq!(body.values["gone"], Value::Text("{5000.0}".into()));
        assert_eq!(body.values["one"], Value::Integer(1));
        assert_eq!(body.values["half"], Value::Number(0.5));
        assert_eq!(body.values["yes"], Value::Boolean(true));
    }

    #[test]
    fn numbers_truths_and_names_are_read_from_text() {
        let rest = "occurred_at: 2026-03-02T09:30:00Z\nevents:\n  - type: survey.replied\n    fields: { instrument: \"{i}\", score: \"{n}\", scale: { low: 1, high: \"{h}\" } }";
        let Body::SurveyReplied(reply) = event("i,n,h", "CSAT,4.0,5", rest).body else {
            panic!()
        };
        assert_eq!((reply.score, reply.scale.unwrap().high), (Some(4), 5));
        let rejection = decode("i,n,h", "XYZ,4,5", rest).unwrap_err();
        assert!(
            rejection
                .to_string()
                .starts_with("invalid: body.instrument: unknown variant `XYZ`"),
            "{rejection}"
        );
        let rejection = decode("i,n,h", "CSAT,4.5,5", rest).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            "invalid: body.score: \"4.5\" is not a whole number"
        );
    }

    #[test]
    fn a_cell_without_a_value_leaves_its_field_out() {
        let rest = "occurred_at: 2026-03-02T09:30:00Z\nnone_if: { n: [11, none] }\ndimensions: { area: \"{a}\" }\nevents:\n  - type: survey.replied\n    fields: { instrument: NPS, score: \"{n}\" }";
        for (row, score) in [
            ("9,x", Some(9)),
            ("11,x", None),
            ("none,x", None),
            (" ,x", None),
        ] {
            let Body::SurveyReplied(reply) = event("n,a", row, rest).body else {
                panic!()
            };
            assert_eq!(reply.score, score, "{row}");
        }
        assert_eq!(&*event("n,a", "9,x", rest).dimensions["area"], "x");
        assert!(event("n,a", "9,", rest).dimensions.is_empty());
        let required = "occurred_at: 2026-03-02T09:30:00Z\nevents:\n  - type: stage.entered\n    fields: { stage: \"{n}\" }";
        assert_eq!(
            decode("n,a", ",x", required).unwrap_err().to_string(),
            "invalid: body.stage is missing"
        );
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rest = "occurred_at: 2026-03-02T09:30:00Z\nevents:\n  - { when: { a: \"W_*\", b: [START, STOP] }, type: feed.heartbeat }\n  - { when: { a: W_1 }, type: review.held }\notherwise: ignore";
        assert_eq!(event("a,b", "W_1,START", rest).kind(), Kind::FeedHeartbeat);
        assert_eq!(event("a,b", "W_2,STOP", rest).kind(), Kind::FeedHeartbeat);
        assert_eq!(event("a,b", "W_1,x", rest).kind(), Kind::ReviewHeld);
        let ignored = decode("a,b", "W_2,x", rest).unwrap();
        assert_eq!(
            ignored,
            Decoded::Ignored {
                type_name: "W_2 x".into()
            }
        );
    }

    #[test]
    fn local_times_are_read_in_their_zone_by_the_first_format_that_fits() {
        let rest = "file_name: \"{year}_log.csv\"\noccurred_at:\n  zone: America/Los_Angeles\n  read:\n    - { text: \"{year}-05-{d} {t}\", format: \"%Y-%m-%d %I:%M:%S %p\" }\n    - { text: \"{year}-05-{d} {t}\", format: \"%Y-%m-%d %H:%M\" }\n    - { text: \"{year}-05-{d}\", format: \"%Y-%m-%d\" }\nevents:\n  - type: review.held";
        for (row, at) in [
            ("13,9:30:00 AM", "2017-05-13T16:30:00.000Z"),
            ("5,18:15", "2017-05-06T01:15:00.000Z"),
            ("5,", "2017-05-05T07:00:00.000Z"),
            ("5,soon", "2017-05-05T07:00:00.000Z"),
        ] {
            assert_eq!(event("d,t", row, rest).occurred_at.to_string(), at, "{row}");
        }
        let rejection = decode("d,t", "32,9:30:00 AM", rest).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            "bad_time: occurred_at: \"2017-05-32 9:30:00 AM\" has none of the formats of the mapping"
        );
        assert_eq!(
            decode("d,t", ",", rest).unwrap_err().to_string(),
            "bad_time: occurred_at is missing: its columns are empty"
        );
    }

    #[test]
    fn a_file_whose_name_has_another_form_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.csv");
        std::fs::write(&path, "a\n1\n").unwrap();
        let text = "mapping: one\nfeed: f\nfile_name: \"{year}_log.csv\"\nevent_id: \"{year}\"\ncustomer_id: c\noccurred_at: \"{a}\"\nevents: []";
        let mapping = Mapping::parse("m.yaml", text).unwrap();
        let error = open(vec![Input::File(path)], Some(&mapping)).unwrap_err();
        assert!(error.to_string().ends_with("log.csv: its name is not of the form {year}_log.csv, from which m.yaml takes columns"), "{error}");
    }

    #[test]
    fn a_text_longer_than_events_may_have_is_a_dead_letter() {
        let rest = "occurred_at: 2026-03-02T09:30:00Z\nevents:\n  - { type: stage.entered, fields: { stage: \"{a}{a}{a}\" } }";
        let row = format!("{},", "x".repeat(400));
        let rejection = decode("a,b", &row, rest).unwrap_err();
        assert_eq!(
            rejection.to_string(),
            "invalid: body.stage has 1200 bytes, more than 1024"
        );
    }
}
