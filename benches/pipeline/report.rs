//! The figures of one run, beside what we aim at, and the conditions they hold for.

use std::fmt;

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::backlog::Backlog;
use crate::bare::Bare;
use crate::latency::Latency;
use crate::restart::Restart;
use crate::store::StoreBytes;

/// Everything measured in one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) conditions: Conditions,
    pub(crate) backlog: Option<Backlog>,
    pub(crate) bare: Option<Bare>,
    pub(crate) latency: Option<Latency>,
    pub(crate) restarts: Vec<Restart>,
    pub(crate) store: Option<StoreBytes>,
}

/// What figures hold for.
#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    pub(crate) machine: String,
    pub(crate) kafka: String,
    pub(crate) redis: String,
    pub(crate) librdkafka: String,
    pub(crate) waymark: String,
    pub(crate) events: u64,
    pub(crate) customers: u32,
    pub(crate) format: String,
    /// Beyond the defaults.
    pub(crate) settings: Vec<String>,
}

impl Report {
    pub(crate) fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            backlog: None,
            bare: None,
            latency: None,
            restarts: Vec::new(),
            store: None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.conditions)?;
        let mut rows = Rows::new();
        if let Some(backlog) = &self.backlog {
            rows.backlog(backlog);
        }
        if let Some(bare) = &self.bare {
            rows.bare(bare);
        }
        if let Some(latency) = &self.latency {
            rows.latency(latency);
        }
        for restart in &self.restarts {
            rows.restart(restart);
        }
        if let Some(store) = &self.store {
            rows.store(store);
        }
        write!(f, "{}", rows.0)
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            kafka,
            redis,
            librdkafka,
            waymark,
            events,
            customers,
            format,
            settings,
        } = self;
        writeln!(f, "{machine}; everything on this machine")?;
        writeln!(
            f,
            "Kafka {kafka}; Redis {redis}; librdkafka {librdkafka}; Waymark {waymark}"
        )?;
        write!(
            f,
            "{events} events of {customers} customers, {format}; settings: "
        )?;
        match settings.as_slice() {
            [] => write!(f, "defaults"),
            settings => write!(f, "{}", settings.join(" ")),
        }
    }
}

struct Rows(Table);

impl Rows {
    fn new() -> Self {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["", "measured", "aim"]);
        for place in 1..3 {
            let column = table.column_mut(place).expect("there are three columns");
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self(table)
    }

    fn add(&mut self, what: &str, measured: String, aim: &str) {
        self.0.add_row([what.to_owned(), measured, aim.to_owned()]);
    }

    fn backlog(&mut self, of: &Backlog) {
        self.add(
            "backlog: events a second",
            format!("{:.0}", of.events_per_second),
            "",
        );
        self.add(
            "backlog: seconds from start to first commit",
            format!("{:.1}", of.seconds_to_first_commit),
            "",
        );
        let cpu = format!("{:.2}", of.cpu_seconds_per_million);
        self.add(
            "customer stage: CPU-seconds per million events",
            cpu,
            "<= 4.4",
        );
        self.add(
            "customer stage: peak memory, MB",
            megabytes(of.peak_memory_bytes),
            "<= 80",
        );
        let cpu = format!("{:.2}", of.cohorts.cpu_seconds_per_million);
        self.add("cohort stage: CPU-seconds per million deltas", cpu, "<= 2");
        self.add(
            "cohort stage: seconds from start to last commit",
            format!("{:.1}", of.cohorts.seconds),
            "",
        );
        self.add(
            "cohort stage: peak memory, MB",
            megabytes(of.cohorts.peak_memory_bytes),
            "",
        );
        for (what, held) in [
            ("changes", of.changelog),
            ("alerts", of.alerts),
            ("deltas", of.deltas),
        ] {
            let average = held.bytes / held.records.max(1);
            self.add(
                &format!("written: {what}"),
                format!("{} x {average} B", held.records),
                "",
            );
        }
    }

    fn bare(&mut self, of: &Bare) {
        self.add(
            "bare: consume + decode, CPU-seconds per million",
            format!("{:.2}", of.decode),
            "",
        );
        let what = format!(
            "bare: the same bytes in {} transactions, and to Redis",
            of.transactions
        );
        self.add(&what, format!("{:.2}", of.full), "");
        self.add(
            "customer stage / bare",
            format!("{:.2}", of.ratio),
            "<= 1.5",
        );
    }

    fn latency(&mut self, of: &Latency) {
        let at = format!("alert latency at {}/s for {} s", of.rate, of.seconds);
        self.add(&format!("{at}: p50, ms"), of.p50_ms.to_string(), "");
        self.add(&format!("{at}: p99, ms"), of.p99_ms.to_string(), "<= 250");
        self.add(
            &format!("{at}: worst of {}, ms", of.alerts),
            of.max_ms.to_string(),
            "",
        );
        self.add(
            &format!("at {}/s: CPU-seconds per million", of.rate),
            format!("{:.2}", of.cpu_seconds_per_million),
            "",
        );
        self.add(
            &format!("at {}/s: peak memory, MB", of.rate),
            megabytes(of.peak_memory_bytes),
            "<= 80",
        );
    }

    fn restart(&mut self, of: &Restart) {
        let what = format!(
            "restart after kill -9, {} customers: worst of {}, s",
            of.customers,
            of.seconds.len()
        );
        self.add(&what, format!("{:.1}", of.worst()), "< 3");
    }

    fn store(&mut self, of: &StoreBytes) {
        let median = format!("{:.0}", of.median_with_one_open_application);
        self.add(
            "Redis: bytes, median customer with one open application",
            median,
            "<= 300",
        );
        self.add(
            "Redis: of these, due entry",
            format!("{:.0}", of.due_entry),
            "",
        );
        self.add(
            "Redis: of these, the value",
            of.median_value.to_string(),
            "",
        );
        let all = format!("Redis: all memory / {} customers, bytes", of.customers);
        self.add(&all, format!("{:.0}", of.all_memory), "");
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1e6)
}
