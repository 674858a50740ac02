//! The delivery protocol under a model checker: every state of a small world is visited, with everything that can go wrong
//! in it, and the invariants hold in each.
//!
//! | chapter      | what it holds                                                                               |
//! | ------------ | ------------------------------------------------------------------------------------------- |
//! | `kafka`      | changelogs with open, committed and aborted steps, the coordinator, the group and its fence |
//! | `store`      | one checkpoint and its values, changed together by compare-and-set                          |
//! | `worker`     | a worker's line, and what it knows                                                          |
//! | `recovery`   | from a rebalance to a running shard                                                         |
//! | `step`       | loading, producing, the fence, the commit                                                   |
//! | `model`      | the whole as one state, and what may happen next                                            |
//! | `invariants` | what must hold                                                                              |
//!
//! **What runs is what ships**: the decision table, the rules of a step, the progress record that the table reads, and the
//! checkpoint with its changes and its comparison of bytes. The order of the lines is written here a second time.
//!
//! **What can go wrong**: two workers stop at any line for any time; die and come back; lose their shards and get them
//! back, and go on without having heard of it. Transactions time out. Requests to Kafka arrive a second time, or late, or
//! never, and then end whatever transaction of their epoch is open. Markers come after the answer, in the changelog and in
//! the group's offsets at different times. Calls to the store run long after their caller has gone; the store is rolled
//! back to an older dump, or emptied. Each world allows a few of these, in every order.
//!
//! **What is left out.** A step takes one record of each shard, and its change and progress record are one entry, as they
//! share a transaction. Compaction and rule T: nothing is deleted or grows old. Shards move together, and are recovered
//! together. Produced records are not repeated: brokers drop them by sequence number. A late request is refused by its
//! epoch wherever it arrives, as brokers do that verify transactions (Kafka 3.6 and later). A worker that has not heard of
//! a rebalance recovers at most `deaf` times, for it would otherwise try, and be refused, for ever.

mod invariants;
mod kafka;
mod model;
mod recovery;
mod step;
mod store;
mod worker;

use stateright::{Checker, HasDiscoveries, Model};

use invariants::{DONE, I1, I3, I4, I5, NO_HALT, TAKEN_OVER, TORN};
use model::{Faults, Protocol, Rule};

#[test]
fn a_million_states_hold() {
    let visited = holds(one_shard(2, REBALANCE + DOUBT + ROLLBACK));
    assert!(visited >= 1_000_000, "only {visited} states");
}

#[test]
fn a_rebalance_beside_any_other_fault_does_no_harm() {
    for fault in [CRASH, DEAFNESS, TIMEOUT, LOST_CALL] {
        holds(one_shard(2, REBALANCE + fault));
    }
}

#[test]
fn a_worker_alone_gets_over_everything() {
    holds(one_shard(3, CRASH + TIMEOUT + DOUBT));
    holds(one_shard(3, CRASH + LOST_CALL + DUMP + ROLLBACK));
}

#[test]
fn two_shards_share_a_transaction() {
    for faults in [DOUBT + DOUBT, CRASH + DOUBT, TIMEOUT + ROLLBACK] {
        holds(two_shards(faults));
    }
}

#[test]
fn without_compare_and_set_an_evicted_worker_mixes_its_values_into_a_newer_copy() {
    breaks(Rule::CompareAndSet, I5, one_shard(2, REBALANCE));
}

#[test]
fn without_the_look_at_the_checkpoint_a_step_begins_with_rolled_back_states() {
    breaks(Rule::CheckOnLoad, I3, one_shard(3, ROLLBACK));
}

#[test]
fn without_waiting_for_the_last_stable_offset_an_owner_misses_a_committed_step() {
    breaks(Rule::WaitForLastStable, NO_HALT, one_shard(2, REBALANCE));
    // A worker alone misses its own: the markers come after the answer.
    breaks(Rule::WaitForLastStable, NO_HALT, one_shard(2, ROLLBACK));
}

#[test]
fn without_recycling_a_late_request_commits_half_a_step() {
    breaks(Rule::Recycle, I4, one_shard(2, DOUBT));
}

#[test]
fn without_recycling_a_transaction_may_be_torn_and_is_named() {
    breaks(Rule::Recycle, TORN, two_shards(DOUBT + DOUBT));
}

#[test]
fn with_fresh_metadata_an_evicted_worker_commits_a_step_a_second_time() {
    breaks(Rule::CapturedMetadata, I1, one_shard(2, REBALANCE));
}

#[test]
fn with_a_flush_before_the_commit_the_store_has_what_never_was() {
    breaks(Rule::FlushAfterCommit, NO_HALT, one_shard(2, TIMEOUT));
}

/// Records take turns between two customers: from the third on, a step needs a state of before.
fn one_shard(records: usize, faults: Faults) -> Protocol {
    Protocol {
        shards: 1,
        records,
        faults,
        without: None,
    }
}

fn two_shards(faults: Faults) -> Protocol {
    Protocol {
        shards: 2,
        records: 2,
        faults,
        without: None,
    }
}

const CRASH: Faults = Faults {
    crashes: 1,
    ..Faults::NONE
};
const REBALANCE: Faults = Faults {
    rebalances: 1,
    ..Faults::NONE
};
const DEAFNESS: Faults = Faults {
    deaf: 1,
    ..Faults::NONE
};
const TIMEOUT: Faults = Faults {
    timeouts: 1,
    ..Faults::NONE
};
const DOUBT: Faults = Faults {
    doubts: 1,
    ..Faults::NONE
};
const LOST_CALL: Faults = Faults {
    lost_calls: 1,
    ..Faults::NONE
};
const DUMP: Faults = Faults {
    dumps: 1,
    ..Faults::NONE
};
const ROLLBACK: Faults = Faults {
    rollbacks: 1,
    ..Faults::NONE
};

/// Visits every state and returns their number.
fn holds(world: Protocol) -> usize {
    let checker = world.checker().spawn_bfs().join();
    let visited = checker.unique_state_count();
    eprintln!("{visited} states: {:?}", world.faults);
    for (property, path) in checker.discoveries() {
        let reached = property == DONE || property == TAKEN_OVER;
        assert!(
            reached,
            "{property} {:?}: {:#?}",
            world.faults,
            path.into_actions()
        );
    }
    assert!(
        checker.discovery(DONE).is_some(),
        "stuck: {:?}",
        world.faults
    );
    let moves = world.faults.rebalances > 0;
    assert_eq!(checker.discovery(TAKEN_OVER).is_some(), moves);
    visited
}

/// Leaves a rule out and shows what comes of it, in a world that holds with it.
fn breaks(rule: Rule, property: &'static str, world: Protocol) {
    holds(world);
    let without = Protocol {
        without: Some(rule),
        ..world
    };
    let found = HasDiscoveries::AnyOf([property].into());
    let checker = without.checker().finish_when(found).spawn_bfs().join();
    let path = checker.discovery(property);
    let path = path
        .unwrap_or_else(|| panic!("nobody misses {rule:?}"))
        .into_actions();
    eprintln!(
        "without {rule:?}, \"{property}\" after {} actions: {path:?}",
        path.len()
    );
}
