//! The stored form against its published schema: another implementation reads and writes the same bytes.

mod by_name;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::array::uniform8;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cohort::state::Track;
use crate::cohort::watch::{Episode, Origin, Phase, Reply, Watch};
use crate::cohort::waves::Waves;
use crate::cohort::window::Window;
use crate::cohort::{Detector, Direction, Period, Tally};
use crate::derived::{Category, Series};
use crate::event::{Day, EventHash, Instrument, Timestamp};
use crate::stored::{Damage, MARKER};

const SCHEMA: &str = include_str!("../../../../schemas/cohort.avsc");

proptest! {
    #[test]
    fn what_is_written_is_read_again(cohort in cohorts()) {
        prop_assert_eq!(Cohort::decode(&cohort.encode()).unwrap(), cohort);
    }

    #[test]
    fn any_avro_reader_with_the_schema_can_read_it(cohort in cohorts()) {
        let schema = apache_avro::Schema::parse_str(SCHEMA).unwrap();
        let bytes = cohort.encode();
        let mut datum = &bytes[WRITTEN.len()..];
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        let value = reader.read_value(&mut datum).unwrap();
        prop_assert!(datum.is_empty());
        prop_assert_eq!(&value, &by_name::cohort(&cohort));
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        prop_assert_eq!(&writer.write_value_to_vec(value).unwrap(), &bytes[WRITTEN.len()..]);
    }

    #[test]
    fn garbage_behind_the_header_is_told(garbage in vec(any::<u8>(), 0..600)) {
        let bytes = [&WRITTEN[..], &garbage].concat();
        if let Ok(cohort) = Cohort::decode(&bytes) {
            prop_assert_eq!(Cohort::decode(&cohort.encode()).unwrap(), cohort);
        }
    }
}

/// `states/cohort-N.hex` holds a cohort as schema version N wrote it; the files stay for ever.
#[test]
fn a_cohort_stored_by_each_released_schema_can_be_read() {
    let stored = include_str!("../../../tests/states/cohort-1.hex");
    let digits: Vec<_> = stored.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    let read = Cohort::decode(&bytes).expect("version 1 stays readable");
    assert_eq!(read, everything(), "version 1 keeps its meaning");
}

/// A cohort that holds something of everything.
fn everything() -> Cohort {
    let day = |number| Day(20_500 + number);
    let tally = |promoters| Tally {
        promoters,
        passives: 3,
        detractors: 200,
    };
    let reply = |minute: i64, category| Reply {
        occurred_at: Timestamp::from_millis(1_771_200_000_000 + minute * 60_000).unwrap(),
        event_hash: EventHash::of(&minute.to_string()),
        category,
    };
    let detector = |direction, reference| Detector {
        direction,
        reference,
        bets: [0.0, 0.5, 1.0, 2.5, 10.0, 1e-9, 1e9, 1e100],
    };
    let watching = Phase::Watching {
        origin: Origin::Estimated,
        fall: detector(Direction::Fall, 27.5),
        rise: detector(Direction::Rise, 37.5),
        seen: tally(70_000),
    };
    let alarmed = Phase::Learning {
        seen: tally(1),
        episode: Some(Episode {
            opened_by: reply(-90, Category::Detractor),
            direction: Direction::Rise,
        }),
    };
    let track = |target, phase| Track {
        window: Window {
            closing: Some(day(0)),
            days: [(day(-1), tally(1)), (day(0), tally(2))].into(),
            ahead: [((day(3), day(-1)), tally(0))].into(),
        },
        waves: Waves(
            [(
                Period {
                    from: day(-46),
                    to: day(43),
                },
                tally(3),
            )]
            .into(),
        ),
        waiting: [reply(5, Category::Promoter), reply(9, Category::Passive)]
            .into_iter()
            .collect(),
        watch: Some(Watch { target, phase }),
    };
    let series = |instrument, touchpoint: &str| Series {
        instrument,
        touchpoint: touchpoint.into(),
        score_dimension: "speed".into(),
    };
    let tracks = [
        (series(Instrument::Nps, "loan"), track(Some(30.0), alarmed)),
        (series(Instrument::Nps, "visit"), track(None, watching)),
        (series(Instrument::Ces, ""), Track::default()),
    ];
    Cohort {
        tracks: tracks.into(),
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
fn a_day_that_no_calendar_has_is_damage() {
    let mut cohort = Cohort::default();
    let mut track = Track::default();
    track.window.closing = Some(Day(i32::MAX));
    let series = Series {
        instrument: Instrument::Nps,
        touchpoint: "".into(),
        score_dimension: "".into(),
    };
    cohort.tracks.insert(series, track);
    let told = Cohort::decode(&cohort.encode());
    assert!(
        matches!(told, Err(StateError::Damaged(Damage::Value("a day")))),
        "{told:?}"
    );
}

fn cohorts() -> impl Strategy<Value = Cohort> {
    btree_map(series(), tracks(), 0..4).prop_map(|tracks| Cohort { tracks })
}

fn series() -> impl Strategy<Value = Series> {
    let instrument = prop_oneof![
        Just(Instrument::Nps),
        Just(Instrument::Csat),
        Just(Instrument::Ces)
    ];
    (instrument, "[a-zä]{0,9}", "[a-z]{0,3}").prop_map(|(instrument, touchpoint, dimension)| {
        Series {
            instrument,
            touchpoint: touchpoint.into(),
            score_dimension: dimension.into(),
        }
    })
}

fn tracks() -> impl Strategy<Value = Track> {
    let window = (
        option::of(days()),
        btree_map(days(), tallies(), 0..5),
        btree_map((days(), days()), tallies(), 0..5),
    );
    let window = window.prop_map(|(closing, days, ahead)| Window {
        closing,
        days,
        ahead,
    });
    let period = (days(), days()).prop_map(|(from, to)| Period { from, to });
    let waves = btree_map(period, tallies(), 0..5).prop_map(Waves);
    let rest = (vec(replies(), 0..20), option::of(watches()));
    (window, waves, rest).prop_map(|(window, waves, (waiting, watch))| Track {
        window,
        waves,
        waiting: waiting.into_iter().collect(),
        watch,
    })
}

fn days() -> impl Strategy<Value = Day> {
    (-4_371_587..=2_932_896).prop_map(Day)
}

fn tallies() -> impl Strategy<Value = Tally> {
    any::<[u32; 3]>().prop_map(|[promoters, passives, detractors]| Tally {
        promoters,
        passives,
        detractors,
    })
}

fn replies() -> impl Strategy<Value = Reply> {
    let at = 0..=Timestamp::MAX.as_millis();
    let category = prop_oneof![
        Just(Category::Detractor),
        Just(Category::Passive),
        Just(Category::Promoter)
    ];
    (at, any::<[u8; 8]>(), category).prop_map(|(at, hash, category)| Reply {
        occurred_at: Timestamp::from_millis(at).unwrap(),
        event_hash: EventHash(hash),
        category,
    })
}

fn watches() -> impl Strategy<Value = Watch> {
    let learning = (tallies(), option::of(episodes()))
        .prop_map(|(seen, episode)| Phase::Learning { seen, episode });
    let origin = prop_oneof![Just(Origin::Target), Just(Origin::Estimated)];
    let detectors = (detectors(Direction::Fall), detectors(Direction::Rise));
    let watching =
        (tallies(), origin, detectors).prop_map(|(seen, origin, (fall, rise))| Phase::Watching {
            origin,
            fall,
            rise,
            seen,
        });
    let phase = prop_oneof![learning, watching];
    (option::of(-100.0..100.0), phase).prop_map(|(target, phase)| Watch { target, phase })
}

fn episodes() -> impl Strategy<Value = Episode> {
    let direction = prop_oneof![Just(Direction::Fall), Just(Direction::Rise)];
    (replies(), direction).prop_map(|(opened_by, direction)| Episode {
        opened_by,
        direction,
    })
}

fn detectors(direction: Direction) -> impl Strategy<Value = Detector> {
    (-100.0..100.0, uniform8(0.0..1e100)).prop_map(move |(reference, bets)| Detector {
        direction,
        reference,
        bets,
    })
}
