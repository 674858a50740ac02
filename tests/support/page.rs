//! The metrics page of a process that has met everything once, and the names of metrics in a text.

use std::collections::BTreeSet;
use std::time::Duration;

use waymark::protocol::Halt;
use waymark::telemetry::{Copied, Metrics, ShardState, Status};
use waymark_engine::derived::{CohortName, Score, Series, Verdict};
use waymark_engine::event::{Day, Instrument, Kind, Timestamp};

pub(crate) fn page_with_every_row() -> String {
    let metrics = Metrics::new();
    let stage = metrics.stage("customer");
    let moves = [(Kind::StageEntered, "offer")];
    stage.foretell(1, ["application_stalled"], moves);
    stage.recovered(Copied::Part, Duration::ZERO);
    metrics.shard("customer", 0);
    metrics.stage("cohort").score(0, &score());
    metrics.spans();
    metrics.upstream("cohort", 0, 0, Timestamp::MIN);
    let (code, text) = (Halt::CODES[0], String::new());
    Status::new(&metrics).set("customer", 0, ShardState::Halted { code, text });
    metrics.page()
}

/// Names of metrics in a text; histograms by family or by the row that is asked for.
pub(crate) fn metrics_in(text: &str) -> BTreeSet<&str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && it != '_')
        .filter(|word| word.starts_with("waymark_") && *word != "waymark_")
        .collect()
}

fn score() -> Score {
    Score {
        cohort: CohortName::all(),
        series: Series {
            instrument: Instrument::Nps,
            touchpoint: "".into(),
            score_dimension: "".into(),
        },
        from: Day(0),
        to: Day(89),
        replies: 1,
        promoters: 1,
        passives: 0,
        detractors: 0,
        nps: Some(100.0),
        low: Some(0.0),
        high: Some(100.0),
        verdict: Verdict::TooFewReplies,
        definition_version: "1".into(),
    }
}
