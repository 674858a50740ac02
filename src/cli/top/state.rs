//! What the pages of all processes say of a deployment: pure, from pages to plain values.

use std::collections::BTreeMap;

use serde::Serialize;
use waymark_engine::event::Timestamp;

use super::ask::Answer;
use crate::telemetry::{Page, Row};

/// A deployment, as its processes tell of it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Deployment {
    pub(super) processes: Vec<Process>,
    /// By stage and number.
    pub(super) shards: Vec<Shard>,
    /// Records taken, by stage and by how they ended.
    pub(super) records: BTreeMap<String, BTreeMap<String, u64>>,
    /// Transactions by stage: each is a step of every shard with work.
    pub(super) steps: BTreeMap<String, u64>,
    /// Steps that only moved stream time, by stage and shard.
    pub(super) ticks: BTreeMap<String, u64>,
    /// Transitions of alerts, by kind and status.
    pub(super) alerts: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A process.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Process {
    pub(super) url: String,
    pub(super) version: String,
    pub(super) commit: String,
    /// What it says to be not as it should.
    pub(super) unready: Vec<String>,
    /// All records taken, alerts and steps since its start: what rates are made of.
    #[serde(skip)]
    pub(super) totals: [u64; 3],
}

/// Where a shard stands.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Shard {
    pub(super) stage: String,
    #[serde(rename = "shard")]
    pub(super) number: u32,
    /// `running`, `recovering`, `waiting` or `halted`.
    pub(super) state: String,
    /// The name of the halt, as in the runbook.
    pub(super) halt: Option<String>,
    /// Records not read yet, and the age of the last one read while others wait.
    pub(super) lag_records: Option<u64>,
    pub(super) lag_seconds: Option<f64>,
    pub(super) stream_time: Option<Timestamp>,
    /// Committed steps that the store does not have.
    pub(super) store_lag_steps: Option<u64>,
    /// Which process has it.
    pub(super) url: String,
}

impl Deployment {
    /// Puts the answers of its processes together.
    pub(super) fn of(answers: Vec<Answer>) -> Self {
        let mut all = Self {
            processes: Vec::new(),
            shards: Vec::new(),
            records: BTreeMap::new(),
            steps: BTreeMap::new(),
            ticks: BTreeMap::new(),
            alerts: BTreeMap::new(),
        };
        for Answer { url, page, unready } in answers {
            all.add(&url, &page);
            let build = page.rows("waymark_build_info").next();
            let of = |label| build.map_or("", |row| row.label(label)).to_owned();
            all.processes.push(Process {
                url,
                version: of("version"),
                commit: of("commit"),
                unready,
                totals: totals(&page),
            });
        }
        let place = |shard: &Shard| (stage_rank(&shard.stage), shard.stage.clone(), shard.number);
        all.shards.sort_by_key(place);
        all
    }

    /// Returns how many records, alerts and steps have come since an earlier look. A process that was not there then, or
    /// has begun anew since, says nothing of it; none if that is so of all.
    pub(super) fn since(&self, before: &Self) -> Option<[u64; 3]> {
        let grown = self.processes.iter().filter_map(|now| {
            let mut known = before.processes.iter();
            let known = known.find(|it| it.url == now.url)?;
            let place = |place: usize| now.totals[place].checked_sub(known.totals[place]);
            Some([place(0)?, place(1)?, place(2)?])
        });
        grown.reduce(|all, one| std::array::from_fn(|place| all[place] + one[place]))
    }

    fn add(&mut self, url: &str, page: &Page) {
        two(
            page,
            "waymark_records_total",
            ["stage", "outcome"],
            &mut self.records,
        );
        two(
            page,
            "waymark_alerts_total",
            ["kind", "status"],
            &mut self.alerts,
        );
        one(page, "waymark_step_duration_seconds_count", &mut self.steps);
        one(page, "waymark_ticks_total", &mut self.ticks);
        let mut shards: BTreeMap<(&str, &str), Shard> = BTreeMap::new();
        for row in page
            .rows("waymark_shard_state")
            .filter(|row| row.value > 0.5)
        {
            let (stage, shard) = (row.label("stage"), row.label("shard"));
            let about = Shard {
                stage: stage.to_owned(),
                number: shard.parse().unwrap_or_default(),
                state: row.label("state").to_owned(),
                url: url.to_owned(),
                ..Shard::default()
            };
            shards.insert((stage, shard), about);
        }
        let mut of_each = |name, tell: &dyn Fn(&mut Shard, &str, f64)| {
            for row in page.rows(name) {
                if let Some(shard) = shards.get_mut(&(row.label("stage"), row.label("shard"))) {
                    let label = if name == "waymark_halted" {
                        "halt"
                    } else {
                        "until"
                    };
                    tell(shard, row.label(label), row.value);
                }
            }
        };
        of_each("waymark_halted", &|shard, halt, _| {
            shard.halt = Some(halt.to_owned());
        });
        of_each("waymark_source_lag_records", &|shard, until, records| {
            if until == "high_watermark" {
                shard.lag_records = Some(whole(records));
            }
        });
        of_each("waymark_source_lag_seconds", &|shard, _, seconds| {
            shard.lag_seconds = Some(seconds);
        });
        of_each("waymark_stream_time_seconds", &|shard, _, seconds| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a time of day in milliseconds"
            )]
            let time = Timestamp::from_millis((seconds * 1_000.0).round() as i64);
            // A gauge that was never set says 1970.
            shard.stream_time = time.ok().filter(|_| seconds > 0.0);
        });
        of_each("waymark_store_lag_steps", &|shard, _, steps| {
            shard.store_lag_steps = Some(whole(steps));
        });
        self.shards.extend(shards.into_values());
    }
}

impl Shard {
    /// Returns what it is called: `customer/7`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.stage, self.number)
    }

    /// Returns its state, with the name of its halt.
    pub(super) fn condition(&self) -> String {
        match &self.halt {
            Some(halt) => format!("{} {halt}", self.state),
            None => self.state.clone(),
        }
    }
}

/// Customers come before the cohorts they make up.
fn stage_rank(stage: &str) -> u8 {
    u8::from(stage != "customer")
}

/// Records of customers, alerts and steps of a process.
fn totals(page: &Page) -> [u64; 3] {
    let sum = |name: &str, counts: &dyn Fn(&Row) -> bool| {
        let rows = page.rows(name).filter(|row| counts(row));
        rows.map(|row| whole(row.value)).sum()
    };
    [
        sum("waymark_records_total", &|row| {
            row.label("stage") == "customer"
        }),
        sum("waymark_alerts_total", &|_| true),
        sum("waymark_step_duration_seconds_count", &|_| true),
    ]
}

fn one(page: &Page, name: &str, counts: &mut BTreeMap<String, u64>) {
    for row in page.rows(name) {
        *counts.entry(row.label("stage").to_owned()).or_default() += whole(row.value);
    }
}

fn two(
    page: &Page,
    name: &str,
    labels: [&str; 2],
    counts: &mut BTreeMap<String, BTreeMap<String, u64>>,
) {
    for row in page.rows(name) {
        let [outer, inner] = labels.map(|label| row.label(label).to_owned());
        *counts.entry(outer).or_default().entry(inner).or_default() += whole(row.value);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts, not below 0"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[cfg(test)]
mod tests;
