//! Whole deployments on real servers: what an operator sees of them, and that nothing wrong goes unnoticed.
//!
//! | chapter      | what it holds                                                          |
//! | ------------ | ---------------------------------------------------------------------- |
//! | `support`    | a deployment: topics, processes; shared with `tests/faults`            |
//! | `deployment` | what is asked of it: its shards, the verdict                           |
//! | `client`     | a plain client, for what nobody may do to one; shared as well          |
//! | `verify`     | `waymark verify`: fine where all is well, and not where it isn't       |
//! | `doctor`     | `waymark doctor`, and a start that is refused for the same reasons       |
//! | `operate`    | `waymark inspect`, `shard adopt`                                       |
//! | `redefined`  | a definition that changes: how a rule is deleted                       |
//! | `systemd`    | what systemd is told                                                    |
//! | `tap`        | `waymark tap`: alerts as they come                                     |
//! | `schemas`    | events written with somebody else's schema, out of a folder            |
//! | `secured`    | Kafka over TLS, with a login and only the permissions that it takes    |
//! | `traces`     | traces of events go on to alerts, and a collector is told of steps     |
//! | `collector`  | that collector; shared with `tests/traces.rs`                          |
//! | `figures`    | scores, waves and shifts: those of a file, and those computed by hand  |
//! | `nervous`    | a definition under which NPS shifts soon; shared with `tests/replay`   |
//! | `nps`, `rows`, `data` | NPS by hand, CSV, the real logs; shared with `tests/replay`   |
//! | `prometheus` | a real Prometheus reads a run: every rule and dashboard has what it asks for |
//! | `panels`     | the queries of dashboards; shared with `tests/deploy`                  |
//! | `clients`    | stock clients in Java and Python, on what it publishes and keeps       |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

#[expect(dead_code, reason = "tests/faults uses the rest")]
#[path = "../support/client.rs"]
mod client;
mod clients;
#[expect(dead_code, reason = "tests/traces.rs uses the rest")]
#[path = "../support/collector.rs"]
mod collector;
#[path = "../support/data.rs"]
mod data;
mod deployment;
mod doctor;
mod figures;
#[path = "../support/nervous.rs"]
mod nervous;
#[path = "../support/nps.rs"]
mod nps;
mod operate;
#[path = "../support/panels.rs"]
mod panels;
mod prometheus;
mod redefined;
#[path = "../support/rows.rs"]
mod rows;
mod schemas;
mod secured;
#[path = "../support/deployment.rs"]
mod support;
mod systemd;
mod tap;
mod traces;
mod verify;
