//! Bytes of Redis for a median customer with one open application: the state with its key, and its entry among the due.

use anyhow::{Context as _, Result, ensure};
use redis::Connection;
use serde::Serialize;
use waymark_engine::journey::Journey;

use crate::arrange::Deployment;
use crate::usage::percentile;

/// So many states are looked at; a median needs no more.
const SAMPLE: usize = 20_000;
/// Calls sent in one go.
const CHUNK: usize = 1_000;

/// What Redis holds for customers, in bytes.
#[derive(Debug, Serialize)]
pub(crate) struct StoreBytes {
    pub(crate) customers: usize,
    /// `MEMORY USAGE` of the state's key at the median, with its share of the due index.
    pub(crate) median_with_one_open_application: f64,
    /// What of that is the share of the due index.
    pub(crate) due_entry: f64,
    /// The stored value alone, at the median of those with one open application.
    pub(crate) median_value: usize,
    /// The stored value alone, on average over everybody.
    pub(crate) average_value: f64,
    /// All that Redis uses beyond its empty self, for each state.
    pub(crate) all_memory: f64,
}

struct State {
    bytes: usize,
    value: usize,
    open_applications: usize,
}

/// Looks at what the backlog has left in Redis.
pub(crate) fn measure(deployment: &Deployment<'_>) -> Result<StoreBytes> {
    let client = redis::Client::open(deployment.stage.redis.url())?;
    let mut redis = client.get_connection()?;
    let keys = keys(&mut redis, &deployment.name)?;
    let (states, due): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.contains(":s:"));
    let customers = states.len();
    let sample = sample(&mut redis, &states[..customers.min(SAMPLE)])?;
    let due_entry = due_entry(&mut redis, &due)?;
    let mut open: Vec<&State> = sample
        .iter()
        .filter(|state| state.open_applications == 1)
        .collect();
    ensure!(!open.is_empty(), "nobody has one open application");
    open.sort_unstable_by_key(|state| state.bytes);
    let median = percentile(&open, 50);
    let values: usize = sample.iter().map(|state| state.value).sum();
    Ok(StoreBytes {
        customers,
        median_with_one_open_application: median.bytes as f64 + due_entry,
        due_entry,
        median_value: median.value,
        average_value: values as f64 / sample.len() as f64,
        all_memory: dataset(&mut redis)? / customers as f64,
    })
}

fn keys(redis: &mut Connection, deployment: &str) -> Result<Vec<String>> {
    let pattern = format!("{{{deployment}.customer.*}}:*");
    let (mut keys, mut cursor) = (Vec::new(), 0_u64);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(&pattern)
            .arg("COUNT")
            .arg(CHUNK);
        let (next, some): (u64, Vec<String>) = scan.query(redis)?;
        keys.extend(some.into_iter().filter(|key| !key.ends_with(":cp")));
        if next == 0 {
            return Ok(keys);
        }
        cursor = next;
    }
}

fn sample(redis: &mut Connection, keys: &[String]) -> Result<Vec<State>> {
    let mut sample = Vec::with_capacity(keys.len());
    for keys in keys.chunks(CHUNK) {
        let mut calls = redis::pipe();
        for key in keys {
            calls.cmd("GET").arg(key);
            calls.cmd("MEMORY").arg("USAGE").arg(key);
        }
        let answers: Vec<redis::Value> = calls.query(redis)?;
        for answer in answers.chunks(2) {
            let value: Vec<u8> = redis::from_redis_value_ref(&answer[0])?;
            let journey = Journey::decode(&value).context("a state can be read")?;
            let open = journey.applications.iter().filter(|it| it.ended.is_none());
            sample.push(State {
                bytes: redis::from_redis_value_ref(&answer[1])?,
                value: value.len(),
                open_applications: open.count(),
            });
        }
    }
    Ok(sample)
}

/// The due index divided by its entries: buckets and the directories that list them.
fn due_entry(redis: &mut Connection, keys: &[String]) -> Result<f64> {
    let (mut bytes, mut entries) = (0_u64, 0_u64);
    for key in keys {
        let usage = redis::cmd("MEMORY")
            .arg("USAGE")
            .arg(key)
            .arg("SAMPLES")
            .arg(0)
            .query::<u64>(redis)?;
        bytes += usage;
        if !key.ends_with(":due") {
            entries += redis::cmd("ZCARD").arg(key).query::<u64>(redis)?;
        }
    }
    Ok(bytes as f64 / entries.max(1) as f64)
}

fn dataset(redis: &mut Connection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("memory").query(redis)?;
    let bytes = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory_dataset:"));
    Ok(bytes.context("Redis tells its memory")?.trim().parse()?)
}
