//! What one stage tells the next, on its way out: every record gets the next number of its channel.

use rdkafka::message::OwnedHeaders;

use super::{Form, Outgoing, PublishDoubt, Transactions};
use crate::protocol::{ShardId, Told, What};

/// The channels of one shard: one for each partition of the topic between the stages.
#[expect(missing_debug_implementations, reason = "clients have none")]
pub struct Channels<'a> {
    to: &'a Transactions,
    topic: &'a str,
    shard: ShardId,
    numbers: Vec<u64>,
    form: Form,
    /// The value at hand.
    value: Vec<u8>,
}

impl<'a> Channels<'a> {
    /// The channels of a shard after a step that left these numbers; none at its beginning.
    pub fn new(
        to: &'a Transactions,
        topic: &'a str,
        partitions: u32,
        shard: ShardId,
        mut numbers: Vec<u64>,
        form: Form,
    ) -> Self {
        numbers.resize(partitions as usize, 0);
        Self {
            to,
            topic,
            shard,
            numbers,
            form,
            value: Vec::new(),
        }
    }

    /// Tells something on one channel.
    ///
    /// # Errors
    /// [`PublishDoubt`] if the client refuses it.
    pub fn tell(
        &mut self,
        partition: i32,
        key: &str,
        what: What<'_>,
        headers: Option<OwnedHeaders>,
    ) -> Result<(), PublishDoubt> {
        let number = &mut self.numbers[ShardId(partition).index()];
        *number += 1;
        let told = Told {
            upstream_shard: self.shard,
            number: *number,
            what,
        };
        self.form.write(&told, &mut self.value);
        self.to.send(Outgoing {
            topic: self.topic,
            partition,
            key: Some(key.as_bytes()),
            value: Some(&self.value),
            headers,
            progress_of: None,
        })
    }

    /// Returns the numbers to go on from.
    pub fn into_numbers(self) -> Vec<u64> {
        self.numbers
    }
}
