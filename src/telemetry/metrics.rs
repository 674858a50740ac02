//! The handles to count with.
//!
//! Workers count through handles that are resolved once: [`StageMetrics`] for what a stage does, [`ShardMetrics`] for where
//! a shard stands. Rows of a shard vanish with [`Metrics::forget`], lest its former owner go on telling old news.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter, IntCounterVec, IntGauge, TextEncoder};
use waymark_engine::STATE_FORMAT;
use waymark_engine::derived::{Score, Status as AlertStatus};
use waymark_engine::event::{Kind, Reason, Timestamp};
use waymark_engine::stage::Books;

use super::build::{COMMIT, LIBRDKAFKA, VERSION};
use super::families::Families;
use super::labels::{Copied, Flushed, Rebalance, RecycleCause, SpanLoss};
use super::scores::Scores;

/// All metrics of a process. Clones count into the same families.
#[derive(Debug, Clone)]
pub struct Metrics {
    all: Families,
    scores: Scores,
}

/// What one stage does; for all workers of the process together.
#[derive(Debug, Clone)]
pub struct StageMetrics {
    stage: &'static str,
    all: Families,
    scores: Scores,
    received: IntCounter,
    outcomes: [IntCounter; OUTCOMES.len()],
    steps: Histogram,
    commits: Histogram,
    ticks: IntCounter,
    flushed_keys: IntCounter,
}

/// Where one shard stands. The fields are gauges: set them.
#[derive(Debug, Clone)]
pub struct ShardMetrics {
    /// Records of the source behind us, up to the high watermark.
    pub lag_to_end: IntGauge,
    /// Records of the source behind us that may be read: up to the last stable offset.
    pub lag_to_stable: IntGauge,
    /// Age of the last record read, while others wait behind it; else 0.
    pub lag_seconds: Gauge,
    /// Committed steps that the store does not have.
    pub store_lag_steps: IntGauge,
    /// Records of the changelog that the store does not have.
    pub store_lag_records: IntGauge,
    /// Keys whose newest state is only in memory.
    pub unflushed_keys: IntGauge,
    /// Customers whose next timer fell due by where the shard wanted to go, at its last look at the store.
    pub timers_due: IntGauge,
    stream_time: Gauge,
}

/// What becomes of spans.
#[derive(Debug, Clone)]
pub struct SpanMetrics {
    sent: IntCounter,
    dropped: IntCounterVec,
}

const NO_LABELS: &[&str] = &[];
const OUTCOMES: [&str; 5] = ["applied", "duplicate", "late", "ignored", "dead_lettered"];

impl Metrics {
    /// Makes every family.
    pub fn new() -> Self {
        let all = Families::new();
        let state_format = STATE_FORMAT.to_string();
        let build = [VERSION, COMMIT, &state_format, &LIBRDKAFKA];
        all.build.with_label_values(&build).set(1);
        let scores = Scores::new(&all);
        Self { all, scores }
    }

    /// Resolves the handles of a stage. Every row it may ever have is there from now on, at 0: of a counter that begins
    /// higher Prometheus would miss the first increase. What only a definition knows is [foretold](StageMetrics::foretell).
    pub fn stage(&self, stage: &'static str) -> StageMetrics {
        let row = |family: &IntCounterVec| family.with_label_values(&[stage]);
        for reason in Reason::ALL {
            self.all
                .dead_letters
                .with_label_values(&[stage, reason.code()]);
        }
        for cause in RecycleCause::ALL {
            self.all.recycles.with_label_values(&[stage, cause.label()]);
        }
        for event in Rebalance::ALL {
            self.all
                .rebalances
                .with_label_values(&[stage, event.label()]);
        }
        for result in Flushed::ALL {
            self.all.flushes.with_label_values(&[stage, result.label()]);
        }
        for copied in Copied::ALL {
            self.all
                .recoveries
                .with_label_values(&[stage, copied.label()]);
        }
        row(&self.all.upstream_missing);
        StageMetrics {
            stage,
            received: row(&self.all.received),
            outcomes: OUTCOMES.map(|outcome| self.all.records.with_label_values(&[stage, outcome])),
            steps: self.all.steps.with_label_values(&[stage]),
            commits: self.all.commits.with_label_values(&[stage]),
            ticks: row(&self.all.ticks),
            flushed_keys: row(&self.all.flushed_keys),
            all: self.all.clone(),
            scores: self.scores.clone(),
        }
    }

    /// Resolves the handles of a shard.
    pub fn shard(&self, stage: &'static str, shard: u32) -> ShardMetrics {
        let shard = shard.to_string();
        let row = [stage, &shard];
        let lag = |until| {
            self.all
                .lag_records
                .with_label_values(&[stage, &shard, until])
        };
        ShardMetrics {
            lag_to_end: lag("high_watermark"),
            lag_to_stable: lag("last_stable_offset"),
            lag_seconds: self.all.lag_seconds.with_label_values(&row),
            store_lag_steps: self.all.store_lag_steps.with_label_values(&row),
            store_lag_records: self.all.store_lag_records.with_label_values(&row),
            unflushed_keys: self.all.unflushed_keys.with_label_values(&row),
            timers_due: self.all.timers_due.with_label_values(&row),
            stream_time: self.all.stream_time.with_label_values(&row),
        }
    }

    /// Resolves the handles of spans. Every row is there from now on, at 0.
    pub fn spans(&self) -> SpanMetrics {
        for loss in SpanLoss::ALL {
            self.all.spans_dropped.with_label_values(&[loss.label()]);
        }
        SpanMetrics {
            sent: self.all.spans_sent.with_label_values(NO_LABELS),
            dropped: self.all.spans_dropped.clone(),
        }
    }

    /// Shows how far a shard of the stage before is, as one of ours has heard it.
    pub fn upstream(&self, stage: &'static str, shard: u32, upstream_shard: u32, at: Timestamp) {
        let row = [stage, &shard.to_string(), &upstream_shard.to_string()];
        let seconds = at.as_millis() as f64 / 1_000.0;
        self.all.upstream_time.with_label_values(&row).set(seconds);
    }

    /// Removes the rows of a shard that is no longer ours.
    pub fn forget(&self, stage: &'static str, shard: u32) {
        let shard = shard.to_string();
        let row = [stage, shard.as_str()];
        // A row that was never there needs no removing.
        for until in ["high_watermark", "last_stable_offset"] {
            drop(
                self.all
                    .lag_records
                    .remove_label_values(&[stage, &shard, until]),
            );
        }
        drop(self.all.lag_seconds.remove_label_values(&row));
        drop(self.all.stream_time.remove_label_values(&row));
        // The shards upstream are numbered from 0, and all of them were shown.
        let mut upstream = 0;
        while self.forget_upstream(&[stage, &shard, &upstream.to_string()]) {
            upstream += 1;
        }
        for family in [
            &self.all.store_lag_steps,
            &self.all.store_lag_records,
            &self.all.unflushed_keys,
            &self.all.timers_due,
        ] {
            drop(family.remove_label_values(&row));
        }
        self.scores.forget(row[0], row[1]);
    }

    fn forget_upstream(&self, row: &[&str; 3]) -> bool {
        self.all.upstream_time.remove_label_values(row).is_ok()
    }

    /// Returns the page that Prometheus reads, in its text format.
    pub fn page(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.all.registry.gather())
            .expect("every family has a name and a value")
    }

    /// Shows one of several states as 1, the others as 0.
    pub(super) fn show_state(
        &self,
        stage: &str,
        shard: u32,
        states: &[&'static str],
        now: Option<&str>,
    ) {
        let shard = shard.to_string();
        for state in states {
            let row = [stage, shard.as_str(), state];
            if now.is_some() {
                let is = i64::from(now == Some(state));
                self.all.shard_states.with_label_values(&row).set(is);
            } else {
                drop(self.all.shard_states.remove_label_values(&row));
            }
        }
    }

    /// Shows that a shard has halted, or no longer has.
    pub(super) fn show_halt(&self, stage: &str, shard: u32, halt: &str, halted: bool) {
        let shard = shard.to_string();
        let row = [stage, shard.as_str(), halt];
        if halted {
            self.all.halts.with_label_values(&row).set(1);
        } else {
            drop(self.all.halts.remove_label_values(&row));
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl StageMetrics {
    /// Shows how many shards the stage has, and every row that its definition may bring: kinds of alerts, and what may move
    /// an application.
    pub fn foretell<'a>(
        &self,
        shards: u32,
        kinds: impl IntoIterator<Item = &'a str>,
        moves: impl IntoIterator<Item = (Kind, &'a str)>,
    ) {
        let family = self.all.shards.with_label_values(&[self.stage]);
        family.set(shards.into());
        for kind in kinds {
            for status in AlertStatus::ALL {
                let row = [self.stage, kind, status.name()];
                self.all.alerts.with_label_values(&row);
            }
        }
        for (kind, stage) in moves {
            self.moved(kind, stage, 0);
        }
    }

    /// Counts applications that an event of a kind has moved, into a stage of the definition or, if the text is empty, none.
    pub fn moved(&self, by: Kind, to: &str, number: u64) {
        let row = [by.name(), to];
        let family = &self.all.applications;
        family.with_label_values(&row).inc_by(number);
    }

    /// Shows the score of a cohort at the close of a day, until its shard is no longer ours.
    pub fn score(&self, shard: u32, score: &Score) {
        self.scores.show(self.stage, shard, score);
    }

    /// Counts records of the stage before that never came.
    pub fn missing(&self, number: u64) {
        let family = &self.all.upstream_missing;
        family.with_label_values(&[self.stage]).inc_by(number);
    }

    /// Counts the records of a committed step, as its own books tell.
    pub fn enter(&self, step: &Books) {
        self.received.inc_by(step.received);
        let ended = [
            step.applied,
            step.duplicate,
            step.late,
            step.ignored,
            step.dead_lettered,
        ];
        for (counter, number) in self.outcomes.iter().zip(ended) {
            counter.inc_by(number);
        }
        for (reason, number) in &step.dead_letters {
            let row = [self.stage, reason.code()];
            self.all
                .dead_letters
                .with_label_values(&row)
                .inc_by(*number);
        }
    }

    /// Counts a transition of an alert. Kinds are those of the definition.
    pub fn alert(&self, kind: &str, status: AlertStatus) {
        let row = [self.stage, kind, status.name()];
        self.all.alerts.with_label_values(&row).inc();
    }

    /// Counts a committed step: the time of all of it, and of its commit.
    pub fn step(&self, whole: Duration, commit: Duration) {
        self.steps.observe(whole.as_secs_f64());
        self.commits.observe(commit.as_secs_f64());
    }

    /// Counts a step that only moved stream time.
    pub fn tick(&self) {
        self.ticks.inc();
    }

    /// Counts a flush.
    pub fn flushed(&self, result: Flushed, keys: u64, took: Duration) {
        let row = [self.stage, result.label()];
        self.all
            .flushes
            .with_label_values(&row)
            .observe(took.as_secs_f64());
        if result == Flushed::Done {
            self.flushed_keys.inc_by(keys);
        }
    }

    /// Counts the recovery of a shard.
    pub fn recovered(&self, copied: Copied, took: Duration) {
        let row = [self.stage, copied.label()];
        self.all
            .recoveries
            .with_label_values(&row)
            .observe(took.as_secs_f64());
    }

    /// Counts a new producer.
    pub fn recycled(&self, cause: RecycleCause) {
        self.all
            .recycles
            .with_label_values(&[self.stage, cause.label()])
            .inc();
    }

    /// Counts a rebalance.
    pub fn rebalanced(&self, event: Rebalance) {
        self.all
            .rebalances
            .with_label_values(&[self.stage, event.label()])
            .inc();
    }
}

impl ShardMetrics {
    /// Shows where stream time stands.
    pub fn stream_time(&self, at: Timestamp) {
        self.stream_time.set(at.as_millis() as f64 / 1_000.0);
    }
}

impl SpanMetrics {
    /// Counts spans that the collector has taken.
    pub fn sent(&self, spans: u64) {
        self.sent.inc_by(spans);
    }

    /// Counts spans that it does not get.
    pub fn dropped(&self, loss: SpanLoss, spans: u64) {
        let row = self.dropped.with_label_values(&[loss.label()]);
        row.inc_by(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(page: &str, row: &str) -> f64 {
        let line = page.lines().find(|line| line.starts_with(row));
        let line = line.unwrap_or_else(|| panic!("no {row} in\n{page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn received_is_the_sum_of_all_outcomes() {
        let metrics = Metrics::new();
        let stage = metrics.stage("customer");
        let mut books = Books {
            received: 9,
            applied: 4,
            duplicate: 2,
            late: 1,
            ignored: 1,
            dead_lettered: 1,
            ..Books::default()
        };
        books.dead_letters.insert(Reason::TimeAhead, 1);
        assert!(books.balance());
        stage.enter(&books);
        stage.enter(&books);
        let page = metrics.page();
        let ended = OUTCOMES.map(|outcome| {
            value(
                &page,
                &format!("waymark_records_total{{outcome=\"{outcome}\",stage=\"customer\"}}"),
            )
        });
        let received = value(&page, "waymark_records_received_total{stage=\"customer\"}");
        assert!((received - 18.0).abs() < 0.1);
        assert!((ended.iter().sum::<f64>() - received).abs() < 0.1);
        let reason = "waymark_dead_letters_total{reason=\"time_ahead\",stage=\"customer\"}";
        assert!((value(&page, reason) - 2.0).abs() < 0.1);
    }

    #[test]
    fn rows_are_there_before_anything_has_happened() {
        let metrics = Metrics::new();
        let moves = [(Kind::StageEntered, "offer")];
        let stage = metrics.stage("customer");
        stage.foretell(12, ["application_stalled"], moves);
        let page = metrics.page();
        for row in [
            "waymark_recycles_total{cause=\"fenced\",stage=\"customer\"} 0",
            "waymark_flush_duration_seconds_count{result=\"refused\",stage=\"customer\"} 0",
            "waymark_dead_letters_total{reason=\"poison\",stage=\"customer\"} 0",
            "waymark_recovery_duration_seconds_count{copied=\"whole\",stage=\"customer\"} 0",
            "waymark_upstream_missing_total{stage=\"customer\"} 0",
            "waymark_shards{stage=\"customer\"} 12",
            "waymark_alerts_total{kind=\"application_stalled\",stage=\"customer\",status=\"corrected\"} 0",
            "waymark_applications_total{application_stage=\"offer\",event=\"stage.entered\"} 0",
            "waymark_build_info{commit=\"",
        ] {
            assert!(page.contains(row), "no {row} in\n{page}");
        }
    }

    #[test]
    fn a_shard_that_is_no_longer_ours_leaves_no_rows() {
        let metrics = Metrics::new();
        let shard = metrics.shard("customer", 7);
        shard.lag_to_end.set(3);
        shard.stream_time(Timestamp::parse("2026-05-02T12:00:00.5Z").unwrap());
        let page = metrics.page();
        let row =
            "waymark_source_lag_records{shard=\"7\",stage=\"customer\",until=\"high_watermark\"} 3";
        assert!(page.contains(row), "{page}");
        let row = "waymark_stream_time_seconds{shard=\"7\",stage=\"customer\"}";
        assert!((value(&page, row) - 1_777_723_200.5).abs() < 0.01, "{page}");
        metrics.forget("customer", 7);
        assert!(!metrics.page().contains("shard=\"7\""));
    }
}
