//! Whole deployments on real servers: what an operator sees of them, and that nothing wrong goes unnoticed.
//!
//! | chapter      | what it holds                                                          |
//! | ------------ | ---------------------------------------------------------------------- |
//! | `support`    | a deployment: topics, processes; shared with `tests/faults`            |
//! | `deployment` | what is asked of it: its shards, the verdict                           |
//! | `forge`      | what nobody may do to a deployment                                     |
//! | `verify`     | `waymark verify`: fine where all is well, and not where it isn't       |
//! | `doctor`     | `waymark doctor`, and a start that is refused for the same reasons       |
//! | `operate`    | `waymark inspect`, `shard adopt`                                       |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod deployment;
mod doctor;
mod forge;
mod operate;
#[path = "../support/deployment.rs"]
mod support;
mod verify;
