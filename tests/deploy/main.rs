//! What `deploy/` holds for others to run: that it is what they take, and that it speaks of Waymark as it is.
//!
//! | chapter      | what it holds                                                                       |
//! | ------------ | ----------------------------------------------------------------------------------- |
//! | `rules`      | Prometheus's alerting rules and their stories, judged by a real `promtool`           |
//! | `dashboards` | Grafana's dashboards: their queries, the metrics in them                             |
//! | `containers` | Dockerfile and compose file                                                         |
//! | `chart`      | the Helm chart, and that the plain manifests are what it renders                     |
//! | `manifests`  | these manifests: schemas, probes, ports, settings                                    |
//! | `waymark`    | the command, asked whether it would take what it is handed                           |
//! | `files`      | where things are, YAML                                                              |
//! | `panels`     | the queries of dashboards; shared with `tests/live`                                  |
//! | `page`       | the metrics a process serves; shared with `tests/runbook.rs` and `tests/live`        |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod chart;
mod containers;
mod dashboards;
mod files;
mod manifests;
#[path = "../support/page.rs"]
mod page;
#[path = "../support/panels.rs"]
mod panels;
mod rules;
mod waymark;
