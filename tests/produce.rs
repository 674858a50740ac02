//! `docs/produce.md` is true: what it shows producers are events.

use waymark_engine::event::{Decoded, Event, Kind, decode_json};

const PAGE: &str = include_str!("../docs/produce.md");

#[test]
fn the_event_of_the_page_is_one() {
    let (_, rest) = PAGE.split_once("```json\n").expect("a block");
    let (text, _) = rest.split_once("```").expect("an end");
    assert_eq!(event(text).kind(), Kind::StageEntered);
}

#[test]
fn the_heartbeat_of_the_page_is_one() {
    let (_, rest) = PAGE.split_once("**Heartbeats.** `").expect("a heartbeat");
    let (text, _) = rest.split_once('`').expect("an end");
    let heartbeat = event(text);
    assert_eq!(heartbeat.kind(), Kind::FeedHeartbeat);
    assert_eq!(heartbeat.customer, None);
}

fn event(text: &str) -> Event {
    match decode_json(text.as_bytes()) {
        Ok(Decoded::Event(event)) => event,
        other => panic!("{text}: {other:?}"),
    }
}
