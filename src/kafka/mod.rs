//! What every client of Kafka here shares.
//!
//! | chapter       | what it holds                                                                    |
//! | ------------- | -------------------------------------------------------------------------------- |
//! | `client`      | the settings of a client: those of the user, then those that the protocol owns   |
//! | `headers`     | the headers of records, whatever their names                                     |
//! | `partitioner` | murmur2, as Java clients place keys                                              |
//! | `watermarks`  | where partitions begin and end                                                   |
//! | `reader`      | the committed records of a partition, read without a group                       |
//! | `follower`    | the committed records of a topic, as they come                                   |
//! | `offsets`     | where a group stands, asked and set without joining it                           |
//! | `patience`    | asking more than once                                                            |
//! | `topics`      | what topics must be like, and what is not so                                     |
//! | `access`      | what workers must be allowed to do                                               |
//! | `admin`       | asks brokers how they are set, creates what is missing                           |
//!
//! Knows nothing of events, journeys or steps.

pub mod access;
pub mod admin;
mod client;
mod follower;
mod headers;
mod offsets;
mod partitioner;
mod patience;
mod reader;
pub mod topics;
mod watermarks;

pub use client::{
    ClientError, Quiet, base_settings, consumer_settings, plain_producer_settings,
    producer_settings, reader_settings,
};
pub(crate) use client::{RETRY_BACKOFF_MS, leave_behind};
pub use follower::{FollowError, Follower, Since};
pub use headers::{headers_bytes, headers_of, last_header};
pub use offsets::GroupOffsets;
pub(crate) use offsets::{committed, known};
pub use partitioner::partition_of;
pub(crate) use patience::patiently;
pub use reader::{PartitionReader, ReadError, appended_at, is_garbled};
pub use watermarks::Watermarks;
