//! Pages of two processes, and what they amount to: shards, counts, and what has grown between two looks.

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
    let totals: Vec<_> = all.processes.iter().map(|it| it.totals).collect();
    assert_eq!(totals, [[5, 2, 4], [6, 1, 1]], "records of customers only");
}

#[test]
fn only_processes_that_were_there_before_and_have_not_begun_anew_tell_a_rate() {
    let grown = FIRST.replace("} 5\n", "} 9\n");
    let begun_anew = SECOND.replace("} 6\n", "} 1\n");
    let before = Deployment::of(vec![answer("a", FIRST), answer("b", SECOND)]);
    let now = |answers| Deployment::of(answers).since(&before);
    assert_eq!(
        now(vec![answer("a", &grown), answer("b", &begun_anew)]),
        Some([4, 0, 0])
    );
    assert_eq!(
        now(vec![answer("a", &grown), answer("c", SECOND)]),
        Some([4, 0, 0]),
        "one is away, and another has come"
    );
    assert_eq!(now(vec![answer("b", &begun_anew)]), None);
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
