//! A deployment that goes through a season and ends well, whatever happens to it meanwhile: scores and alerts, planted
//! shifts among them, come once, as a replay of the same lines has them.
//!
//! | chapter   | what it holds                                           |
//! | --------- | ------------------------------------------------------- |
//! | `history` | what happens in the season                              |
//! | `feed`    | tells it day by day, while clocks wait for the next day |

mod feed;
mod history;

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use waymark_testkit::{Kafka, Servers, until};

use self::feed::Feed;
use crate::deployment::{Deployment, LONG, Start, Worker};
use crate::outputs::{Outputs, parsed, published, sorted, word};

/// So many days without a shift.
pub(crate) const CALM: i64 = history::SHIFTS[0];
/// So many days, and there is evidence enough that two branches have shifted.
pub(crate) const SHIFTED: i64 = CALM + 3;
/// So many days, and a new level of both is known.
pub(crate) const SETTLED: i64 = SHIFTED + 5;

pub(crate) struct Season {
    pub(crate) deployment: Deployment,
    feed: Feed,
    replayed: Outputs,
}

impl Season {
    /// Creates a deployment that has not been told anything.
    pub(crate) fn begin(servers: &Servers, name: &str) -> Self {
        let deployment = Deployment::create(servers, name, &Kafka::shared(servers).bootstrap());
        deployment.define(history::DEFINITION);
        let days = history::days();
        let feed = Feed::begin(&deployment, &days);
        let replayed = Outputs::replayed(&deployment, &days.concat());
        assert_eq!(shifts(&replayed.alerts), history::PLANTED);
        Self {
            deployment,
            feed,
            replayed,
        }
    }

    pub(crate) fn start(&self, ordinal: u32, settings: &[&str]) -> Worker {
        self.start_armed(ordinal, settings, "")
    }

    pub(crate) fn start_armed(&self, ordinal: u32, settings: &[&str], failpoints: &str) -> Worker {
        self.deployment.start_as(Start {
            ordinal,
            failpoints,
            settings,
        })
    }

    /// Lets the first day close.
    pub(crate) fn first_score(&mut self) {
        self.goes_on(2, || true);
        let scores = || published(&self.deployment, "scores").len();
        until(LONG, || (scores() > 0).then_some(())).expect("the first day closes");
    }

    /// Tells one more day.
    pub(crate) fn another_day(&mut self) {
        self.feed.go_on();
    }

    /// Goes on until so many days have been told, three in a second, and then until something is so.
    pub(crate) fn goes_on(&mut self, days: i64, mut is_so: impl FnMut() -> bool) {
        while self.feed.told() < days {
            self.feed.go_on();
            sleep(Duration::from_millis(300));
        }
        let so = until(LONG, || is_so().then_some(()));
        assert!(so.is_some(), "{days} days have passed, and it is not so");
    }

    /// Fails unless some scores have been told, and not all.
    pub(crate) fn is_under_way(&self) {
        let told = published(&self.deployment, "scores").len();
        let all = self.replayed.scores.len();
        assert!(told > 0 && told < all, "{told} of {all} scores");
    }

    /// Returns how many shifts have been raised.
    pub(crate) fn shifts(&self) -> usize {
        shifts(&published(&self.deployment, "alerts")).len()
    }

    /// Waits until cohorts have heard that a shard upstream has reached the last day that was told; their own clock stands
    /// before the shifts.
    pub(crate) fn is_ahead(&self, shard: i32, cohorts: &Worker) {
        let morning = |day| history::moment(day, 0).as_second() as f64;
        let last = morning(self.feed.told() - 1);
        let label = format!(r#"shard="0",stage="cohort",upstream_shard="{shard}""#);
        let clock = || cohorts.metric_of("cohort", "waymark_upstream_stream_time_seconds", &label);
        let ahead = until(LONG, || (clock() > last - 0.5).then_some(()));
        assert!(ahead.is_some(), "{}{}", clock(), cohorts.process.tail());
        let stands = cohorts.metric_of("cohort", "waymark_stream_time_seconds", r#"shard="0""#);
        assert!(stands < morning(CALM), "{stands}");
    }

    /// Fails unless a process has died between publishing to this topic and its commit.
    pub(crate) fn was_cut_off(&self, topic: &str) {
        let topic = self.deployment.topic(topic);
        assert!(self.deployment.client().uncommitted(&topic) > 0, "{topic}");
    }

    /// Lets the season end. What was published must be what a replay writes.
    pub(crate) fn ends(mut self, mut workers: Vec<Worker>) {
        self.feed.go_on_to_the_end();
        let published = || Outputs::published(&self.deployment);
        // If something is missing, what it is shows below.
        until(LONG, || {
            let so_far = published();
            let [alerts, scores] = [&self.replayed.alerts, &self.replayed.scores].map(Vec::len);
            (so_far.alerts.len() >= alerts && so_far.scores.len() >= scores).then_some(())
        });
        self.deployment.cohorts_caught_up();
        workers.iter_mut().for_each(Worker::stop);
        published().assert_same(&self.replayed);
        self.feed.let_go();
        let mut worker = self.deployment.start(0);
        worker.runs();
        self.deployment.settle(vec![worker]);
    }
}

/// Returns what has shifted which way.
fn shifts(alerts: &[String]) -> Vec<String> {
    let raised = parsed(alerts).filter(|it| it["kind"] == "nps_shift" && it["status"] == "raised");
    let in_words = |shift: Value| {
        let of = [&shift["details"]["direction"], &shift["cohort"]["value"]];
        of.map(word).join(" of ")
    };
    sorted(raised.map(in_words))
}
