//! What is made of doubts: which error is told, what counts as no answer, who has no room left.

use super::*;

#[test]
fn the_first_error_is_told_and_not_what_was_purged_because_of_it() {
    let error = KafkaError::MessageProduction;
    let first = |errors: &[RDKafkaErrorCode]| {
        let mut delivered = Delivered::default();
        for code in errors {
            delivered.fail(&error(*code));
        }
        delivered.failed.as_ref().and_then(code)
    };
    let (purged, large) = (
        RDKafkaErrorCode::PurgeQueue,
        RDKafkaErrorCode::MessageSizeTooLarge,
    );
    assert_eq!(first(&[large, purged, large]), Some(large));
    assert_eq!(first(&[purged, large, purged]), Some(large));
    assert_eq!(first(&[large, RDKafkaErrorCode::Fenced]), Some(large));
    assert_eq!(first(&[purged]), Some(purged));
}

#[test]
fn a_time_limit_that_has_passed_is_no_answer_and_a_refusal_is_one() {
    let doubt = |code| PublishDoubt::Delivery(KafkaError::MessageProduction(code));
    assert!(doubt(RDKafkaErrorCode::MessageTimedOut).is_unanswered());
    assert!(PublishDoubt::Overdue(COMMIT).is_unanswered());
    assert!(!doubt(RDKafkaErrorCode::Fenced).is_unanswered());
    assert!(!doubt(RDKafkaErrorCode::MessageSizeTooLarge).is_unanswered());
}

#[test]
fn a_shard_has_no_room_from_a_record_that_was_too_large_until_it_has_set_it_aside() {
    let kafka = config::Kafka {
        properties: BTreeMap::new(),
        consumer: BTreeMap::new(),
        producer: BTreeMap::new(),
        secrets: BTreeMap::new(),
    };
    let mut transactions = Transactions::new(&kafka, "slot");
    let doubt = |code| PublishDoubt::Delivery(KafkaError::MessageProduction(code));
    let (one, two) = (ShardId(1), ShardId(2));
    transactions.doubted(&doubt(RDKafkaErrorCode::Fenced), &[one]);
    assert_eq!(transactions.room(one, 9), 9);
    transactions.doubted(&doubt(RDKafkaErrorCode::MessageSizeTooLarge), &[one]);
    transactions.committed(&[]); // others have worked meanwhile
    transactions.committed(&[two]);
    assert_eq!(
        (transactions.room(one, 9), transactions.room(two, 9)),
        (0, 9)
    );
    transactions.committed(&[one]);
    assert_eq!(transactions.room(one, 9), 9);
}
