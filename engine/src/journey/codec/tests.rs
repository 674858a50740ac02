//! The stored form against its published schema: another implementation reads and writes the same bytes.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::definition::RuleKey;
use crate::derived::Level;
use crate::event::{ApplicationId, CaseId, Dimensions, EventHash, Instrument, Kind, Text};
use crate::journey::{
    Application, Case, CaseKind, Closing, Episode, Moment, Pending, Profile, Reply, Respondent,
    Stated, TimelineEntry, Visit, Watch,
};
use crate::stored::{Damage, MARKER};

const SCHEMA: &str = include_str!("../../../../schemas/journey.avsc");

proptest! {
    #[test]
    fn what_is_written_is_read_again(journey in journeys()) {
        let bytes = journey.encode();
        prop_assert_eq!(Journey::due_of(&bytes).unwrap(), journey.due);
        prop_assert_eq!(Journey::decode(&bytes).unwrap(), journey);
    }

    #[test]
    fn any_avro_reader_with_the_schema_can_read_it(journey in journeys()) {
        let schema = apache_avro::Schema::parse_str(SCHEMA).unwrap();
        let bytes = journey.encode();
        let mut datum = &bytes[WRITTEN.len()..];
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        let value = reader.read_value(&mut datum).unwrap();
        prop_assert!(datum.is_empty());
        prop_assert_eq!(entries_of(&value, "applications"), journey.applications.len());
        // What that implementation writes, with its maps in an order of its own, is the same journey again.
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        let theirs = writer.write_value_to_vec(value).unwrap();
        let bytes = [&bytes[..WRITTEN.len()], &theirs].concat();
        prop_assert_eq!(Journey::decode(&bytes).unwrap(), journey);
    }

    #[test]
    fn garbage_behind_the_header_is_told(garbage in vec(any::<u8>(), 0..600)) {
        let bytes = [&WRITTEN[..], &garbage].concat();
        if let Ok(journey) = Journey::decode(&bytes) {
            prop_assert_eq!(Journey::decode(&journey.encode()).unwrap(), journey);
        }
    }
}

#[test]
fn the_header_is_that_of_the_schema() {
    let schema: serde_avro_fast::Schema = SCHEMA.parse().unwrap();
    assert_eq!(
        WRITTEN,
        [&MARKER[..], schema.rabin_fingerprint()].concat()[..]
    );
}

#[test]
fn words_kinds_and_units_are_those_of_the_schema() {
    let symbols = |name: &str| {
        let place = SCHEMA.find(&format!(r#""name": "{name}""#)).unwrap();
        let list = SCHEMA[place..].split(['[', ']']).nth(1).unwrap();
        let symbols = list
            .split(',')
            .map(|symbol| symbol.trim().trim_matches('"'));
        symbols.collect::<Vec<_>>()
    };
    assert_eq!(symbols("Word"), words::WORDS);
    let kinds: Vec<_> = Kind::ALL.iter().map(|kind| format!("{kind:?}")).collect();
    assert_eq!(symbols("Kind"), kinds);
    assert_eq!(symbols("Unit"), ["millisecond", "second"]);
}

#[test]
fn a_customer_about_whom_nothing_is_known_takes_few_bytes() {
    assert!(Journey::default().encode().len() <= 30);
}

#[test]
fn an_event_that_a_journey_refers_to_often_is_stored_once() {
    let event = moment_of((1_000_000, Kind::StageEntered, 7));
    let journey = Journey {
        watches: (0..5).map(|rule| watch_of(rule, event)).collect(),
        ..Journey::default()
    };
    let one_watch_less = {
        let mut fewer = journey.clone();
        fewer.watches.pop();
        fewer.encode().len()
    };
    // Four bytes of the rule, three of the limit; each time it is named the event takes one byte.
    assert!(journey.encode().len() - one_watch_less <= 15);
    assert_eq!(Journey::decode(&journey.encode()).unwrap(), journey);
}

#[test]
fn a_list_that_promises_more_than_there_is_is_damage() {
    let mut bytes = Journey::default().encode();
    let last = bytes.len() - 1;
    bytes.splice(
        last..,
        [0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    );
    let told = Journey::decode(&bytes);
    assert!(
        matches!(told, Err(StateError::Damaged(Damage::Cut))),
        "{told:?}"
    );
}

fn entries_of(value: &Value, field: &str) -> usize {
    let Value::Record(fields) = value else {
        panic!("a journey is a record")
    };
    let field = fields.iter().find(|(name, _)| name == field);
    match field {
        Some((_, Value::Array(items))) => items.len(),
        other => panic!("no list: {other:?}"),
    }
}

fn watch_of(rule: u8, armed: Moment) -> Watch {
    let mut watch = Watch::new(RuleKey([rule; 4]));
    watch.pending.push(Pending {
        armed,
        due: armed.at + std::time::Duration::from_hours(120),
        warned: false,
        first: None,
    });
    watch.closings.push(Closing {
        moment: armed,
        satisfies: true,
    });
    watch
}

fn moment_of((seconds, kind, hash): (i64, Kind, u8)) -> Moment {
    Moment {
        at: Timestamp::from_millis(seconds * 1_000).unwrap(),
        kind,
        by: EventHash([hash; 8]),
    }
}

/// Times over the whole range, many of them whole seconds and many of them equal.
fn times() -> impl Strategy<Value = Timestamp> {
    let near = 1_770_000_000_000_i64;
    prop_oneof![
        6 => (0..50_i64).prop_map(move |seconds| near + seconds * 1_000),
        1 => near..near + 10_000,
        1 => 0..=Timestamp::MAX.as_millis(),
    ]
    .prop_map(|millis| Timestamp::from_millis(millis).unwrap())
}

fn texts() -> impl Strategy<Value = Text> {
    let text = prop_oneof![
        3 => prop::sample::select(vec!["all", "unknown", "offer", "tier", "region", "airport", ""]),
        1 => prop::sample::select(vec!["north", "Ämter und Höfe", "project-finance"]),
    ];
    text.prop_map(Text::from)
}

fn hashes() -> impl Strategy<Value = EventHash> {
    (0..20_u8).prop_map(|byte| EventHash([byte; 8]))
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL)
}

fn moments() -> impl Strategy<Value = Moment> {
    (times(), kinds(), hashes()).prop_map(|(at, kind, by)| Moment { at, kind, by })
}

fn stated() -> impl Strategy<Value = Stated> {
    (texts(), times()).prop_map(|(value, at)| Stated { value, at })
}

fn dimensions() -> impl Strategy<Value = Dimensions> {
    btree_map(texts(), texts(), 0..4)
}

fn profiles() -> impl Strategy<Value = Profile> {
    let field = || option::of(stated());
    let fields = (field(), field(), field(), field(), field());
    (fields, btree_map(texts(), stated(), 0..3)).prop_map(|(fields, dimensions)| {
        let (tier, industry, region, branch, relationship_manager) = fields;
        Profile {
            tier,
            industry,
            region,
            branch,
            relationship_manager,
            dimensions,
        }
    })
}

fn episodes() -> impl Strategy<Value = Episode> {
    let levels = prop::sample::select(vec![
        Level::Slow,
        Level::AtRisk,
        Level::Breached,
        Level::Abandoned,
    ]);
    let times = (option::of(times()), times());
    (
        moments(),
        moments(),
        times,
        option::of(levels),
        any::<u32>(),
    )
        .prop_map(|(armed, overdue, (due, since), level, sequence)| Episode {
            armed,
            overdue,
            due,
            level,
            since,
            sequence,
        })
}

fn watches() -> impl Strategy<Value = Watch> {
    let pending = (moments(), times(), any::<bool>(), option::of(moments()));
    let closing = (moments(), any::<bool>());
    let parts = (
        any::<[u8; 4]>(),
        vec(pending, 0..3),
        vec(closing, 0..4),
        option::of(episodes()),
    );
    parts.prop_map(|(rule, pending, closings, episode)| Watch {
        rule: RuleKey(rule),
        pending: pending
            .into_iter()
            .map(|(armed, due, warned, first)| Pending {
                armed,
                due,
                warned,
                first,
            })
            .collect(),
        closings: closings
            .into_iter()
            .map(|(moment, satisfies)| Closing { moment, satisfies })
            .collect(),
        episode,
    })
}

fn applications() -> impl Strategy<Value = Application> {
    let visit =
        (texts(), times(), hashes()).prop_map(|(stage, since, by)| Visit { stage, since, by });
    let stated = (
        "[a-z0-9-]{1,9}",
        option::of(times()),
        option::of(texts()),
        option::of(any::<i64>()),
    );
    let over = (option::of(moments()), option::of(moments()));
    (
        stated,
        dimensions(),
        vec(visit, 0..3),
        over,
        vec(watches(), 0..3),
    )
        .prop_map(
            |(
                (id, submitted_at, product, amount),
                dimensions,
                visits,
                (decided, ended),
                watches,
            )| {
                Application {
                    id: ApplicationId::parse(id).unwrap(),
                    submitted_at,
                    product,
                    amount,
                    dimensions,
                    visits,
                    decided,
                    ended,
                    watches,
                }
            },
        )
}

fn cases() -> impl Strategy<Value = Case> {
    let kinds = prop::sample::select(vec![CaseKind::Enquiry, CaseKind::Complaint]);
    let id = "[a-z0-9-]{1,9}";
    (kinds, id, option::of(id), vec(watches(), 0..3)).prop_map(
        |(kind, id, application, watches)| Case {
            kind,
            id: CaseId::parse(id).unwrap(),
            application: application.map(|id| ApplicationId::parse(id).unwrap()),
            watches,
        },
    )
}

fn respondents() -> impl Strategy<Value = Respondent> {
    let reply =
        (times(), hashes(), 0..=10_i64, dimensions()).prop_map(|(at, by, score, cohorts)| Reply {
            at,
            by,
            score,
            cohorts,
        });
    let instruments =
        prop::sample::select(vec![Instrument::Nps, Instrument::Csat, Instrument::Ces]);
    let series = (texts(), instruments, texts(), texts());
    (series, vec(reply, 0..3), option::of(episodes())).prop_map(
        |((respondent, instrument, touchpoint, score_dimension), replies, episode)| Respondent {
            respondent,
            instrument,
            touchpoint,
            score_dimension,
            replies,
            episode,
        },
    )
}

fn journeys() -> impl Strategy<Value = Journey> {
    let clock = (option::of(times()), option::of(times()));
    let seen = vec((hashes(), times()), 0..80);
    let happened = vec((times(), kinds()), 0..10);
    let lists = (
        vec(watches(), 0..3),
        vec(applications(), 0..3),
        vec(cases(), 0..3),
        vec(respondents(), 0..3),
    );
    (clock, profiles(), lists, seen, happened).prop_map(
        |(clock, profile, lists, seen, happened)| {
            let (due, erased_at) = clock;
            let (watches, applications, cases, respondents) = lists;
            let mut journey = Journey {
                due,
                erased_at,
                profile,
                watches,
                applications,
                cases,
                respondents,
                ..Journey::default()
            };
            for (hash, at) in seen {
                journey.recent.insert(hash, at);
            }
            for (at, kind) in happened {
                journey.timeline.insert(TimelineEntry { at, kind });
            }
            journey
        },
    )
}
