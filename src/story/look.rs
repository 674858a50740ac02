//! What a story expects of an alert or a score, and what they are, both as a person would write them.
//!
//! Both sides become named texts in one notation, so that comparing is comparing texts, and a failure can be shown in the
//! words of the file. What an alert does not have reads `none`.

use serde::Serialize;
use serde_json::Value;
use serde_saphyr::Spanned;
use waymark_engine::cohort::SeriesSummary;
use waymark_engine::derived::{Alert, Level, Severity, Status};
use waymark_engine::event::{Kind, Timestamp};

use super::known;
use super::raw::RawPairs;
use super::time::Clock;
use crate::names::unknown;
use crate::yaml::{Mistake, mistake};

/// What a story says of one alert or score; of what it does not name it says nothing.
#[derive(Debug)]
pub(super) struct Wanted(Facts);

/// Named texts.
pub(super) type Facts = Vec<(String, String)>;

/// One field as a failure shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Which field.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Whether both sides agree on it.
    pub fits: bool,
}

/// How a field is written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Time,
    Word(fn() -> &'static [&'static str]),
    /// A score in points, compared to one decimal.
    Points,
    /// A list of kinds of events.
    Kinds,
    /// Names of the rule's own.
    Named,
}

impl Form {
    /// The fields of an alert.
    pub(super) const ALERT: &[(&'static str, Form)] = &[
        ("kind", Form::Text),
        ("status", Form::Word(known::words::<Status>)),
        ("level", Form::Word(known::words::<Level>)),
        ("at", Form::Time),
        ("due", Form::Time),
        ("severity", Form::Word(known::words::<Severity>)),
        ("customer", Form::Text),
        ("application", Form::Text),
        ("case", Form::Text),
        ("cohort", Form::Text),
        ("rule", Form::Text),
        ("sequence", Form::Text),
        ("evidence", Form::Kinds),
        ("details", Form::Named),
        ("definition_version", Form::Text),
        ("alert_id", Form::Text),
    ];

    /// The fields of a score.
    pub(super) const SCORE: &[(&'static str, Form)] = &[
        ("cohort", Form::Text),
        ("touchpoint", Form::Text),
        ("dimension", Form::Text),
        ("nps", Form::Points),
        ("low", Form::Points),
        ("high", Form::Points),
        ("replies", Form::Text),
        ("promoters", Form::Text),
        ("passives", Form::Text),
        ("detractors", Form::Text),
        ("verdict", Form::Word(|| &["firm", "too_few_replies"])),
        ("from", Form::Text),
        ("to", Form::Text),
    ];
}

const NONE: &str = "none";

impl Wanted {
    /// Reads what a story says, by a table of fields.
    pub(super) fn mean(
        typed: &Spanned<RawPairs>,
        forms: &[(&'static str, Form)],
        clock: Clock,
    ) -> Result<Self, Mistake> {
        let mut fields = Facts::new();
        for (key, value) in &typed.value.0 {
            let Some((_, form)) = forms.iter().find(|(name, _)| *name == key.value) else {
                let names: Vec<&str> = forms.iter().map(|(name, _)| *name).collect();
                return Err(mistake(key)(unknown("field", &key.value, &names)));
            };
            let said = form.read(&key.value, &value.value, clock);
            fields.extend(said.map_err(mistake(value))?);
        }
        Ok(Self(fields))
    }

    /// Returns whether everything it names is so.
    pub(super) fn fits(&self, facts: &Facts) -> bool {
        self.0
            .iter()
            .all(|(name, text)| text_of(facts, name) == text)
    }

    /// Shows what is wanted.
    pub(super) fn shown(&self, came: Option<&Facts>) -> Vec<Said> {
        let shown = |(name, text): &(String, String)| Said {
            name: name.clone(),
            text: text.clone(),
            fits: came.is_some_and(|came| text_of(came, name) == text),
        };
        self.0.iter().map(shown).collect()
    }

    /// Shows what came instead: what is wanted of it, and what tells it from others.
    pub(super) fn shown_instead(
        came: &Facts,
        wanted: Option<&Wanted>,
        always: &[&str],
    ) -> Vec<Said> {
        let wanted_of = |name: &str| {
            let mut fields = wanted?.0.iter();
            fields
                .find(|(wanted, _)| wanted == name)
                .map(|(_, text)| text)
        };
        let known = came.iter().filter_map(|(name, text)| {
            let wanted = wanted_of(name);
            let telling = always.contains(&name.as_str()) && text != NONE;
            (wanted.is_some() || telling).then(|| Said {
                name: name.clone(),
                text: text.clone(),
                fits: wanted.is_none_or(|wanted| wanted == text),
            })
        });
        known.collect()
    }
}

fn text_of<'a>(facts: &'a Facts, name: &str) -> &'a str {
    let mut facts = facts.iter();
    facts
        .find(|(known, _)| known == name)
        .map_or(NONE, |(_, text)| text)
}

impl Form {
    fn read(self, name: &str, typed: &Value, clock: Clock) -> Result<Facts, String> {
        let text = match (self, typed) {
            (_, Value::Null) => NONE.to_owned(),
            (_, Value::String(text)) if text == NONE => NONE.to_owned(),
            (Form::Named, Value::Object(pairs)) => {
                let named = |(key, value): (&String, &Value)| {
                    let inner = format!("{name}.{key}");
                    let text = scalar(value).ok_or_else(|| format!("{inner} is not a text"))?;
                    Ok((inner, text))
                };
                return pairs.iter().map(named).collect();
            }
            (Form::Kinds, Value::Array(items)) => kinds(items)?,
            (Form::Text, value) => scalar(value).ok_or_else(|| format!("{name} is not a text"))?,
            (Form::Time, Value::String(text)) => short(clock.time(text)?),
            (Form::Word(known), Value::String(text)) => word(text, known())?,
            (Form::Points, Value::Number(number)) => points(number.as_f64()),
            (Form::Named, _) => return Err(format!("{name} is not a map")),
            (Form::Kinds, _) => return Err(format!("{name} is not a list of kinds of events")),
            (Form::Time | Form::Word(_), _) => return Err(format!("{name} is not a text")),
            (Form::Points, _) => return Err(format!("{name} is not a number")),
        };
        Ok(vec![(name.to_owned(), text)])
    }
}

fn scalar(typed: &Value) -> Option<String> {
    match typed {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null => Some(NONE.to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn kinds(items: &[Value]) -> Result<String, String> {
    let names: Vec<&str> = items
        .iter()
        .map(|item| item.as_str().unwrap_or_default())
        .collect();
    match names.iter().find(|name| Kind::from_name(name).is_none()) {
        None => Ok(list(&names)),
        Some(stranger) => {
            let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            Err(unknown("kind of event", stranger, &all))
        }
    }
}

fn word(text: &str, known: &[&str]) -> Result<String, String> {
    if known.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(unknown("value", text, known))
    }
}

fn list(names: &[&str]) -> String {
    format!("[{}]", names.join(", "))
}

fn points(number: Option<f64>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| format!("{number:.1}"))
}

/// A time without milliseconds that are none.
fn short(at: Timestamp) -> String {
    at.to_string().replace(".000Z", "Z")
}

/// Returns an alert as a story tells it.
pub(super) fn of_alert(alert: &Alert) -> Facts {
    let kinds: Vec<&str> = alert.evidence.iter().map(|it| it.kind.name()).collect();
    let mut facts = named([
        ("kind", alert.kind.to_string()),
        ("status", serialized(alert.status)),
        ("level", or_none(alert.level.map(serialized))),
        ("at", short(alert.occurred_at)),
        ("due", or_none(alert.due.map(short))),
        ("severity", serialized(alert.severity)),
        ("customer", or_none(alert.customer_id.as_ref())),
        ("application", or_none(alert.application_id.as_ref())),
        ("case", or_none(alert.case_id.as_ref())),
        ("cohort", or_none(alert.cohort.as_ref())),
        ("rule", alert.rule.to_string()),
        ("sequence", alert.sequence.to_string()),
        ("evidence", list(&kinds)),
        ("definition_version", alert.definition_version.to_string()),
        ("alert_id", alert.alert_id.to_string()),
    ]);
    let details = alert.details.iter();
    facts.extend(details.map(|(name, text)| (format!("details.{name}"), text.to_string())));
    facts
}

/// Returns a score as a story tells it.
pub(super) fn of_score(summary: &SeriesSummary) -> Facts {
    let score = &summary.score;
    named([
        ("cohort", score.cohort.to_string()),
        ("touchpoint", or_none(stated(&score.series.touchpoint))),
        ("dimension", or_none(stated(&score.series.score_dimension))),
        ("nps", points(score.nps)),
        ("low", points(score.low)),
        ("high", points(score.high)),
        ("replies", score.replies.to_string()),
        ("promoters", score.promoters.to_string()),
        ("passives", score.passives.to_string()),
        ("detractors", score.detractors.to_string()),
        ("verdict", serialized(score.verdict)),
        ("from", score.from.to_string()),
        ("to", score.to.to_string()),
    ])
}

fn named<const N: usize>(facts: [(&str, String); N]) -> Facts {
    facts.map(|(name, text)| (name.to_owned(), text)).into()
}

fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

fn stated(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The word that JSON uses.
fn serialized(word: impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(Value::String(text)) => text,
        other => unreachable!("an enum of words is written as a text, not {other:?}"),
    }
}
