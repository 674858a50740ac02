//! Holds every store to the laws of `waymark::store::Store`, and Redis to what it does when it is ill.
//!
//! Each law is one function over any store and runs for memory and for a real Redis.

#![expect(clippy::unwrap_used, reason = "every line here belongs to a test")]

mod ill;
mod kit;
mod laws;
mod server;
mod tls;

macro_rules! laws {
    ($($law:ident,)*) => {
        mod memory {
            use waymark::store::MemoryStore;
            $(#[test]
            fn $law() {
                super::laws::$law(&mut MemoryStore::default());
            })*
        }

        mod redis {
            $(#[test]
            fn $law() {
                if let Some(server) = super::server::Server::start(&[]) {
                    super::laws::$law(&mut server.store());
                }
            })*
        }
    };
}

laws! {
    l1_a_load_shows_what_the_last_flush_has_written,
    l1_due_entries_come_by_time_and_key_up_to_a_number,
    l2_a_flush_against_another_checkpoint_writes_nothing,
    l2_a_new_copy_against_another_checkpoint_changes_nothing,
    l4_a_late_flush_that_is_still_expected_is_done_and_only_once,
    l4_a_late_flush_behind_another_is_refused,
    l6_a_copy_is_condemned_if_it_still_is_the_expected_one,
    l7_keys_of_any_characters_keep_apart,
    l8_a_foreign_write_to_one_shard_refuses_that_shard_only,
    a_new_copy_is_empty_and_a_sweep_leaves_it_alone,
    a_flush_of_more_keys_than_a_call_takes_is_whole_at_its_end,
    a_part_of_a_large_flush_leaves_the_old_position_and_restoring,
    random_flushes_leave_what_a_plain_map_holds,
}
