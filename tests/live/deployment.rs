//! What an operator asks of a deployment: where its shards stand, and whether all is well.
//!
//! ```text
//! let Some(servers) = servers_or_skip() else { return };
//! let deployment = Deployment::create(&servers, "my-test", &Kafka::shared(&servers).bootstrap());
//! deployment.simulate(&["--events", "3000"]);
//! let worker = deployment.start(0);
//! deployment.wait_until_taken();
//! drop(worker);               // as `kill -9` does
//! deployment.start(0).stop(); // recovers, flushes, leaves
//! deployment.assert_fine();
//! ```

use std::process::Command;

use serde_json::Value;
use waymark_testkit::until;

pub(crate) use crate::support::{Deployment, LONG, SHARDS, text};

/// Partitions of `deltas`, hence shards of cohorts.
pub(crate) const COHORT_SHARDS: i32 = 4;

impl Deployment {
    /// Sends an invented history, with all that makes life hard: disorder, repeats, records that make no sense.
    pub(crate) fn simulate(&self, arguments: &[&str]) {
        let hard = [
            "simulate",
            "--to-kafka",
            "--disorder",
            "10m",
            "--duplicates",
            "0.02",
            "--bad",
            "0.01",
        ];
        self.must(&[&hard[..], arguments].concat());
    }

    /// Waits until every record of the source has been taken in a committed step, the cohort stage has taken what it was told
    /// by then, and the store has whole copies of both stages.
    pub(crate) fn wait_until_taken(&self) {
        self.wait_until_customers_are_taken();
        // Only now, for customers at the end of their source tell nothing but the time.
        let ends = self.cohort_shards().into_iter();
        let ends: Vec<_> = ends.map(|it| it["source_end"].as_i64()).collect();
        self.wait_until(Self::cohort_shards, |shard| {
            let number = shard["shard"]
                .as_u64()
                .and_then(|it| usize::try_from(it).ok());
            let end = ends[number.expect("a number")].expect("an end");
            // The last place may be a marker, which no step reads.
            shard["position"].as_i64().is_some_and(|at| at >= end - 1)
        });
    }

    /// The same of the first stage alone, for definitions that know no cohorts.
    pub(crate) fn wait_until_customers_are_taken(&self) {
        self.wait_until(Self::shards, |shard| {
            shard["lag_records"] == 0 && shard["step"].is_u64()
        });
    }

    /// Runs to its end what must succeed, and would wait for ever if something never came; returns what it prints.
    pub(crate) fn in_time(&self, name: &str, command: &Command) -> String {
        let mut process = self.spawn(name, command);
        let ended = process.wait(LONG);
        let done = ended.is_some_and(|status| status.success());
        assert!(done, "{command:?} {ended:?}: {}", process.tail());
        process.stdout()
    }

    /// Waits until all shards are as they should be, and the store has whole copies of them.
    fn wait_until(&self, look: fn(&Self) -> Vec<Value>, is_there: impl Fn(&Value) -> bool) {
        let is_there = |shard: &Value| is_there(shard) && shard["store"]["status"] == "complete";
        let are_there = || look(self).iter().all(&is_there).then_some(());
        assert!(until(LONG, are_there).is_some(), "{:#?}", look(self));
    }

    /// Returns what `waymark inspect shard` says of each shard of customers.
    pub(crate) fn shards(&self) -> Vec<Value> {
        self.inspected("customer")
    }

    /// Returns the same of each shard of cohorts.
    fn cohort_shards(&self) -> Vec<Value> {
        self.inspected("cohort")
    }

    fn inspected(&self, stage: &str) -> Vec<Value> {
        let output = self.asked(&["inspect", "shard", "--stage", stage, "-o", "json"]);
        let shards = serde_json::from_slice(&output.stdout);
        shards.unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
    }

    /// Returns the verdict of `waymark verify`, with which its exit code must agree.
    pub(crate) fn judged(&self) -> Value {
        let (status, verdict, told) = self.verdict(&[]);
        let code = match (&verdict["fine"], &verdict["whole"]) {
            (Value::Bool(true), Value::Bool(true)) => 0,
            (Value::Bool(true), _) => 75,
            _ => 1,
        };
        assert_eq!(status, Some(code), "{told}");
        verdict
    }

    /// Holds the deployment to its promise: nothing lost, doubled or different. Where nothing runs, the store included.
    pub(crate) fn assert_fine(&self) -> Value {
        let verdict = self.judged();
        assert_eq!(verdict["fine"], true, "{verdict:#}");
        verdict
    }

    /// The same of a deployment that stands still: every value of the store was compared, too.
    pub(crate) fn assert_fine_with_store(&self) -> Value {
        let verdict = self.assert_fine();
        for shard in verdict["shards"].as_array().expect("shards") {
            assert_eq!(shard["store"], "compared", "{shard}");
        }
        verdict
    }

    /// A connection to the store, behind the deployment's back.
    pub(crate) fn redis(&self) -> ::redis::Connection {
        let client = ::redis::Client::open(self.redis.url());
        let connection = client.and_then(|client| client.get_connection());
        connection.expect("Redis takes connections")
    }
}
