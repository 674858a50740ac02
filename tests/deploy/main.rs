//! What `deploy/` holds for others to run: that it is what they take, and that it speaks of Waymark as it is.
//!
//! | chapter      | what it holds                                                                       |
//! | ------------ | ----------------------------------------------------------------------------------- |
//! | `rules`      | Prometheus's alerting rules and their stories, judged by a real `promtool`           |
//! | `files`      | where things are, YAML                                                              |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod files;
mod rules;
