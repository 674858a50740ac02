//! How keys in Redis are called; `docs/store.md` tells it to readers outside.
//!
//! ```text
//! {lending.customer.3}:cp                                      checkpoint of shard 3
//! {lending.customer.3}:8c1f0e6d2b7a4935:s:C-1001               state of customer C-1001, in the copy 8c1f…
//! {lending.customer.3}:8c1f0e6d2b7a4935:due:492325             customers that fall due in that hour, by time
//! {lending.customer.3}:8c1f0e6d2b7a4935:due                    those hours that are not empty, by their earliest time
//! ```
//!
//! All keys of a shard share the part in braces and so their slot in a cluster. What comes before a customer's id has a
//! fixed form, and the id goes to the end of the key: whatever characters it has, it meets no other key.

use waymark_engine::event::Timestamp;

use crate::protocol::{CopyId, ShardId};

/// How much time a due bucket spans, in ms: an hour.
///
/// A sorted set stays compact (some 40 bytes an entry instead of 110) up to 128 entries; a bucket of its own costs some
/// 250 bytes. With due times within 90 days and mostly in working hours, an hour holds 11 entries of a shard with 8,000
/// customers and 70 of one with 50,000. Larger shards and rushes lose the compact form of an hour, nothing else.
const BUCKET_MILLIS: i64 = 3_600_000;

/// Names the keys of one shard.
#[derive(Debug)]
pub(super) struct Keys {
    tag: String,
}

impl Keys {
    pub(super) fn new(group: &str, shard: ShardId) -> Self {
        Self {
            tag: format!("{{{group}.{shard}}}"),
        }
    }

    pub(super) fn checkpoint(&self) -> String {
        format!("{}:cp", self.tag)
    }

    /// What the key of each state of a copy begins with; the id follows.
    pub(super) fn states(&self, copy: CopyId) -> String {
        format!("{}:{copy}:s:", self.tag)
    }

    pub(super) fn directory(&self, copy: CopyId) -> String {
        format!("{}:{copy}:due", self.tag)
    }

    pub(super) fn bucket(&self, copy: CopyId, bucket: &str) -> String {
        format!("{}:{copy}:due:{bucket}", self.tag)
    }

    /// Returns the copy that a key belongs to; `None` for the checkpoint and keys that are not ours.
    pub(super) fn copy_of(&self, key: &[u8]) -> Option<CopyId> {
        let rest = key.strip_prefix(self.tag.as_bytes())?.strip_prefix(b":")?;
        let (copy, rest) = rest.split_at_checked(16)?;
        let copy = str::from_utf8(copy).ok()?.parse().ok()?;
        rest.starts_with(b":").then_some(copy)
    }

    /// A pattern that matches the keys of the shard.
    pub(super) fn pattern(&self) -> String {
        literally(&self.tag) + ":*"
    }

    /// A pattern that matches the states of a copy.
    pub(super) fn states_pattern(&self, copy: CopyId) -> String {
        literally(&self.states(copy)) + "*"
    }
}

/// Names the bucket of a due time.
pub(super) fn bucket_of(due: Timestamp) -> i64 {
    due.as_millis() / BUCKET_MILLIS
}

/// A glob pattern that matches a text and nothing else.
fn literally(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPY: &str = "00000000000000ab";

    fn keys(group: &str) -> Keys {
        Keys::new(group, ShardId(3))
    }

    #[test]
    fn keys_are_called_as_the_documentation_says() {
        let (keys, copy) = (keys("lending.customer"), COPY.parse().unwrap());
        let due = Timestamp::parse("2026-03-01T13:59:59Z").unwrap();
        let bucket = bucket_of(due).to_string();
        assert_eq!(keys.checkpoint(), "{lending.customer.3}:cp");
        assert_eq!(
            keys.states(copy) + "C-1",
            format!("{{lending.customer.3}}:{COPY}:s:C-1")
        );
        assert_eq!(
            keys.bucket(copy, &bucket),
            format!("{{lending.customer.3}}:{COPY}:due:492325")
        );
        assert_eq!(
            keys.directory(copy),
            format!("{{lending.customer.3}}:{COPY}:due")
        );
    }

    #[test]
    fn a_key_tells_its_copy_and_a_foreign_one_does_not() {
        let (keys, copy) = (keys("g"), COPY.parse().unwrap());
        assert_eq!(
            keys.copy_of((keys.states(copy) + ":cp").as_bytes()),
            Some(copy)
        );
        assert_eq!(keys.copy_of(keys.directory(copy).as_bytes()), Some(copy));
        assert_eq!(keys.copy_of(keys.checkpoint().as_bytes()), None);
        assert_eq!(
            keys.copy_of(format!("{{g.30}}:{COPY}:due").as_bytes()),
            None
        );
        assert_eq!(keys.copy_of(b"{g.3}:00000000000000AZ:due"), None);
    }

    #[test]
    fn patterns_take_a_group_literally() {
        assert_eq!(keys("a*[b]?").pattern(), r"{a\*\[b\]\?.3}:*");
    }
}
