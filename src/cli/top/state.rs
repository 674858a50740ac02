//! What the pages of all processes say of a deployment: pure, from pages to plain values.

use std::collections::BTreeMap;

use serde::Serialize;
use waymark_engine::event::Timestamp;

use super::ask::Answer;
use crate::telemetry::Page;

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
            });
        }
        let place = |shard: &Shard| (stage_rank(&shard.stage), shard.stage.clone(), shard.number);
        all.shards.sort_by_key(place);
        all
    }

    /// Returns all records taken, alerts and steps: what rates are made of.
    pub(super) fn totals(&self) -> [u64; 3] {
        let customers = self.records.get("customer").into_iter();
        let records = customers.flat_map(BTreeMap::values).sum();
        let alerts = self.alerts.values().flat_map(BTreeMap::values).sum();
        [records, alerts, self.steps.values().sum()]
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
mod tests {
    use super::*;

    fn answer(url: &str, page: &str) -> Answer {
        Answer {
            url: url.to_owned(),
            page: Page::read(page),
            unready: Vec::new(),
        }
    }

    const FIRST: &str = "\
waymark_build_info{version=\"0.1.0\",commit=\"abc\"} 1
waymark_shard_state{shard=\"10\",stage=\"customer\",state=\"running\"} 1
waymark_shard_state{shard=\"10\",stage=\"customer\",state=\"halted\"} 0
waymark_shard_state{shard=\"9\",stage=\"customer\",state=\"halted\"} 1
waymark_halted{shard=\"9\",stage=\"customer\",halt=\"SOURCE_GAP\"} 1
waymark_source_lag_records{shard=\"10\",stage=\"customer\",until=\"high_watermark\"} 7
waymark_source_lag_records{shard=\"10\",stage=\"customer\",until=\"last_stable_offset\"} 3
waymark_stream_time_seconds{shard=\"10\",stage=\"customer\"} 1777723200.5
waymark_stream_time_seconds{shard=\"9\",stage=\"customer\"} 0
waymark_records_total{stage=\"customer\",outcome=\"applied\"} 5
waymark_alerts_total{stage=\"customer\",kind=\"application_stalled\",status=\"raised\"} 2
waymark_step_duration_seconds_count{stage=\"customer\"} 4
";
    const SECOND: &str = "\
waymark_build_info{version=\"0.1.0\",commit=\"abc\"} 1
waymark_shard_state{shard=\"0\",stage=\"cohort\",state=\"running\"} 1
waymark_shard_state{shard=\"0\",stage=\"customer\",state=\"recovering\"} 1
waymark_records_total{stage=\"customer\",outcome=\"applied\"} 6
waymark_records_total{stage=\"cohort\",outcome=\"applied\"} 100
waymark_alerts_total{stage=\"customer\",kind=\"application_stalled\",status=\"raised\"} 1
waymark_step_duration_seconds_count{stage=\"cohort\"} 1
";

    #[test]
    fn several_processes_make_one_deployment() {
        let all = Deployment::of(vec![answer("a", FIRST), answer("b", SECOND)]);
        let shards: Vec<_> = all
            .shards
            .iter()
            .map(|it| (it.name(), it.condition()))
            .collect();
        let told = |name: &str, state: &str| (name.to_owned(), state.to_owned());
        let expected = [
            told("customer/0", "recovering"),
            told("customer/9", "halted SOURCE_GAP"),
            told("customer/10", "running"),
            told("cohort/0", "running"),
        ];
        assert_eq!(shards, expected);
        assert_eq!(all.alerts["application_stalled"]["raised"], 3);
        assert_eq!(all.totals(), [11, 3, 5], "records of customers only");
    }

    #[test]
    fn a_shard_has_what_its_rows_say_and_nothing_else() {
        let all = Deployment::of(vec![answer("a", FIRST)]);
        let [halted, running] = &all.shards[..] else {
            panic!("{all:?}");
        };
        assert_eq!(running.lag_records, Some(7));
        let at = Timestamp::parse("2026-05-02T12:00:00.5Z").unwrap();
        assert_eq!((running.stream_time, halted.stream_time), (Some(at), None));
        assert_eq!((running.lag_seconds, halted.lag_records), (None, None));
    }
}
