//! What the generator promises, measured on what it writes.

use std::collections::{BTreeMap, BTreeSet};

use waymark_engine::event::{
    Body, CustomerId, Decoded, Event, Instrument, Text, WriterSchemas, decode_json,
    decode_single_object,
};

use super::hours::DAY;
use super::*;

fn options() -> Options {
    Options {
        seed: 7,
        customers: 400,
        events: 20_000,
        start: Timestamp::parse("2026-01-05T00:00:00Z").unwrap(),
        disorder: Duration::ZERO,
        duplicates: Share::default(),
        bad: Share::default(),
    }
}

fn disordered() -> Options {
    Options {
        disorder: Duration::from_mins(10),
        ..options()
    }
}

fn lines(options: &Options) -> Vec<String> {
    Simulation::new(options)
        .map(|arrival| arrival.json())
        .collect()
}

fn event(line: &str) -> Option<Event> {
    match decode_json(line.as_bytes()) {
        Ok(Decoded::Event(event)) => Some(event),
        Ok(Decoded::Ignored { .. }) | Err(_) => None,
    }
}

fn events(options: &Options) -> Vec<Event> {
    lines(options)
        .iter()
        .map(|line| event(line).expect("nothing broken was asked for"))
        .collect()
}

/// What happens, before it is written and sent.
fn facts(options: &Options) -> impl Iterator<Item = Event> {
    let mut world = World::new(options);
    (0..options.events).map_while(move |_| world.next_event())
}

#[test]
fn a_seed_is_a_history_and_another_seed_another() {
    let first = lines(&options());
    assert_eq!(first, lines(&options()));
    let other = Options {
        seed: 8,
        ..options()
    };
    assert_ne!(first, lines(&other));
}

#[test]
fn every_line_reads_back_as_the_event_it_came_from() {
    for told in facts(&options()) {
        assert_eq!(event(&line::write(&told)), Some(told));
    }
}

#[test]
fn there_are_as_many_facts_as_asked_for_each_with_its_own_id() {
    let ids: BTreeSet<_> = events(&options())
        .into_iter()
        .map(|event| event.id)
        .collect();
    assert_eq!(ids.len(), 20_000);
}

#[test]
fn a_history_can_end_now() {
    let sparse = Options {
        customers: 3,
        events: 60,
        ..options()
    };
    for (options, end, within) in [
        (options(), "2026-11-18T13:05:00Z", DAY),
        (options(), "2026-11-21T13:05:00Z", DAY), // a Saturday
        (sparse, "2026-11-18T13:05:00Z", 14 * DAY),
    ] {
        let end = Timestamp::parse(end).unwrap();
        let last = facts(&options.ending_at(end)).last().unwrap().occurred_at;
        assert!(last <= end && end.since(last) < within, "{last} {end}");
    }
}

#[test]
fn in_avro_it_is_the_same_history() {
    let options = Options {
        bad: "0.01".parse().unwrap(),
        ..options()
    };
    for arrival in Simulation::new(&options) {
        let from_json = decode_json(arrival.json().as_bytes());
        match decode_single_object(&arrival.avro(), &WriterSchemas::default()) {
            Ok(from_avro) => assert_eq!(from_json, Ok(from_avro)),
            Err(_) => assert_eq!(arrival.avro(), arrival.json().into_bytes()),
        }
    }
}

#[test]
fn nobody_there_means_nothing_happens() {
    let nobody = Options {
        customers: 0,
        ..options()
    };
    assert_eq!(lines(&nobody), Vec::<String>::new());
}

#[test]
fn without_disorder_events_come_in_the_order_of_their_times() {
    assert!(events(&options()).is_sorted_by_key(|event| event.occurred_at));
}

#[test]
fn disorder_moves_records_and_changes_none() {
    let (ordered, moved) = (lines(&options()), lines(&disordered()));
    assert_ne!(ordered, moved);
    let sorted = |lines: Vec<String>| lines.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(sorted(ordered), sorted(moved));
}

#[test]
fn no_record_is_later_than_its_feed_may_be() {
    let options = disordered();
    let mut newest = options.start;
    let (mut digital, mut offline) = (Duration::ZERO, Duration::ZERO);
    for event in events(&options) {
        newest = newest.max(event.occurred_at);
        let late = newest.since(event.occurred_at);
        let latest = match event.source.as_str() {
            fact::OFFLINE_FEED => &mut offline,
            _ => &mut digital,
        };
        *latest = late.max(*latest);
    }
    assert!(digital <= options.disorder && digital > options.disorder / 2);
    assert!(offline <= OFFLINE_DELAY_MAX && offline > OFFLINE_DELAY_MAX / 2);
}

#[test]
fn duplicates_and_broken_records_come_on_top_in_the_shares_asked_for() {
    let options = Options {
        duplicates: "0.02".parse().unwrap(),
        bad: "0.01".parse().unwrap(),
        ..options()
    };
    let lines = lines(&options);
    let is_good =
        |line: &&String| event(line).is_some_and(|event| !event.id.as_str().ends_with("-broken"));
    let good: Vec<_> = lines.iter().filter(is_good).collect();
    let distinct: BTreeSet<_> = good.iter().collect();
    assert_eq!(distinct.len(), 20_000);
    assert!((340..460).contains(&(good.len() - distinct.len())));
    assert!((150..250).contains(&(lines.len() - good.len())));
}

#[test]
fn broken_records_are_broken_in_every_way() {
    let options = Options {
        bad: "0.01".parse().unwrap(),
        ..options()
    };
    let mut ways = BTreeSet::new();
    for line in lines(&options) {
        match decode_json(line.as_bytes()) {
            Ok(Decoded::Event(event)) if event.id.as_str().ends_with("-broken") => {
                ways.insert(event.occurred_at.to_string());
            }
            Ok(Decoded::Event(_)) => {}
            Ok(Decoded::Ignored { type_name }) => _ = ways.insert(type_name.to_string()),
            Err(rejection) => {
                let detail = rejection.detail.split(" at line ").next().unwrap();
                ways.insert(format!("{}: {detail}", rejection.reason));
            }
        }
    }
    for way in [
        "2199-01-01T00:00:00.000Z",
        "digital.teleported",
        "event_id is empty",
        "body.page",
        "200000 bytes",
        "unreadable: EOF",
    ] {
        assert!(
            ways.iter().any(|known| known.contains(way)),
            "{way}: {ways:#?}"
        );
    }
}

#[test]
fn a_life_begins_with_a_profile() {
    let mut met = BTreeSet::<Option<CustomerId>>::new();
    for event in facts(&options()) {
        if met.insert(event.customer.clone()) {
            assert!(matches!(event.body, Body::ProfileChanged(_)), "{event:?}");
        }
    }
    assert_eq!(met.len(), 400);
}

#[test]
fn most_stages_end_in_time_and_some_stall() {
    let limit = |stage: &str| match stage {
        "documents_check" | "risk_review" | "approval" => 5,
        "credit_review" => 10,
        other => panic!("unknown stage {other}"),
    };
    let (mut in_time, mut stalled) = (0_u32, 0_u32);
    let mut entered = BTreeMap::<_, (Text, Timestamp)>::new();
    for event in facts(&options()) {
        let application = (event.customer, event.application);
        let moves = match event.body {
            Body::StageEntered(body) => Some(body.stage),
            Body::ApplicationApproved(_) => None,
            _ => continue,
        };
        if let Some((stage, since)) = entered.remove(&application) {
            let taken = event.occurred_at.since(since);
            let counter = if taken < limit(&stage) * DAY {
                &mut in_time
            } else {
                &mut stalled
            };
            *counter += 1;
        }
        if let Some(stage) = moves {
            entered.insert(application, (stage, event.occurred_at));
        }
    }
    let percent = 100 * stalled / (in_time + stalled);
    assert!(
        (3..10).contains(&percent),
        "{percent} % of the stages stall"
    );
}

#[test]
fn most_enquiries_are_answered_within_a_day_and_some_never() {
    let mut opened = BTreeMap::new();
    let (mut in_time, mut late) = (0_usize, 0_usize);
    for event in facts(&options()) {
        let case = (event.customer, event.case);
        match event.body {
            Body::EnquiryOpened(_) => _ = opened.insert(case, event.occurred_at),
            Body::EnquiryAnswered(_) => {
                let since = opened.remove(&case).expect("an answer has a question");
                let counter = if event.occurred_at.since(since) < DAY {
                    &mut in_time
                } else {
                    &mut late
                };
                *counter += 1;
            }
            _ => {}
        }
    }
    let all = in_time + late + opened.len();
    assert!(all > 400 && in_time * 100 / all > 80 && late > 0 && opened.len() > 5);
}

#[test]
fn the_score_of_one_branch_falls_half_way_and_that_of_the_others_stays() {
    let options = Options {
        customers: 2_000,
        events: 180_000,
        ..options()
    };
    let half = options.start + 180 * DAY;
    let mut branch_of = BTreeMap::new();
    let mut sums = BTreeMap::<(bool, bool), (i32, i32)>::new();
    for event in facts(&options) {
        match event.body {
            Body::ProfileChanged(body) => {
                branch_of.insert(event.customer, body.branch.unwrap());
            }
            Body::SurveyReplied(body) if body.instrument == Instrument::Nps => {
                let is_harbour = &*branch_of[&event.customer] == "harbour";
                let (sum, replies) = sums
                    .entry((is_harbour, event.occurred_at >= half))
                    .or_default();
                *replies += 1;
                *sum += match body.score {
                    Some(9..) => 1,
                    Some(..=6) => -1,
                    _ => 0,
                };
            }
            _ => {}
        }
    }
    let nps = |harbour, later| {
        let (sum, replies) = sums[&(harbour, later)];
        assert!(replies > 100, "too few replies to say: {replies}");
        100 * sum / replies
    };
    assert!((15..40).contains(&nps(false, false)));
    assert!((nps(false, false) - nps(false, true)).abs() < 8);
    assert!(nps(true, false) - nps(true, true) > 25);
}
