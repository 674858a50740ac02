//! The definition in plain words: what it will watch, one sentence a rule.
//!
//! For those who sign a definition without reading YAML. Sentences say what is meant, defaults included; nothing here
//! decides anything.

use super::{
    CohortBy, Condition, Definition, FeedClass, KindSet, Nps, PartySet, Rule, Selector, Shift,
    SubjectKind, Until, Waves, WithinCase, duration,
};
use crate::derived::Severity;
use crate::event::{FeedName, Party};

/// Tells about how many replies pass until a fall is noticed, or `None` if it may never be.
///
/// An argument, for the detector's mathematics live in a room that knows this one.
pub type ExpectedDelay<'a> = &'a dyn Fn(&Fall<'_>) -> Option<f64>;

/// A lasting fall of an NPS, and the watch that should notice it.
#[derive(Debug, Clone, Copy)]
pub struct Fall<'a> {
    /// The score before, in points.
    pub from: f64,
    /// The score after, in points.
    pub to: f64,
    /// A, the evidence at which the alarm is raised.
    pub threshold: f64,
    /// The cohorts concerned.
    pub by: &'a CohortBy,
    /// How they are watched.
    pub shift: &'a Shift,
}

impl Definition {
    /// Says what the definition means, one sentence a line.
    pub fn explain(&self, expected_delay: ExpectedDelay<'_>) -> Vec<String> {
        let mut sentences = vec![self.opening(), self.lateness(), self.endings()];
        sentences.extend(self.stages_in_words());
        sentences.extend(self.rules.iter().map(rule_in_words));
        if let Some(nps) = &self.nps {
            sentences.extend(nps_in_words(nps, expected_delay));
        }
        sentences
    }

    fn opening(&self) -> String {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        format!(
            "{} {} counts days in {zone}.",
            self.name, self.edition.version
        )
    }

    fn lateness(&self) -> String {
        let feeds = &self.feeds;
        let of_class = |class: FeedClass| {
            let of_class = feeds.classes.iter().filter(move |(_, c)| **c == class);
            of_class.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
        };
        let (rule, rest, exception) = match feeds.otherwise {
            FeedClass::Digital => (feeds.digital, feeds.offline, FeedClass::Offline),
            FeedClass::Offline => (feeds.offline, feeds.digital, FeedClass::Digital),
        };
        let rule = format!("Events count up to {} late", duration::show(rule));
        match of_class(exception).as_slice() {
            [] => format!("{rule}."),
            names => format!(
                "{rule}, those of {} up to {}.",
                and(names),
                duration::show(rest)
            ),
        }
    }

    fn endings(&self) -> String {
        format!(
            "An application is decided by {}; after {} nothing more is expected of it.",
            or(&names(self.decided_by)),
            or(&names(self.ended_by))
        )
    }

    fn stages_in_words(&self) -> Option<String> {
        let stages: Vec<&str> = self.stages.iter().map(|stage| &*stage.name).collect();
        (!stages.is_empty()).then(|| format!("Its stages are {}.", and(&stages)))
    }
}

fn rule_in_words(rule: &Rule) -> String {
    let mut parts = vec![format!(
        "{}: for each {}, after {}, expects {} {}",
        rule.id,
        subject(rule.subject),
        selector(&rule.after),
        if same(&rule.after, &rule.expect) {
            "the same again".to_owned()
        } else {
            selector(&rule.expect)
        },
        limits(&rule.within.cases),
    )];
    if let Some(percent) = rule.warn_percent {
        let warn = severity(rule.raise.warn_severity);
        parts.push(format!("warns ({warn}) at {percent}% of that"));
    }
    parts.push(format!(
        "else raises {} ({}) on {}",
        rule.raise.kind,
        severity(rule.raise.severity),
        rule.output
    ));
    if !same(&rule.expect, &rule.clear_on) {
        parts.push(format!("cleared by {}", selector(&rule.clear_on)));
    }
    if rule.until == Until::Decided {
        parts.push("until the application is decided".to_owned());
    }
    parts.push(grace(rule));
    format!("{}.", parts.join(", "))
}

fn grace(rule: &Rule) -> String {
    let feeds: Vec<&str> = rule.feeds.iter().map(FeedName::as_str).collect();
    let of = match feeds.as_slice() {
        [] => String::new(),
        feeds => format!(" of {}", and(feeds)),
    };
    if rule.grace.is_zero() {
        format!("without waiting for late events{of}")
    } else {
        format!(
            "having waited {} for late events{of}",
            duration::show(rule.grace)
        )
    }
}

fn limits(cases: &[WithinCase]) -> String {
    let case = |case: &WithinCase| {
        let when: Vec<String> = case
            .when
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let when = when.join(" and ");
        match (case.limit, when.is_empty()) {
            (Some(limit), true) => duration::show(limit),
            (Some(limit), false) => format!("{} for {when}", duration::show(limit)),
            (None, true) => "else no limit".to_owned(),
            (None, false) => format!("no limit for {when}"),
        }
    };
    let cases: Vec<String> = cases.iter().map(case).collect();
    format!("within {}", cases.join("; "))
}

fn same(one: &Selector, other: &Selector) -> bool {
    let source = |selector: &Selector| {
        let condition = selector.condition.as_ref();
        condition.map(|condition| condition.source().to_owned())
    };
    one.kinds == other.kinds && one.by == other.by && source(one) == source(other)
}

fn selector(selector: &Selector) -> String {
    let mut words = match names(selector.kinds).as_slice() {
        _ if selector.kinds == KindSet::ALL => "any event".to_owned(),
        names => or(names),
    };
    if selector.by != PartySet::ALL {
        let parties = [
            (Party::Unknown, "somebody unknown"),
            (Party::Customer, "the customer"),
            (Party::Bank, "the bank"),
            (Party::ThirdParty, "a third party"),
            (Party::System, "a system"),
        ];
        let parties = parties.into_iter();
        let named = parties.filter(|(party, _)| selector.by.contains(*party));
        let named: Vec<&str> = named.map(|(_, name)| name).collect();
        words.extend([" by ", &or(&named)]);
    }
    if let Some(source) = selector.condition.as_ref().map(Condition::source) {
        words.extend([" where ", source.trim()]);
    }
    words
}

fn nps_in_words(nps: &Nps, expected_delay: ExpectedDelay<'_>) -> Vec<String> {
    let cohorts: Vec<String> = nps.cohorts.iter().map(cohort).collect();
    let cohorts: Vec<&str> = cohorts.iter().map(String::as_str).collect();
    let mut scores = format!(
        "NPS over {} days is kept for {}",
        nps.window_days,
        and(&cohorts)
    );
    if let Some(waves) = nps.waves {
        let wave = match waves {
            Waves::Month => "month",
            Waves::Quarter => "quarter",
            Waves::Year => "year",
        };
        scores.extend([", each ", wave, " against the last"]);
    }
    let mut sentences = vec![scores + "."];
    if let Some(shift) = &nps.shift {
        let watched = nps.cohorts.iter();
        sentences.extend(watched.map(|by| shift_in_words(nps, shift, by, expected_delay)));
    }
    if let Some(turned) = &nps.turned_detractor {
        sentences.push(format!(
            "{}: raises promoter_turned_detractor ({}) when somebody who promoted now detracts.",
            turned.rule,
            severity(turned.severity)
        ));
    }
    sentences
}

fn cohort(by: &CohortBy) -> String {
    match &*by.dimension {
        "all" => "everybody".to_owned(),
        name => format!(
            "each {name} (about {}, at most {})",
            by.expected, by.values_max
        ),
    }
}

fn shift_in_words(
    nps: &Nps,
    shift: &Shift,
    by: &CohortBy,
    expected_delay: ExpectedDelay<'_>,
) -> String {
    let threshold = nps.threshold(shift, by);
    let whose = match &*by.dimension {
        "all" => "the NPS of everybody".to_owned(),
        name => format!("the NPS of one {name}"),
    };
    // Without a target nobody knows the score yet: we show what happens to 30, a usual one.
    let from = by.target.unwrap_or(30.0);
    let to = (from - 30.0).max(-100.0);
    let fall = Fall {
        from,
        to,
        threshold,
        by,
        shift,
    };
    let noticed = match expected_delay(&fall) {
        Some(replies) => format!(
            "a lasting fall from {from} to {to} is noticed after about {} days",
            thousands(replies / by.replies_per_year * 365.25)
        ),
        None => format!("a fall from {from} to {to} may never be noticed"),
    };
    format!(
        "{}: alarms ({}) when {whose} has shifted, with threshold A = {} (on average at most one false alarm in {} years \
         each way); {noticed}.",
        shift.rule,
        severity(shift.severity),
        thousands(threshold),
        thousands(threshold / by.replies_per_year),
    )
}

fn subject(subject: SubjectKind) -> &'static str {
    match subject {
        SubjectKind::Customer => "customer",
        SubjectKind::Application => "application",
        SubjectKind::Enquiry => "enquiry",
        SubjectKind::Complaint => "complaint",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn names(kinds: KindSet) -> Vec<&'static str> {
    kinds.iter().map(crate::event::Kind::name).collect()
}

fn and(names: &[&str]) -> String {
    joined(names, "and")
}

fn or(names: &[&str]) -> String {
    joined(names, "or")
}

fn joined(names: &[&str], last: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [name] => (*name).to_owned(),
        [names @ .., name] => format!("{} {last} {name}", names.join(", ")),
    }
}

/// A rounded number with commas between thousands; one digit after the point below ten.
fn thousands(number: f64) -> String {
    if number < 10.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let grouped = digits.as_bytes().rchunks(3).rev();
    let grouped: Vec<&str> = grouped
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    grouped.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(text: &str) -> String {
        let (definition, _) = Definition::parse(text).expect("valid");
        let delay = |fall: &Fall<'_>| (fall.to < fall.from).then_some(120.0);
        definition.explain(&delay).join("\n")
    }

    #[test]
    fn each_rule_is_one_sentence_with_its_defaults() {
        let text = r#"
definition: small
version: "1"
rules:
  - id: enquiry-unanswered
    for: enquiry
    after: [enquiry.opened]
    expect: [enquiry.answered]
    within: [{ when: { tier: A }, is: 8h }, { is: 24h }]
    warn: 80%
    raise: { kind: enquiry_unanswered, severity: critical }
  - id: customer-quiet
    for: customer
    after: { by: [customer] }
    expect: { by: [customer] }
    within: 90d
    raise: { kind: customer_quiet }
"#;
        let said = explained(text);
        assert!(said.contains(
            "enquiry-unanswered: for each enquiry, after enquiry.opened, expects enquiry.answered within 8h for tier A; \
             24h, warns (info) at 80% of that, else raises enquiry_unanswered (critical) on alerts, having waited 10m for \
             late events."
        ), "{said}");
        assert!(said.contains(
            "customer-quiet: for each customer, after any event by the customer, expects the same again within 90d, else"
        ), "{said}");
    }

    #[test]
    fn a_shift_says_its_threshold_and_how_long_it_takes_to_notice() {
        let text = r#"
definition: scores
version: "1"
nps:
  cohorts: [{ by: all, replies_per_year: 4000 }, { by: branch, expected: 9, replies_per_year: 400, target: 40 }]
  shift: { false_alarms_per_year: 2 }
"#;
        let said = explained(text);
        // Ten cohorts, two directions, two false alarms a year: each detector may alarm falsely once in ten years.
        assert!(
            said.contains(
                "threshold A = 40,000 (on average at most one false alarm in 10 years each way)"
            ),
            "{said}"
        );
        assert!(said.contains("threshold A = 4,000 (on average"), "{said}");
        assert!(
            said.contains("a lasting fall from 40 to 10 is noticed after about 110 days"),
            "{said}"
        );
    }
}
