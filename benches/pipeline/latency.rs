//! From an event appended to its alert readable, under a steady load.
//!
//! Pairs of replies are mixed into a stream of everyday events: somebody promotes, and turns detractor a moment later.
//! The second reply raises an alert at once. The broker tells when it appended that reply; we tell when a reader of
//! committed records was handed the alert. Both are clocks of one machine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};
use waymark::kafka::partition_of;

use crate::arrange::{Deployment, wait_for};
use crate::kafka::Reader;
use crate::usage::{cpu_seconds, peak_bytes, percentile};

/// Pairs of replies a second: enough for percentiles, few enough to leave the load what it is.
const PAIRS_PER_SECOND: u32 = 50;
/// Between the two replies of a pair.
const APART: Duration = Duration::from_secs(1);
/// The last alerts are waited for this long.
const PATIENCE: Duration = Duration::from_mins(1);
const CATCH_UP: Duration = Duration::from_mins(5);

/// How long alerts took, in ms.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) rate: u32,
    pub(crate) seconds: u64,
    pub(crate) alerts: usize,
    pub(crate) p50_ms: i64,
    pub(crate) p99_ms: i64,
    pub(crate) max_ms: i64,
    pub(crate) cpu_seconds_per_million: f64,
    pub(crate) peak_memory_bytes: u64,
}

/// Runs the load and measures.
pub(crate) fn measure(
    deployment: &Deployment<'_>,
    rate: u32,
    lasting: Duration,
) -> Result<Latency> {
    let bootstrap = deployment.stage.kafka.bootstrap();
    let group = deployment.topic("customer");
    let source = Reader::open(&bootstrap, &deployment.topic("events"), &group)?;
    let run = deployment.run()?;
    let mut probes = Probes::open(
        &bootstrap,
        &deployment.topic("events"),
        source.ends()?.len(),
    )?;
    // A worker that has taken one event of each shard has started.
    probes.touch_all()?;
    let ends = source.ends()?;
    wait_for("the start", CATCH_UP, || {
        let positions = source.positions()?;
        Ok(positions.iter().zip(&ends).all(|(at, end)| at >= end))
    })?;
    let alerts = Alerts::watch(&bootstrap, &deployment.topic("alerts"), &group)?;
    let (before, process) = (source.ends()?, run.id().to_string());
    let cpu = cpu_seconds(&process)?;
    let everyday = rate.saturating_sub(2 * PAIRS_PER_SECOND);
    let events = u64::from(everyday) * lasting.as_secs();
    let stream = deployment.stream(everyday, events, deployment.stage.arguments.customers)?;
    let appended = probes.send_for(lasting)?;
    let cpu = cpu_seconds(&process)? - cpu;
    drop(stream);
    let sent: i64 = source.ends()?.iter().sum::<i64>() - before.iter().sum::<i64>();
    let counted = counted(&appended, lasting);
    let readable = alerts.wait_for(counted.len(), &counted)?;
    let mut took: Vec<i64> = counted
        .iter()
        .map(|(customer, appended)| readable[customer] - appended)
        .collect();
    took.sort_unstable();
    let latency = Latency {
        rate,
        seconds: lasting.as_secs(),
        alerts: took.len(),
        p50_ms: percentile(&took, 50),
        p99_ms: percentile(&took, 99),
        max_ms: percentile(&took, 100),
        cpu_seconds_per_million: cpu * 1e6 / sent as f64,
        peak_memory_bytes: peak_bytes(run.id())?,
    };
    Deployment::stop(run)?;
    Ok(latency)
}

type Moments = HashMap<String, i64>;

/// Those that do not belong to the first sixth, which warms up.
fn counted(appended: &Moments, lasting: Duration) -> Moments {
    let first = appended.values().copied().min().unwrap_or_default();
    let from = first + i64::try_from(lasting.as_millis() / 6).unwrap_or(0);
    let late = appended.iter().filter(|(_, at)| **at >= from);
    late.map(|(customer, at)| (customer.clone(), *at)).collect()
}

/// Sends pairs of replies and takes down when the second ones were appended.
struct Probes {
    producer: ThreadedProducer<Appended>,
    topic: String,
    partitions: u32,
    sent: u32,
}

#[derive(Default)]
struct Appended(Mutex<Moments>);

impl ClientContext for Appended {}

impl ProducerContext for Appended {
    /// The customer, if the alert on this event is waited for.
    type DeliveryOpaque = Box<Option<String>>;

    fn delivery(&self, result: &DeliveryResult<'_>, customer: Self::DeliveryOpaque) {
        if let (Ok(record), Some(customer)) = (result, *customer) {
            let at = record.timestamp().to_millis().unwrap_or_default();
            self.0
                .lock()
                .expect("no holder panics")
                .insert(customer, at);
        }
    }
}

impl Probes {
    fn open(bootstrap: &str, topic: &str, partitions: usize) -> Result<Self> {
        Ok(Self {
            producer: ClientConfig::new()
                .set("bootstrap.servers", bootstrap)
                .set("acks", "all")
                .create_with_context(Appended::default())?,
            topic: topic.to_owned(),
            partitions: u32::try_from(partitions)?,
            sent: 0,
        })
    }

    fn touch_all(&mut self) -> Result<()> {
        for number in 0..8 * self.partitions {
            self.reply(&format!("touch-{number}"), 9)?;
        }
        Ok(self.producer.flush(PATIENCE)?)
    }

    fn send_for(&mut self, lasting: Duration) -> Result<Moments> {
        let begun = Instant::now();
        let run = now_ms();
        let customer = |pair: u64| format!("probe-{run}-{pair}");
        let (mut promoted, mut turned) = (0_u64, 0_u64);
        while begun.elapsed() < lasting {
            let due = |at: Duration| at.as_millis() * u128::from(PAIRS_PER_SECOND) / 1_000;
            while u128::from(promoted) < due(begun.elapsed()) {
                self.reply(&customer(promoted), 10)?;
                promoted += 1;
            }
            while u128::from(turned) < due(begun.elapsed().saturating_sub(APART)) {
                self.reply(&customer(turned), 2)?;
                turned += 1;
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.producer.flush(PATIENCE)?;
        let appended = self.producer.context().0.lock().expect("no holder panics");
        Ok(appended.clone())
    }

    fn reply(&mut self, customer: &str, score: u8) -> Result<()> {
        self.sent += 1;
        let event = serde_json::json!({
            "event_id": format!("{customer}-{}", self.sent),
            "customer_id": customer,
            "occurred_at": now_ms(),
            "source": "survey",
            "channel": "email",
            "actor": { "type": "customer" },
            "case_id": format!("survey-{}", self.sent),
            "body": { "type": "survey.replied", "instrument": "NPS", "score": score, "respondent": "owner" },
        });
        let event = event.to_string();
        let partition = partition_of(customer.as_bytes(), self.partitions);
        let awaited = (score < 7).then(|| customer.to_owned());
        let record = BaseRecord::with_opaque_to(&self.topic, Box::new(awaited))
            .partition(partition)
            .key(customer)
            .payload(&event);
        self.producer
            .send(record)
            .map_err(|(error, _)| error)
            .context("sending a reply")
    }
}

/// Watches the alerts on a thread of its own.
struct Alerts {
    readable: Arc<Mutex<Moments>>,
    stop: Arc<AtomicBool>,
}

#[derive(Deserialize)]
struct Alert {
    customer_id: Option<String>,
}

impl Alerts {
    fn watch(bootstrap: &str, topic: &str, group: &str) -> Result<Self> {
        let reader = Reader::open(bootstrap, topic, group)?;
        reader.begin_at(&reader.ends()?)?;
        let (readable, stop) = (
            Arc::<Mutex<Moments>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (seen, end) = (Arc::clone(&readable), Arc::clone(&stop));
        thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                let Some(record) = reader.next(Duration::from_millis(100)) else {
                    continue;
                };
                let now = now_ms();
                let alert = serde_json::from_slice(record.payload().unwrap_or_default());
                if let Ok(Alert {
                    customer_id: Some(customer),
                }) = alert
                {
                    seen.lock()
                        .expect("no holder panics")
                        .entry(customer)
                        .or_insert(now);
                }
            }
        });
        Ok(Self { readable, stop })
    }

    /// Waits for the alerts of these customers.
    fn wait_for(self, wanted: usize, customers: &Moments) -> Result<Moments> {
        ensure!(wanted > 0, "no reply was counted: measure for longer");
        let all_seen = || {
            let readable = self.readable.lock().expect("no holder panics");
            Ok(customers
                .keys()
                .all(|customer| readable.contains_key(customer)))
        };
        let seen = wait_for("the last alerts", PATIENCE, all_seen);
        self.stop.store(true, Ordering::Relaxed);
        seen?;
        let readable = self.readable.lock().expect("no holder panics");
        Ok(readable.clone())
    }
}

fn now_ms() -> i64 {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
