//! The pages of one process, over HTTP: its metrics, and how ready it says it is.

use std::time::Duration;

use ureq::Agent;

use crate::config::Tls;
use crate::http;
use crate::telemetry::Page;

/// How long a process may take to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// The longest page: a hundred shards need a tenth of it.
const PAGE_BYTES_MAX: u64 = 4 << 20;
/// Every process of ours serves this one.
const OURS: &str = "waymark_build_info";

/// A process to ask.
#[derive(Debug)]
pub(super) struct Process {
    /// Where, without a slash at the end.
    pub(super) url: String,
    agent: Result<Agent, String>,
}

/// What a process has answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) url: String,
    pub(super) page: Page,
    /// What it says to be not as it should, line by line.
    pub(super) unready: Vec<String>,
}

/// A process does not answer, or is none of ours.
#[derive(Debug, thiserror::Error)]
#[error("{url} can't be asked: {fact}")]
pub(crate) struct NoAnswer {
    url: String,
    fact: String,
}

impl Process {
    /// The process that serves here; the path of its metrics may be part of it.
    pub(super) fn at(url: &str) -> Self {
        let url = url.strip_suffix("/metrics").unwrap_or(url);
        let url = url.trim_end_matches('/');
        let url = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let system = Tls {
            ca: None,
            cert: None,
            key: None,
        };
        let tls = url.starts_with("https://").then_some(&system);
        let agent = http::agent(CONNECT, ANSWER, tls);
        Self { url, agent }
    }

    /// Asks it.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(super) fn ask(&self) -> Result<Answer, NoAnswer> {
        let (status, page) = self.get("/metrics")?;
        let page = Page::read(&page);
        if page.rows(OURS).next().is_none() {
            let fact = format!("/metrics answers {status} without metrics of waymark");
            return Err(self.no_answer(fact));
        }
        let (_, readiness) = self.get("/readyz?verbose")?;
        let unready = readiness
            .lines()
            .filter_map(|line| line.strip_prefix("[-]"));
        Ok(Answer {
            url: self.url.clone(),
            page,
            unready: unready.map(str::to_owned).collect(),
        })
    }

    fn get(&self, path: &str) -> Result<(u16, String), NoAnswer> {
        let agent = self.agent.as_ref().map_err(|fact| self.no_answer(fact))?;
        let asked = || -> Result<(u16, String), ureq::Error> {
            let mut answer = agent.get(format!("{}{path}", self.url)).call()?;
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(PAGE_BYTES_MAX);
            Ok((status, body.read_to_string()?))
        };
        asked().map_err(|error| self.no_answer(error.to_string()))
    }

    fn no_answer(&self, fact: impl Into<String>) -> NoAnswer {
        NoAnswer {
            url: self.url.clone(),
            fact: fact.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_told_as_people_tell_it() {
        let at = |url| Process::at(url).url;
        assert_eq!(at("localhost:9464"), "http://localhost:9464");
        assert_eq!(at("http://host:1/metrics"), "http://host:1");
        assert_eq!(at("http://host:1/"), "http://host:1");
    }
}
