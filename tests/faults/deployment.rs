//! What the proof asks of a deployment: to feed it, to wait for it, and to settle.
//!
//! Whatever is done to it, each test ends with [`Deployment::settle`]: every process stopped, nothing left to read, and
//! `waymark verify` with nothing to complain about.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use waymark_testkit::{Process, Servers, until};

use crate::client::Client;

pub(crate) use crate::support::{Deployment, LONG, SHARDS, Start, Worker, text};

/// Partitions of `deltas`, hence shards of cohorts.
pub(crate) const COHORT_SHARDS: i32 = 4;

impl Deployment {
    /// Creates a deployment that takes records of 20 MB, as their owners must have set up by hand.
    pub(crate) fn create_large(servers: &Servers, name: &str, bootstrap: &str) -> Self {
        let client = Client::new(bootstrap);
        client.create_large(&format!("{name}.events"), 20_000_000);
        for topic in ["dead-letter", "late"] {
            client.create_large(&format!("{name}.{topic}"), 21_000_000); // headers come on top
        }
        Self::create(servers, name, bootstrap)
    }

    /// Returns the group of the customer stage.
    pub(crate) fn group(&self) -> String {
        self.topic("customer")
    }

    /// Sends a backlog that ends now, with duplicates, disorder and broken records in it.
    pub(crate) fn feed(&self, events: u32, customers: u32, seed: u32) {
        let of_all = [events, customers, seed].map(|number| number.to_string());
        let [events, customers, seed] = &of_all;
        let spice = ["--disorder", "10m", "--duplicates", "0.02", "--bad", "0.02"];
        let mut words = vec!["simulate", "--to-kafka", "--events", events];
        words.extend(["--customers", customers, "--seed", seed]);
        words.extend(spice);
        self.must(&words);
    }

    /// Sends a backlog that ends long ago: the clocks have to catch up for hours, so idle shards tick all the time.
    pub(crate) fn feed_of_last_year(&self, events: u32, seed: u32) {
        let [events, seed] = [events, seed].map(|number| number.to_string());
        let mut words = vec!["simulate", "--to-kafka", "--start", "2025-01-06T00:00:00Z"];
        words.extend(["--customers", "100", "--events", &events, "--seed", &seed]);
        self.must(&words);
    }

    /// Begins to send events that happen now; SIGTERM ends it.
    pub(crate) fn stream(&self, rate: u32, seed: u32) -> Process {
        let of_all = [rate, seed].map(|number| number.to_string());
        let [rate, seed] = &of_all;
        let mut command = self.command(&["simulate", "--to-kafka", "--rate", rate]);
        command.args(["--customers", "200", "--events", "1000000", "--seed", seed]);
        command.args(["--duplicates", "0.02", "--bad", "0.02"]);
        self.spawn("stream", &command)
    }

    /// Waits until nothing is left to read: every shard stands at the end of its source.
    pub(crate) fn caught_up(&self) {
        let client = self.client();
        let (events, group) = (self.topic("events"), self.group());
        let behind = || {
            let ends = client.ends(&events);
            let at = client.committed(&group, &events);
            (ends != at).then_some((ends, at))
        };
        let there = until(LONG, || behind().is_none().then_some(()));
        assert!(
            there.is_some(),
            "(ends, committed) of {events}: {:?}",
            behind()
        );
    }

    /// Waits until the cohort stage has taken everything that it had been told by now.
    pub(crate) fn cohorts_caught_up(&self) {
        let client = self.client();
        let (deltas, group) = (self.topic("deltas"), self.topic("cohort"));
        let ends = client.ends(&deltas);
        // The last place may be a marker, which no step reads.
        let there = until(LONG, || {
            let at = client.committed(&group, &deltas);
            let taken = |(at, end): (&i64, &i64)| *at >= end - 1;
            (at.len() == ends.len() && at.iter().zip(&ends).all(taken)).then_some(())
        });
        assert!(there.is_some(), "cohorts lag behind {ends:?}");
    }

    /// Stops the processes gracefully, once nothing is left to read, and verifies. Returns the verdict.
    pub(crate) fn settle(&self, workers: Vec<Worker>) -> Value {
        self.caught_up();
        self.cohorts_caught_up();
        for mut worker in workers {
            worker.stop();
        }
        self.verify()
    }

    /// Verifies that nothing is lost, doubled or different, in Kafka and in Redis; returns the verdict.
    ///
    /// `verify` is ours. So alerts and scores are counted once more by a client that knows nothing of Waymark.
    pub(crate) fn verify(&self) -> Value {
        let (status, verdict, told) = self.verdict(&[]);
        assert_eq!(status, Some(0), "{told}{}", self.logs());
        for shard in verdict["shards"].as_array().unwrap() {
            let has_begun = shard["step"] != 0; // cohorts begin with the first thing they are told
            assert!(!has_begun || shard["store"] == "compared", "{told}");
        }
        let client = self.client();
        let alerts = once("alert", client.ids(&self.topic("alerts")));
        assert_eq!(verdict["alerts"]["expected"], alerts, "{told}");
        let scores = once("score", client.keys(&self.topic("scores"))); // cohort, series and day
        assert_eq!(verdict["scores"]["expected"], scores, "{told}");
        verdict
    }

    /// Returns the last words of every process, for whoever has to find out what went wrong.
    fn logs(&self) -> String {
        let mut files: Vec<_> = std::fs::read_dir(self.folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().contains("worker"))
            .collect();
        files.sort();
        let last_words = |path: &std::path::PathBuf| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let lines: Vec<_> = text
                .lines()
                .filter(|it| !it.contains("librdkafka"))
                .collect();
            let last = &lines[lines.len().saturating_sub(40)..];
            format!("\n--- end of {}\n{}", path.display(), last.join("\n"))
        };
        files.iter().map(last_words).collect()
    }

    /// Waits until the store has a checkpoint of every shard.
    pub(crate) fn stored(&self) {
        let keys = || self.redis.ask(&["keys", "*.customer.*:cp"]).unwrap();
        let stored = || (keys().lines().count() == SHARDS.unsigned_abs() as usize).then_some(());
        until(LONG, stored).unwrap_or_else(|| panic!("checkpoints: {}", keys()));
    }
}

/// Returns how many there are, of which each must be there once.
fn once(what: &str, published: Vec<impl Eq + Hash>) -> usize {
    let number = published.len();
    let unique: HashSet<_> = published.into_iter().collect();
    assert_eq!(unique.len(), number, "some {what} was published twice");
    number
}

impl Worker {
    /// Waits until a page contains something.
    pub(crate) fn shows(&mut self, path: &str, text: &str) {
        let shown = until(LONG, || self.page(path)?.contains(text).then_some(()));
        if shown.is_none() {
            let page = self.page(path);
            panic!(
                "{path} does not show {text:?}: {page:?}{}",
                self.process.tail()
            );
        }
    }

    /// Waits until all of its shards run.
    pub(crate) fn runs(&mut self) {
        self.shows("/readyz?verbose", "HTTP/1.1 200");
    }

    /// Returns the sum of the rows of a metric of the customer stage whose labels contain something.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        self.metric_of("customer", name, labels)
    }

    /// The same of another stage.
    pub(crate) fn metric_of(&self, stage: &str, name: &str, labels: &str) -> f64 {
        let stage = format!("stage=\"{stage}\"");
        let page = self.page("/metrics").expect("it serves metrics");
        let rows = page.lines().filter(|row| {
            let rest = row.strip_prefix(name);
            rest.is_some_and(|rest| {
                rest.starts_with('{') && rest.contains(&stage) && rest.contains(labels)
            })
        });
        rows.map(|row| row.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
            .sum()
    }

    /// Returns how many shards of a stage run in it; none while it starts.
    pub(crate) fn running(&self, stage: &str) -> i32 {
        let row = "waymark_shard_state{";
        let is = format!("\",stage=\"{stage}\",state=\"running\"}} 1");
        let page = self.page("/metrics").unwrap_or_default();
        let rows = page
            .lines()
            .filter(|it| it.starts_with(row) && it.ends_with(&is));
        i32::try_from(rows.count()).unwrap()
    }

    /// Asks for a page: status line, headers and body.
    pub(crate) fn page(&self, path: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut line = TcpStream::connect(self.address()?).ok()?;
        line.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        write!(
            line,
            "GET {path} HTTP/1.1\r\nhost: it\r\nconnection: close\r\n\r\n"
        )
        .ok()?;
        let mut page = String::new();
        line.read_to_string(&mut page).ok()?;
        Some(page)
    }

    fn address(&self) -> Option<SocketAddr> {
        let said = self.process.stdout() + &self.process.stderr();
        let (_, rest) = said.split_once("metrics and probes are served")?;
        let (_, rest) = rest.split_once("127.0.0.1:")?;
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}").parse().ok()
    }
}
