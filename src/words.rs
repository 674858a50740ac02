//! What an alert says, in plain words: whom it is about, and why this transition of it came.
//!
//! One sentence, for a terminal or a chat, from the alert as it is published (its JSON form), so that those of other
//! releases can be told too. What is not there is not said; an alert of a sort that we don't know is told by its details.
//! The numbers are those of the alert, never recomputed.

use serde_json::Value;

/// Returns whom an alert is about: `customer C0051, application loan-1`, or `cohort branch=17`.
pub(crate) fn subject(alert: &Value) -> String {
    let who = who(alert).map(|(what, id)| format!("{what} {id}"));
    plain(&who.collect::<Vec<_>>().join(", "))
}

/// Returns the same where there is little room: `C0051 loan-1`, or `branch=17`.
pub(crate) fn short_subject(alert: &Value) -> String {
    let who = who(alert).map(|(_, id)| id);
    plain(&who.collect::<Vec<_>>().join(" "))
}

fn who(alert: &Value) -> impl Iterator<Item = (&'static str, String)> {
    let id = |what, key: &str| Some((what, alert[key].as_str()?.to_owned()));
    let cohort = || {
        let part = |key: &str| alert["cohort"][key].as_str();
        let cohort = format!("{}={}", part("dimension")?, part("value")?);
        Some(("cohort", cohort))
    };
    let parts = [
        id("customer", "customer_id"),
        id("application", "application_id"),
        id("case", "case_id"),
        cohort(),
    ];
    parts.into_iter().flatten()
}

/// Returns why this transition of an alert came: `in risk_review for 5d, the limit`.
pub(crate) fn reason(alert: &Value) -> String {
    let status = alert["status"].as_str().unwrap_or_default();
    let sentence = match status {
        "held" => Some("held back while a feed that it depends on is unhealthy".to_owned()),
        "corrected" => Some(corrected(alert)),
        _ => absence(alert, status)
            .or_else(|| turned(alert))
            .or_else(|| shift(alert)),
    };
    plain(&sentence.unwrap_or_else(|| details(alert)))
}

/// Returns a text as it may be shown. Names and answers are typed by strangers: what would move a terminal's cursor or end
/// the line is not passed on.
pub(crate) fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{FFFD}")
}

fn corrected(alert: &Value) -> String {
    let late = closed_by(alert).unwrap_or("event");
    format!("a late {late} shows that it should not have been raised")
}

/// What did not happen in time; `elapsed` is known of nothing else.
fn absence(alert: &Value, status: &str) -> Option<String> {
    let elapsed = detail(alert, "elapsed")?;
    let limit = detail(alert, "limit");
    Some(match (status, closed_by(alert)) {
        ("resolved", Some(event)) => match limit {
            Some(limit) => format!("{event} came after {elapsed}, the limit is {limit}"),
            None => format!("{event} came after {elapsed}"),
        },
        ("expired", Some(event)) => {
            format!("{event} came first, after {elapsed}: nothing more is expected")
        }
        _ => {
            let missing = missing(alert);
            let of = match limit {
                Some(limit) if alert["level"] == "at_risk" => format!(" of {limit} allowed"),
                Some(limit) if limit == elapsed => ", the limit".to_owned(),
                Some(limit) => format!(", the limit is {limit}"),
                None => String::new(),
            };
            format!("{missing} for {elapsed}{of}")
        }
    })
}

/// What has been missing, in the words of the kinds that ship; any other names the event that has to be followed.
fn missing(alert: &Value) -> String {
    match (alert["kind"].as_str(), detail(alert, "stage")) {
        (Some("application_stalled"), Some(stage)) => format!("in {stage}"),
        (Some("application_quiet"), Some(stage)) => format!("nothing has happened in {stage}"),
        (Some("application_quiet"), None) => "nothing has happened".to_owned(),
        (Some("customer_quiet"), _) => "nothing heard from the customer".to_owned(),
        (Some("enquiry_unanswered"), _) => "no answer".to_owned(),
        (Some("complaint_unresolved"), _) => "unresolved".to_owned(),
        _ => match last_evidence(alert) {
            Some(event) => format!("what should follow {event} is missing"),
            None => "what is expected is missing".to_owned(),
        },
    }
}

/// A respondent who promoted and now detracts.
fn turned(alert: &Value) -> Option<String> {
    let scores = detail(alert, "scores")?.replace(", ", ", then ");
    let respondent = detail(alert, "respondent").unwrap_or("somebody");
    let after = match detail(alert, "touchpoint") {
        Some(touchpoint) => format!(" about {touchpoint}"),
        None => String::new(),
    };
    let said = format!("{respondent} answered {scores}{after}");
    Some(match alert["status"].as_str() {
        Some("expired") => format!("{said}, and is followed no longer"),
        _ => said,
    })
}

/// A score that has moved.
fn shift(alert: &Value) -> Option<String> {
    let verb = match detail(alert, "direction")? {
        "fall" => "fell",
        "rise" => "rose",
        _ => return None,
    };
    let instrument = detail(alert, "instrument")?;
    let (score, replies) = (detail(alert, "nps")?, detail(alert, "replies")?);
    if let (Some(low), Some(high)) = (detail(alert, "low"), detail(alert, "high")) {
        return Some(format!(
            "{instrument} has settled at {score} ({low} to {high}) over {replies} replies"
        ));
    }
    let reference = detail(alert, "reference")?;
    let kind = match detail(alert, "reference_kind") {
        Some("target") => "the target",
        _ => "what was learnt before",
    };
    Some(format!(
        "{instrument} {verb} to {score} over {replies} replies, held against {reference}, {kind}"
    ))
}

fn details(alert: &Value) -> String {
    let details = alert["details"].as_object().into_iter().flatten();
    let said = details.filter_map(|(name, value)| Some(format!("{name} {}", value.as_str()?)));
    said.collect::<Vec<_>>().join(", ")
}

fn detail<'a>(alert: &'a Value, name: &str) -> Option<&'a str> {
    alert["details"][name]
        .as_str()
        .filter(|text| !text.is_empty())
}

fn closed_by(alert: &Value) -> Option<&str> {
    detail(alert, "closed_by")
}

fn last_evidence(alert: &Value) -> Option<&str> {
    alert["evidence"].as_array()?.last()?["type"].as_str()
}

#[cfg(test)]
mod tests;
