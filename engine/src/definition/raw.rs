//! The definition as typed: the very shape of the file.
//!
//! These structs are read by `shape` and described to editors by `schemas/definition.schema.json`; the comments on
//! their fields are what an editor shows. What the texts mean is decided in `parse`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::placed::{At, Entry, Pairs};
use crate::event::Kind;

/// What Waymark watches for a bank: stages, expectations and scores.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Waymark journey definition")]
pub(super) struct RawDefinition {
    /// Name of the definition.
    pub(super) definition: At<String>,
    /// Version, recorded on every alert. Change it with every change of the file.
    pub(super) version: At<RawLabel>,
    /// Time zone of civil days, such as Europe/Berlin. Default: UTC.
    pub(super) zone: Option<At<String>>,
    /// Where events come from, and how late they may be.
    pub(super) feeds: Option<RawFeeds>,
    /// What decides and what ends an application.
    pub(super) applications: Option<RawApplications>,
    /// The stages of an application, in their usual order.
    #[serde(default)]
    pub(super) stages: Vec<Entry<RawStage>>,
    /// Expectations: after this, expect that, within so long.
    #[serde(default)]
    pub(super) rules: Vec<Entry<RawRule>>,
    /// Net promoter score: how customers answer "would you recommend us?".
    pub(super) nps: Option<RawNps>,
    /// Names of the outputs that alerts go to; the first is the default. So far all go to one topic. Default: alerts.
    pub(super) outputs: Option<Vec<At<String>>>,
}

/// Where events come from, and how late they may be.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Feeds")]
pub(super) struct RawFeeds {
    /// How old an event may be and still count.
    pub(super) allowed_lateness: Option<RawLateness>,
    /// Feeds that are late by minutes.
    #[serde(default)]
    pub(super) digital: Vec<At<String>>,
    /// Feeds that are late by nature: paper, calls noted in the evening, nightly exports.
    #[serde(default)]
    pub(super) offline: Vec<At<String>>,
    /// The class of any feed not named here. Default: digital.
    pub(super) otherwise: Option<RawFeedClass>,
}

/// How old an event may be and still count.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lateness")]
pub(super) struct RawLateness {
    /// For digital feeds. Default: 1h.
    pub(super) digital: Option<At<RawDuration>>,
    /// For offline feeds. Default: 7d.
    pub(super) offline: Option<At<RawDuration>>,
}

/// How late a feed is by nature.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "FeedClass")]
pub(super) enum RawFeedClass {
    /// By minutes.
    Digital,
    /// By days.
    Offline,
}

/// What decides and what ends an application.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Applications")]
pub(super) struct RawApplications {
    /// Kinds of events that decide it. Default: approved, declined, withdrawn, cancelled.
    pub(super) decided_by: Option<RawKinds>,
    /// Kinds of events that end it: nothing is expected any more. Default: declined, withdrawn, cancelled, disbursed.
    pub(super) ended_by: Option<RawKinds>,
}

/// A stage of an application.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Stage")]
pub(super) struct RawStage {
    /// Its name, as events of kind stage.entered state it.
    pub(super) name: At<String>,
    /// Kinds of events that enter this stage, besides stage.entered naming it.
    pub(super) entered_by: Option<RawKinds>,
    /// Stages that may follow.
    #[serde(default)]
    pub(super) next: Vec<At<String>>,
}

/// An expectation: after this, expect that, within so long, else raise an alert.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub(super) struct RawRule {
    /// Its name, part of every alert id: renaming a rule makes new alerts.
    pub(super) id: At<String>,
    /// What is watched one by one.
    #[serde(rename = "for")]
    pub(super) subject: At<RawSubject>,
    /// Events that start the clock.
    pub(super) after: RawSelector,
    /// Events that were waited for.
    pub(super) expect: RawSelector,
    /// How long it may take.
    pub(super) within: RawWithin,
    /// Share of the time after which to warn, such as 80%. Default: no warning.
    pub(super) warn: Option<At<RawPercent>>,
    /// How long past the limit to wait for events still under way. Default: 10m, with an offline feed 2d.
    pub(super) grace: Option<At<RawDuration>>,
    /// Until when an application can fail this. Default: ended.
    pub(super) until: Option<At<RawUntil>>,
    /// The alert.
    pub(super) raise: RawRaise,
    /// Events that clear a raised alert. Default: as expect.
    pub(super) clear_on: Option<RawSelector>,
    /// The feeds that these events come from. Default: any.
    #[serde(default)]
    pub(super) feeds: Vec<At<String>>,
    /// Name of the output that its alerts go to. Default: the first of outputs.
    pub(super) output: Option<At<String>>,
}

/// What a rule watches one by one.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Subject")]
pub(super) enum RawSubject {
    /// Each customer.
    Customer,
    /// Each application.
    Application,
    /// Each enquiry, from opened to answered.
    Enquiry,
    /// Each complaint, from raised to resolved.
    Complaint,
}

/// Kinds of events.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(untagged)]
#[schemars(rename = "Kinds")]
pub(super) enum RawKinds {
    /// One kind, or `any` for all.
    #[serde(rename = "text")]
    Text(At<RawKind>),
    /// Several kinds.
    #[serde(rename = "list")]
    List(Vec<At<RawKind>>),
}

/// Which events.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(untagged)]
#[schemars(rename = "Selector")]
pub(super) enum RawSelector {
    /// One kind, or `any` for all.
    #[serde(rename = "text")]
    Text(At<RawKind>),
    /// Several kinds.
    #[serde(rename = "list")]
    List(Vec<At<RawKind>>),
    /// Kinds, and more to be met.
    #[serde(rename = "keys")]
    Keys(RawNarrow),
}

/// Kinds of events, and what else they must meet.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Narrow")]
pub(super) struct RawNarrow {
    /// The kinds. Default: any.
    pub(super) kinds: Option<RawKinds>,
    /// Who must have acted. Default: anybody.
    #[serde(default)]
    pub(super) by: Vec<At<RawParty>>,
    /// A condition in CEL over event, application and dimensions, such as `event.amount >= 1000000`.
    #[serde(rename = "where")]
    pub(super) condition: Option<At<String>>,
}

/// The sides of a journey.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Party")]
pub(super) enum RawParty {
    /// Nobody knows.
    Unknown,
    /// The customer.
    Customer,
    /// The bank.
    Bank,
    /// Somebody else, such as a valuer or a notary.
    ThirdParty,
    /// A machine.
    System,
}

/// How long it may take.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(untagged)]
#[schemars(rename = "Within")]
pub(super) enum RawWithin {
    /// The same for all.
    #[serde(rename = "text")]
    Text(At<RawDuration>),
    /// The first case that fits decides; where none fits, the rule does not apply.
    #[serde(rename = "list")]
    List(Vec<Entry<RawCase>>),
}

/// One case of a limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
pub(super) struct RawCase {
    /// Dimensions and the values they must have, such as `stage: approval` or `tier: A`. Default: fits always.
    #[serde(default)]
    pub(super) when: Pairs<At<RawLabel>>,
    /// The limit; `none` where nothing is expected.
    #[serde(rename = "is")]
    pub(super) limit: At<RawDuration>,
}

/// Until when an application can fail a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Until")]
pub(super) enum RawUntil {
    /// Until it is decided.
    Decided,
    /// Until it has ended.
    Ended,
}

/// The alert that a rule raises.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Raise")]
pub(super) struct RawRaise {
    /// What is wrong, in words joined by underscores, such as `application_stalled`.
    pub(super) kind: At<String>,
    /// How much it matters once the limit has passed. Default: warning.
    pub(super) severity: Option<RawSeverity>,
    /// How much it matters while there is time left. Default: info.
    pub(super) warn_severity: Option<RawSeverity>,
}

/// How much an alert matters.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Severity")]
pub(super) enum RawSeverity {
    /// Good to know.
    Info,
    /// Somebody should look at it.
    Warning,
    /// Somebody must act.
    Critical,
}

/// Net promoter score.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Nps")]
pub(super) struct RawNps {
    /// Length of the rolling window, in whole days. Default: 90d.
    pub(super) window: Option<At<RawDuration>>,
    /// The groups to keep a score for.
    #[serde(default)]
    pub(super) cohorts: Vec<Entry<RawCohort>>,
    /// Calendar periods to compare one with the next. Default: none.
    pub(super) waves: Option<RawWaves>,
    /// The monitored shift of a score. Default: none.
    pub(super) shift: Option<RawShift>,
    /// The alert on somebody who promoted and now detracts. Default: none.
    pub(super) turned_detractor: Option<RawTurnedDetractor>,
}

/// Groups by one dimension.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cohort")]
pub(super) struct RawCohort {
    /// The dimension, such as branch; `all` puts everybody into one group.
    pub(super) by: At<String>,
    /// How many groups to keep at most; replies of any further group are refused and counted. Default: 100.
    pub(super) values_max: Option<At<u32>>,
    /// How many groups you expect. Default: `values_max`, and 1 for `all`.
    pub(super) expected: Option<At<u32>>,
    /// Replies that one group gets in a year, roughly. Needed where a shift is watched.
    pub(super) replies_per_year: Option<At<f64>>,
    /// The score to hold, from -100 to 100. Default: learnt from the replies.
    pub(super) target: Option<At<f64>>,
}

/// Calendar periods.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Waves")]
pub(super) enum RawWaves {
    /// This month against the last.
    Month,
    /// This quarter against the last.
    Quarter,
    /// This year against the last.
    Year,
}

/// How to watch for a shift of the score, for ever, with a stated rate of false alarms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Shift")]
pub(super) struct RawShift {
    /// Name of the rule, part of every alert id. Default: nps-shift.
    pub(super) rule: Option<At<String>>,
    /// How much it matters. Default: warning.
    pub(super) severity: Option<RawSeverity>,
    /// How long past the end of an hour to wait for its replies. Default: 10m.
    pub(super) grace: Option<At<RawDuration>>,
    /// Replies from which a score is learnt where no target is given. Default: 500.
    pub(super) baseline_replies: Option<At<u32>>,
    /// Points by which a learnt score is relaxed. Default: 5.
    pub(super) tolerance: Option<At<f64>>,
    /// False alarms you accept in a year, over all groups together. Default: 2.
    pub(super) false_alarms_per_year: Option<At<f64>>,
}

/// The alert on somebody who promoted and now detracts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TurnedDetractor")]
pub(super) struct RawTurnedDetractor {
    /// Name of the rule, part of every alert id. Default: promoter-turned-detractor.
    pub(super) rule: Option<At<String>>,
    /// How much it matters. Default: warning.
    pub(super) severity: Option<RawSeverity>,
}

/// A text with a form that editors can check.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $schema:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize)]
        #[serde(transparent)]
        pub(super) struct $name(pub(super) String);

        impl std::ops::Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                false
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).trim_start_matches("Raw").into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $schema
            }
        }
    )+};
}

texts! {
    /// Elapsed time.
    RawDuration: schemars::json_schema!({
        "description": "Elapsed time: a whole number and s, m, h, d (24 hours) or w, such as 10m, 24h, 5d; as a limit also none.",
        "type": "string",
        "pattern": "^([0-9]+[smhdw]|none)$",
    });
    /// A share.
    RawPercent: schemars::json_schema!({
        "description": "A share of the time from 1% to 99%.",
        "type": "string",
        "pattern": "^[1-9][0-9]?%$",
    });
    /// A text that may look like a number: what was typed counts, so that `017` is not 17.
    RawLabel: schemars::json_schema!({
        "description": "A text; quotes are needed only where YAML asks for them.",
        "type": ["string", "number", "boolean"],
    });
    /// A kind of event.
    RawKind: schemars::json_schema!({
        "description": "A kind of event; any stands for all.",
        "enum": kind_names(),
    });
}

fn kind_names() -> Vec<&'static str> {
    let all = Kind::ALL.iter().map(|kind| kind.name());
    std::iter::once("any").chain(all).collect()
}
