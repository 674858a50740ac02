//! Clocks as partitions tell them: alike, or noticed.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(1_772_440_200_000 + 1_000 * second).expect("a time of this century")
}

fn clock(position: i64, second: i64) -> Clock {
    Clock {
        position: Offset(position),
        stream_time: at(second),
        tick: second % 2 == 1,
    }
}

/// Tells clocks as one partition does, with numbers 1, 2, 3, …; the last known step has told `said` records.
fn tell(channels: &mut Channels, partition: i32, clocks: &[Clock], said: u64) {
    for (clock, number) in clocks.iter().zip(1..) {
        let Clock {
            position,
            stream_time,
            tick,
        } = *clock;
        let told = Told {
            upstream_shard: ShardId(1),
            number,
            what: What::Clock {
                position,
                stream_time,
                tick,
            },
        };
        let place = Place {
            partition: ShardId(partition),
            offset: Offset(number.cast_signed()),
        };
        assert!(channels.count(place.partition, number));
        channels.keep(&told, Published { hash: 0, place }, said);
    }
}

/// Returns the offsets of the second partition's clocks that are not those of the first.
fn odd(first: &[Clock], second: &[Clock]) -> Vec<i64> {
    let mut channels = Channels::default();
    tell(&mut channels, 0, first, 100);
    tell(&mut channels, 1, second, 100);
    assert_eq!(channels.clocks, first);
    let odd = channels.odd_clocks.iter();
    odd.map(|it| it.place.offset.0).collect()
}

#[test]
fn every_partition_tells_the_same_clocks() {
    let clocks = [clock(1, 0), clock(1, 1), clock(4, 2), clock(9, 5)];
    assert!(odd(&clocks, &clocks).is_empty());
    for (place, offset) in (0..clocks.len()).zip(1..) {
        let forged = [
            clock(clocks[place].position.0, 8),
            clock(clocks[place].position.0 + 1, 2 * i64::from(place == 3)),
            Clock {
                tick: !clocks[place].tick,
                ..clocks[place]
            },
        ];
        for forged in forged {
            let mut altered = clocks;
            altered[place] = forged;
            assert_eq!(odd(&clocks, &altered), [offset], "altered: {forged:?}");
            let mut inserted = clocks.to_vec();
            inserted.insert(place, forged);
            assert_eq!(odd(&clocks, &inserted), [offset], "inserted: {forged:?}");
        }
    }
}

#[test]
fn one_clock_that_is_lost_does_not_make_the_others_odd() {
    let clocks = [clock(1, 0), clock(1, 1), clock(4, 2), clock(9, 5)];
    assert!(
        odd(&clocks, &clocks[1..]).is_empty(),
        "its number is missed"
    );
}

#[test]
fn a_clock_with_the_next_number_belongs_to_no_step() {
    let clocks = [clock(1, 0), clock(1, 1), clock(4, 2)];
    for partition in [0, 1] {
        let mut channels = Channels::default();
        tell(&mut channels, partition, &clocks, 2);
        let later = channels.later_clocks.iter().map(|it| it.place.offset.0);
        assert_eq!(later.collect::<Vec<_>>(), [3]);
    }
}
