//! Nothing is lost or doubled, whatever is killed: the proof, on real brokers and a real Redis.
//!
//! Each test makes a deployment, hurts it, lets it go on, and then holds what it published and keeps against a run in one
//! thread (`waymark verify`); alerts and scores are counted once more by a client that shares no code with ours, and where
//! scores shift they are held against a replay as well (`outputs`).
//!
//! | chapter    | what is hurt                                                                            |
//! | ---------- | --------------------------------------------------------------------------------------- |
//! | `lines`    | a process is killed or frozen at every numbered line of the protocol (`failpoints`)     |
//! | `workers`  | processes: killed at random, two in one slot, coming and going, told to stop            |
//! | `redis`    | the store: emptied, rolled back, full, busy, loading, made a replica, altered by hand   |
//! | `brokers`  | Kafka: killed, frozen, transactions that somebody leaves open                           |
//! | `compaction` | the changelog is compacted during a copy; a store that is too old for it             |
//! | `late`     | the end of a transaction loses its answer, or arrives late (`wire`)                     |
//! | `leaders`  | one of three brokers stays dead, whatever it led                                        |
//! | `stages`   | both stages: killed apart, numbers planted, one that lags by all there is               |
//! | `shifts`   | all this while scores shift (`season`): kills, a freeze, processes that come and go, a halt |
//! | `behind`   | one shard upstream is two hours behind the others                                      |
//! | `night`    | nothing: only time goes on                                                             |
//! | `topics`   | offsets moved, changelog emptied, source cut, producers that place keys elsewhere       |
//! | `registry` | the Schema Registry: frozen, killed, asked for what it does not know                    |
//! | `records`  | input of every bad kind, ahead of time, or over which we crash (`raw`)                  |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod behind;
mod brokers;
#[expect(dead_code, reason = "tests/live uses the rest")]
#[path = "../support/client.rs"]
mod client;
mod compaction;
mod deployment;
mod late;
mod leaders;
#[cfg(feature = "failpoints")]
mod lines;
mod night;
mod outputs;
mod raw;
mod records;
mod redis;
mod registry;
#[cfg(feature = "failpoints")]
mod season;
#[cfg(feature = "failpoints")]
mod shifts;
mod stages;
#[path = "../support/deployment.rs"]
mod support;
mod topics;
mod wire;
mod workers;
