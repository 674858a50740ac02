//! What a record of the source means before any rule is asked: decoded, and in the right place.
//!
//! The worker and the run that checks it take records through the same door.

use waymark_engine::event::{
    Decoded, Event, Kind, Reason, Rejection, WriterSchemas, decode_json, decode_single_object,
};

use crate::kafka::partition_of;
use crate::protocol::ShardId;

/// Avro's single-object encoding begins so.
pub(super) const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];
/// The framing of schema registries begins so.
pub(super) const REGISTRY: u8 = 0x00;

/// Tells the written forms apart by their first bytes: JSON never begins with either marker.
pub(super) fn decode(value: Option<&[u8]>, schemas: &WriterSchemas) -> Result<Decoded, Rejection> {
    match value {
        None => Err(Rejection::new(
            Reason::Unreadable,
            "the record has no value",
        )),
        Some(bytes) if bytes.starts_with(&SINGLE_OBJECT) => decode_single_object(bytes, schemas),
        Some([REGISTRY, ..]) => Err(Rejection::new(
            Reason::Unreadable,
            "the value is framed for a schema registry, and none is configured",
        )),
        Some(bytes) => decode_json(bytes),
    }
}

/// Returns why an event of a customer who is at home in another partition is set aside.
pub(super) fn belongs_elsewhere(
    event: &Event,
    shard: ShardId,
    partitions: u32,
) -> Option<Rejection> {
    let home = home_elsewhere(event, shard, partitions)?;
    let detail = format!(
        "the customer belongs to partition {home} and the record came from partition {shard}"
    );
    Some(Rejection::new(Reason::WrongShard, detail))
}

/// Returns the partition of a customer who is not at home here: Java clients would put the key there. Heartbeats concern a
/// feed and go everywhere.
pub(super) fn home_elsewhere(event: &Event, shard: ShardId, partitions: u32) -> Option<i32> {
    let customer = event.customer.as_ref()?;
    let home = partition_of(customer.as_str().as_bytes(), partitions);
    (home != shard.0 && event.kind() != Kind::FeedHeartbeat).then_some(home)
}
