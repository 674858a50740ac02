//! The demo: a story told to the very machinery of `run`, on a broker that lives inside this process.
//!
//! ```text
//! story ─► teller ─► mock broker: events ─► workers of both stages ─► mock broker: alerts, scores, changelogs ─► audience
//!            └── puts the story's clock forward, which idle shards go by                                           │ Seen
//! ```
//!
//! | chapter    | what it holds                                                              |
//! | ---------- | -------------------------------------------------------------------------- |
//! | `cluster`  | the mock broker and its topics                                             |
//! | `story`    | what is told: an invented history, or a log                                |
//! | `teller`   | tells it at its pace, and waits for the workers where it gets too far      |
//! | `ahead`    | how far that is, in bytes                                                  |
//! | `told`     | what teller and audience tell each other                                   |
//! | `audience` | reads what the workers publish, as any subscriber could                    |
//! | `seen`     | what it amounts to: applications by stage, alerts, scores, how far we are  |
//! | `board`    | the newest alerts, as many as somebody can follow                          |
//!
//! Everything shown is read from topics; the teller alone knows what was sent. The mock broker is for show: it shows open
//! and aborted transactions to everybody, forgets positions and fences nobody. It also forgets records that nobody has
//! read; the teller's bound makes that unlikely, and where it happens the show ends with an error. Knows neither terminals
//! nor flags.

mod ahead;
mod audience;
mod board;
mod cluster;
mod seen;
mod story;
mod teller;
mod told;

pub(crate) use audience::Audience;
pub(crate) use board::Board;
pub(crate) use cluster::Cluster;
pub(crate) use seen::Seen;
pub(crate) use story::{Invented, Story, passes};
pub(crate) use teller::{Pace, Teller};
pub(crate) use told::{AtEnd, Told};
