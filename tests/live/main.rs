//! Whole deployments on real servers: what an operator sees of them, and that nothing wrong goes unnoticed.
//!
//! | chapter      | what it holds                                                          |
//! | ------------ | ---------------------------------------------------------------------- |
//! | `deployment` | the means: topics, events, processes, the verdict                      |
//! | `forge`      | what nobody may do to a deployment                                     |
//! | `verify`     | `waymark verify`: fine where all is well, and not where it isn't       |
//! | `doctor`     | `waymark doctor`, and a start that is refused for the same reasons       |
//! | `operate`    | `waymark inspect`, `shard adopt`                                       |

mod deployment;
mod doctor;
mod forge;
mod operate;
mod verify;
