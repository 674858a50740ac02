//! Whatever the order in which replies arrive, an alert has one life, told without gaps and repeats, and none is open while the
//! newest reply does not detract.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::definition::{Definition, TurnedDetractor};
use crate::derived::{Alert, Category, Status};
use crate::event::{Decoded, Timestamp, decode_json};
use crate::rules::Rules;
use crate::stage::{Derived, Shard, Table};

/// Returns what is told of one respondent whose replies, (hour, score), arrive in this order.
fn told(replies: &[(u8, u8)]) -> Vec<Alert> {
    let mut shard = Shard::new(Rules::new(Definition::shipped_default()), None);
    let (mut table, mut derived) = (Table::new(), Derived::default());
    for (number, (hour, score)) in replies.iter().enumerate() {
        let event = format!(
            r#"{{"event_id":"e{number}","customer_id":"ACME","occurred_at":"2026-03-02T{hour:02}:00:00Z","source":"survey-paper",
                "body":{{"type":"survey.replied","instrument":"NPS","score":{score},"respondent":"ann"}}}}"#
        );
        let Ok(Decoded::Event(event)) = decode_json(event.as_bytes()) else {
            panic!("a literal");
        };
        let _ = shard.take(&mut table, &event, Timestamp::MAX, &mut derived);
    }
    let ours = |alert: &Alert| *alert.kind == *TurnedDetractor::KIND;
    derived.alerts.into_iter().filter(ours).collect()
}

#[test]
fn an_alert_that_was_taken_back_is_raised_again_under_the_next_number() {
    let lives = told(&[(1, 9), (4, 3), (2, 8), (3, 10)]);
    let lives: Vec<_> = lives.iter().map(|it| (it.sequence, it.status)).collect();
    let expected = [Status::Raised, Status::Corrected, Status::Raised];
    assert_eq!(lives, (1..).zip(expected).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn each_alert_has_one_life_in_whatever_order_replies_arrive(
        hours in Just((0..20_u8).collect::<Vec<_>>()).prop_shuffle(),
        scores in vec(0..=10_u8, 1..=4),
    ) {
        let replies: Vec<_> = hours.into_iter().zip(scores).collect();
        let alerts = told(&replies);
        let mut lives: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for alert in &alerts {
            lives.entry(&alert.alert_id).or_default().push((alert.sequence, alert.status));
        }
        for life in lives.values() {
            let numbers: Vec<_> = life.iter().map(|(sequence, _)| *sequence).collect();
            let expected: Vec<_> = (1..).take(life.len()).collect();
            prop_assert_eq!(numbers, expected, "{:?}", life);
            for (sequence, status) in life {
                let raises = *status == Status::Raised;
                prop_assert_eq!(raises, !sequence.is_multiple_of(2), "{:?}", life);
            }
        }
        let newest = replies.iter().max().map(|(_, score)| Category::of((*score).into()));
        let open = lives.values().filter(|life| life.len() % 2 == 1).count();
        let detracts = newest == Some(Some(Category::Detractor));
        prop_assert!(open <= usize::from(detracts), "{:?}: {:?}", replies, lives);
    }
}
