//! Every metric family, defined once. Names, labels and units are a promise: dashboards and alert rules hang on them.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

/// Writes the struct of all families, and how they are made and registered.
macro_rules! families {
    ($($field:ident: $kind:ident($($buckets:ident)?) $name:literal $labels:tt $help:literal)+) => {
        /// Names, labels and help of all families.
        #[cfg(test)]
        const PROMISED: &[(&str, &[&str], &str)] = &[$(($name, &$labels, $help)),+];

        #[derive(Debug, Clone)]
        pub(super) struct Families {
            pub(super) registry: Registry,
            $(pub(super) $field: $kind,)+
        }

        impl Families {
            pub(super) fn new() -> Self {
                let registry = Registry::new();
                Self {
                    $($field: register(&registry, families!(
                        @make $kind($($buckets)?) $name $labels $help
                    )),)+
                    registry,
                }
            }
        }
    };
    (@make $kind:ident() $name:literal $labels:tt $help:literal) => {
        $kind::new(Opts::new($name, $help), &$labels)
    };
    (@make $kind:ident($buckets:ident) $name:literal $labels:tt $help:literal) => {
        $kind::new(HistogramOpts::new($name, $help).buckets($buckets.to_vec()), &$labels)
    };
}

families! {
    build: IntGaugeVec() "waymark_build_info" ["version", "commit", "state_format", "librdkafka"]
        "The build, as `waymark --version` tells it: always 1."

    received: IntCounterVec() "waymark_records_received_total" ["stage"]
        "Records read and committed: the sum of waymark_records_total over its outcomes."
    records: IntCounterVec() "waymark_records_total" ["stage", "outcome"]
        "Records by how they ended."
    dead_letters: IntCounterVec() "waymark_dead_letters_total" ["stage", "reason"]
        "Records set aside, by reason."
    alerts: IntCounterVec() "waymark_alerts_total" ["stage", "kind", "status"]
        "Transitions of alerts."
    applications: IntCounterVec() "waymark_applications_total" ["event", "application_stage"]
        "Events that moved an application and counted, by kind and by the stage it enters."
    nps: GaugeVec() "waymark_nps_points" ["dimension", "value", "touchpoint", "score_dimension", "estimate"]
        "NPS of a cohort over the window up to the last day that closed, and the ends of its 95 % interval."
    nps_replies: IntGaugeVec() "waymark_nps_replies" ["dimension", "value", "touchpoint", "score_dimension"]
        "Replies in that window."
    nps_day: GaugeVec() "waymark_nps_day_timestamp_seconds" ["dimension", "value", "touchpoint", "score_dimension"]
        "The end of that day, in seconds since 1970, zones left aside."

    steps: HistogramVec(STEP) "waymark_step_duration_seconds" ["stage"]
        "Time of a step, from the start of collecting to the end of its commit."
    commits: HistogramVec(STEP) "waymark_commit_duration_seconds" ["stage"]
        "Time of sending a step, its offsets and its commit."
    ticks: IntCounterVec() "waymark_ticks_total" ["stage"]
        "Steps that only moved stream time."
    flushes: HistogramVec(STEP) "waymark_flush_duration_seconds" ["stage", "result"]
        "Time of a flush to the store."
    flushed_keys: IntCounterVec() "waymark_flushed_keys_total" ["stage"]
        "Keys written to the store."

    recoveries: HistogramVec(RECOVERY) "waymark_recovery_duration_seconds" ["stage", "copied"]
        "Time of the recovery of a shard, by what had to be copied."
    recycles: IntCounterVec() "waymark_recycles_total" ["stage", "cause"]
        "Producers replaced, by cause."
    rebalances: IntCounterVec() "waymark_rebalances_total" ["stage", "event"]
        "What rebalances did to the workers."

    shards: IntGaugeVec() "waymark_shards" ["stage"]
        "Shards of a stage in all processes together: the partitions of its topic, as found at the start."
    lag_records: IntGaugeVec() "waymark_source_lag_records" ["stage", "shard", "until"]
        "Records of the source not read yet, up to its high watermark or up to the last stable offset."
    lag_seconds: GaugeVec() "waymark_source_lag_seconds" ["stage", "shard"]
        "Age of the last record read, while others wait behind it."
    stream_time: GaugeVec() "waymark_stream_time_seconds" ["stage", "shard"]
        "Stream time, in seconds since 1970."
    upstream_time: GaugeVec() "waymark_upstream_stream_time_seconds" ["stage", "shard", "upstream_shard"]
        "Stream time of a shard of the stage before, as a shard has heard it, in seconds since 1970."
    upstream_missing: IntCounterVec() "waymark_upstream_missing_total" ["stage"]
        "Records of the stage before whose numbers were left out: lost, or deleted before they were read."
    store_lag_steps: IntGaugeVec() "waymark_store_lag_steps" ["stage", "shard"]
        "Committed steps that the store does not have."
    store_lag_records: IntGaugeVec() "waymark_store_lag_records" ["stage", "shard"]
        "Records of the changelog that the store does not have."
    unflushed_keys: IntGaugeVec() "waymark_unflushed_keys" ["stage", "shard"]
        "Keys whose newest state is only in memory."
    timers_due: IntGaugeVec() "waymark_timers_due" ["stage", "shard"]
        "Customers whose next timer fell due by where the shard wanted to go, at its last look at the store."
    shard_states: IntGaugeVec() "waymark_shard_state" ["stage", "shard", "state"]
        "1 for the state that a shard is in, 0 for the others."
    halts: IntGaugeVec() "waymark_halted" ["stage", "shard", "halt"]
        "1 for a shard that has halted, by the name of the halt."

    spans_sent: IntCounterVec() "waymark_spans_sent_total" []
        "Spans that the collector has taken."
    spans_dropped: IntCounterVec() "waymark_spans_dropped_total" ["reason"]
        "Spans that the collector does not get, by reason."
}

/// Seconds: one step or commit takes milliseconds, and a slow one is what we look for.
const STEP: [f64; 12] = [
    0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Seconds: a recovery takes as long as the store is behind.
const RECOVERY: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

fn register<C: Collector + Clone + 'static>(to: &Registry, family: prometheus::Result<C>) -> C {
    let family = family.expect("names and labels above are well formed");
    to.register(Box::new(family.clone()))
        .expect("no name above stands twice");
    family
}

#[cfg(test)]
mod tests {
    use super::PROMISED;

    #[test]
    fn the_page_that_tests_of_top_go_by_is_one_that_is_served_today() {
        let page = include_str!("../../tests/top/metrics.txt");
        for said in page.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, help) = said.split_once(' ').unwrap();
            let mut promised = PROMISED.iter().filter(|it| it.0 == name);
            assert_eq!(promised.next().map(|it| it.2), Some(help), "{name}");
        }
        for line in page.lines().filter(|line| !line.starts_with('#')) {
            let family = |name: &&str| line.starts_with(*name);
            let promised = PROMISED.iter().filter(|it| family(&it.0));
            let (_, labels, _) = promised.max_by_key(|it| it.0.len()).expect(line);
            let said = |label: &&str| line.contains(&format!("{label}=\""));
            assert!(labels.iter().all(said), "{line}");
        }
    }
}
